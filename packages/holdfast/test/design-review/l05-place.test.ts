// Review L5: an attempt that waits is not a failed one: it keeps its place in all lines until the wait ends.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { Servers } from '../quorum/kit.js'

test('L5: whoever waits keeps its place over attempts, and leaves all lines when it gives up', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a').acquire({ ttl: 3000 }), 1)
  const calls = new AbortController()
  const clients = [w.client(), w.client()]
  const waits = []
  for (const { locks: own } of clients) {
    waits.push(w.watch(own.mutex('a').acquire({ wait: 60_000, signal: calls.signal })))
    await w.advance(20)
  }
  const lines = (): string[][] =>
    w.nets.map(({ server }) => {
      const line = server.space.zset(keysOf('a', 'lock:')[2])
      return line.slice(0, line.size).map(({ member, score }) => `${score} ${member}`)
    })
  const before = lines()
  expect(before[0]).toHaveLength(2)
  expect(before).toEqual([before[0], before[0], before[0]])
  const asked = w.count('q_acquire')
  await w.advance(20_000)
  // They looked again when the lease should have been over, and the holder is there.
  expect(w.count('q_acquire')).toBeGreaterThan(asked)
  expect(lines()).toEqual(before)
  calls.abort()
  await w.advance(20)
  expect(lines()).toEqual([[], [], []])
  await w.after(lock.release(), 10)
  expect(w.left()).toEqual([])
})
