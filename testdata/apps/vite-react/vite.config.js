import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  // The images here are tiny. Inlining them would leave no asset files among the artifacts.
  build: { assetsInlineLimit: 0 },
})
