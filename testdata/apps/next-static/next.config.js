/** @type {import('next').NextConfig} */
export default {
  output: 'export',
  // The build id is a folder name under out/_next/static. The default is random.
  generateBuildId: async () => 'preamp',
  // Without it Next looks for a workspace root in the folders above, and finds one when the app
  // is built where it stands in preamp's own checkout.
  turbopack: { root: import.meta.dirname },
}
