// A claim is made at least as long as two time limits, and these need not be whole milliseconds.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

/** Two time limits: 250 ms, and 246.8 ms. */
const ttls = [1250, 1234]

test.each(ttls)('a tenure that a node has lost is taken up again (ttl %i)', async (ttl) => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const { owner } = await w.after(locks.mutex('a', { ttl, claim: 50 }).acquire(), 5)
  w.server(2).del('lock:a')
  await w.advance(ttl)
  expect(w.holders('a')).toEqual([owner, owner, owner])
})

test.each(ttls)('who waits is offered the name (ttl %i)', async (ttl) => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client().locks
  const lock = await w.after(locks.mutex('a', { ttl: 30_000 }).acquire(), 5)
  const next = w.watch(other.mutex('a', { ttl, claim: 50 }).acquire({ wait: 100_000 }))
  await w.advance(500)
  await w.after(lock.release(), 5)
  await w.advance(50)
  expect(next.state).toBe('done')
})
