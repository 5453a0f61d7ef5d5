import type { NextConfig } from 'next';

const nextConfig: NextConfig = {
  distDir: 'client/next',
  output: process.env.STATIC ? 'export' : undefined,
};
export default nextConfig;
