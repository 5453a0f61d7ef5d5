// Serves dist on a free port, so that several builds on one machine do not meet, and says in
// .server/url where.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'

const TYPES = { '.html': 'text/html; charset=utf-8', '.png': 'image/png' }

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  const file = pathname === '/' ? '/index.html' : pathname
  try {
    const body = await readFile(path.join('dist', file))
    response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'text/plain' }).end(body)
  } catch {
    response.writeHead(404).end('not found\n')
  }
  console.log(`${request.method} ${pathname} ${response.statusCode}`)
})

server.listen(0, '127.0.0.1', async () => {
  await mkdir('.server', { recursive: true })
  await writeFile('.server/url', `http://127.0.0.1:${server.address().port}/`)
})

process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
