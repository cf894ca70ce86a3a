// What the simulator has to find is planted by text: a text that is no more in the source would plant nothing.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pkg } from '../lib/paths.mjs'
import { breakages } from './breakages.mjs'

test.each(breakages)('$name: there is one place for it', ({ file, find, replace }) => {
  const text = readFileSync(join(pkg, 'src', file), 'utf8')
  expect(text.split(find)).toHaveLength(2)
  expect(text.replace(find, () => replace)).not.toBe(text)
})
