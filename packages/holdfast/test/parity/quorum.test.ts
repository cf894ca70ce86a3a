// Several servers, as other libraries have them. Each title is a row of docs/parity.md.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { Servers } from '../quorum/kit.js'

/** One of three servers is away. */
async function exclusive(): Promise<void> {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client().locks
  w.nets[1]!.silence()
  const lock = await w.after(locks.mutex('x').acquire())
  expect(await w.after(other.mutex('x').tryAcquire())).toBeNull()
  expect(await w.after(lock.release())).toEqual({ released: true })
  const next = await w.after(other.mutex('x').acquire())
  expect(next.fence).toBeGreaterThan(lock.fence)
}

test('redsync.New(a, b, c)', exclusive)

test('redisson.getRedLock(a, b, c)', exclusive)

test('new Redlock([a, b, c], settings)', exclusive)

test('new RedlockMutex(clients, key)', exclusive)

test('WithSetNXOnExtend()', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('x').acquire())
  w.server(1).del(keysOf('x', 'lock:')[0])
  expect(w.holders('x')).toEqual([lock.owner, null, lock.owner])
  await w.after(lock.extend('10s'))
  expect(w.holders('x')).toEqual([lock.owner, lock.owner, lock.owner])
})

test('WithFailFast(b), WithShufflePools(b)', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  w.nets[0]!.delay('reply', '*', 400, { times: Infinity })
  const taken = w.watch(locks.mutex('x').acquire())
  await w.advance(1)
  expect(taken.state).toBe('done')
})

test('new RedlockSemaphore(clients, key, limit), new RedlockMultiSemaphore(...)', async () => {
  const w = new Servers(3)
  await w.started()
  // Each asks two of the servers: counts by majority would let in all three.
  const three = [0, 1, 2].map((away) => {
    const client = w.client()
    client.ports[away]!.ready = false
    return client.locks.semaphore('x', { limit: 2 }).acquire({ wait: 0 })
  })
  const all = w.watch(Promise.allSettled(three))
  await w.advance(2000)
  const granted = all.value.filter(({ status }) => status === 'fulfilled')
  expect([1, 2]).toContain(granted.length)
  const both = w.client().locks.semaphore('y', { limit: 2 })
  expect((await w.after(both.acquire({ permits: 2 }))).fence).toBeGreaterThan(0)
  expect(await w.after(both.tryAcquire())).toBeNull()
})
