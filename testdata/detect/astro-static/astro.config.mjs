import { defineConfig } from 'astro/config';
export default defineConfig({ outDir: './www/', site: 'https://example.com' });
