import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'

await rm('dist', { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: ['src/main.js'],
  bundle: true,
  minify: true,
  format: 'esm',
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  metafile: true,
  logLevel: 'info',
})

const assets = Object.keys(metafile.outputs).map((file) => path.posix.relative('dist', file))
const tags = assets.map((file) =>
  file.endsWith('.css')
    ? `<link rel="stylesheet" href="/${file}" />`
    : `<script type="module" src="/${file}"></script>`,
)
await writeFile('dist/index.html', page(tags))

function page(tags) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Admin</title>
    ${tags.join('\n    ')}
  </head>
  <body></body>
</html>
`
}
