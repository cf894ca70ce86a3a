import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { scripts } from '../../src/kernel/scripts.gen.js'

test.each(Object.values(scripts))('the SHA-1 of $name is that of its text', ({ lua, sha1 }) => {
  expect(createHash('sha1').update(lua).digest('hex')).toBe(sha1)
})
