import assert from 'node:assert/strict'
import test from 'node:test'
import { title } from '../title.js'

test('finds the title', () => {
  assert.equal(title('<head><title>Hello</title></head>'), 'Hello')
})

test('is empty without a title', () => {
  assert.equal(title('<head></head>'), '')
})
