import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { title } from '../title.js'

// Set to anything else in the job's environment to see a build whose tests fail.
const EXPECTED_TITLE = process.env.EXPECTED_TITLE ?? 'A tested site'

describe('the site', () => {
  let base

  before(async () => {
    base = await readFile('.server/url', 'utf8')
  })

  it('has the right title', async () => {
    const response = await fetch(base)
    assert.equal(response.status, 200)
    assert.equal(title(await response.text()), EXPECTED_TITLE)
  })

  it('shows its logo', async () => {
    const response = await fetch(new URL('logo.png', base))
    assert.equal(response.headers.get('content-type'), 'image/png')
    // Where a browser test would keep its screenshot.
    await mkdir('reports/screenshots', { recursive: true })
    await writeFile('reports/screenshots/logo.png', Buffer.from(await response.arrayBuffer()))
  })

  it('answers 404 for an unknown page', async () => {
    const response = await fetch(new URL('missing', base))
    assert.equal(response.status, 404)
  })

  it.skip('is translated', () => {})
})
