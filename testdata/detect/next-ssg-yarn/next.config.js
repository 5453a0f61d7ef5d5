// output: 'standalone' was tried first
module.exports = {
  images: { unoptimized: true },
  output: 'export',
};
