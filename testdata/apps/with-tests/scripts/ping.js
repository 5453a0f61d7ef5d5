// Succeeds when the server has said where it listens and answers there.
import { readFile } from 'node:fs/promises'

const url = await readFile('.server/url', 'utf8')
const response = await fetch(url)
if (!response.ok) throw new Error(`${url} answered ${response.status}`)
console.log(`${url} is up`)
