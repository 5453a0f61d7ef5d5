export default defineConfig(({ mode }) => ({
  root: 'src',
  build: {
    outDir: '../www', // beside src
    rollupOptions: { output: { dir: 'not-this' } },
  },
}))
