// No two acquisitions of one process share a token, also not those who share the name.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

test('readers of one process who come in the same microsecond have tokens of their own', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const readers = await w.after(
    Promise.all(Array.from({ length: 400 }, () => locks.readWrite('r').read().acquire())),
  )
  expect(new Set(readers.map(({ fence }) => fence)).size).toBe(400)
})
