// What waiting for a name of several servers costs.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

test('waiting costs nothing; a hand-over costs two calls a node, in the order of arrival', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client()
  const lock = await w.after(locks.mutex('a', { ttl: 20_000 }).acquire(), 1)
  const all = Array.from({ length: 300 }, () =>
    w.watch(other.locks.mutex('a').acquire({ wait: 60_000 })),
  )
  await w.advance(1000)
  w.nets.forEach(({ log }) => (log.length = 0))
  await w.advance(4000)
  expect(w.count()).toBe(0)
  let last = lock
  for (let i = 0; i < 5; i++) {
    await w.after(last.release(), 50)
    expect([w.count(), w.count('q_release'), w.count('q_acquire')]).toEqual([6, 3, 3])
    w.nets.forEach(({ log }) => (log.length = 0))
    last = all[i]!.value
  }
  await w.after(other.locks.close(), 3000)
  expect(w.left()).toEqual([])
  expect(other.clock.timers).toBe(0)
})
