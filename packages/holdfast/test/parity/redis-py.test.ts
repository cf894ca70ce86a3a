// docs/parity.md, Lock of redis-py: each test is a row of its table.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { refusal, two } from './kit.js'

test('redis.lock(name), Lock(redis, name)', async () => {
  const w = new World()
  const { locks } = w.client({}, { prefix: '' })
  const lock = await locks.mutex('jobs:a').acquire()
  w.server.keys()
  expect(w.server.space.get('jobs:a')).toBe(lock.owner)
})

test('timeout', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '5s', renew: false }).acquire()
  await w.advance(5000)
  expect([lock.isHeld, w.holder('x')]).toEqual([false, null])
})

test('timeout=None', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  await w.advance(600_000)
  lock.assertHeld()
  // And a crash frees it all the same.
  w.clients[0]!.clock.freeze('stopped')
  await w.advance(10_001)
  expect(w.holder('x')).toBeNull()
})

test('sleep', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire())
  await w.advance(3000)
  const before = w.net.count('acquire')
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  expect(w.net.count('acquire')).toBe(before)
})

test('blocking=False', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
})

test('blocking_timeout', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: '5s' }))
  await w.advance(5050)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('blocking_timeout=None', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: Infinity }))
  await w.advance(600_000)
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
})

test('thread_local', async () => {
  const { a } = two()
  const lock = await a.mutex('x').acquire()
  // Whoever has the handle releases; another call of the same object has a handle of its own.
  expect(await a.mutex('x').tryAcquire()).toBeNull()
  expect(await Promise.resolve(lock).then((handle) => handle.release())).toEqual({ released: true })
})

test('raise_on_release_error', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  w.server.del('lock:x')
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
})

test('lock.acquire(sleep, blocking, blocking_timeout, token)', async () => {
  const { a } = two()
  const mutex = a.mutex('x', { ttl: '5s' })
  const first = await mutex.acquire({ wait: '5s', ttl: '1s' })
  await first.release()
  const second = await mutex.acquire()
  // The token is made anew for each acquisition.
  expect(second.owner).not.toBe(first.owner)
})

test('with lock:', async () => {
  const { w, a } = two()
  expect(await a.mutex('x').use(({ isHeld }) => isHeld)).toBe(true)
  {
    await using lock = await a.mutex('x').acquire()
    expect(lock.isHeld).toBe(true)
  }
  expect(w.left()).toEqual([])
})

test('lock.release()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  expect(await lock.release()).toEqual({ released: true })
  expect(w.holder('x')).toBeNull()
})

test('lock.locked()', async () => {
  const { a, b } = two()
  expect((await b.inspect('x')).holderCount > 0).toBe(false)
  await a.mutex('x').acquire()
  expect((await b.inspect('x')).holderCount > 0).toBe(true)
})

test('lock.owned()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  await w.advance(1)
  await lock.verify()
  w.server.set('lock:x', 'theirs', 1000)
  expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST' })
  expect(lock.isHeld).toBe(false)
})

test('lock.extend(additional_time)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 10_000, renew: false }).acquire()
  await w.advance(4000)
  const before = lock.validFor
  await lock.extend(before + 5000)
  expect(lock.validFor).toBeGreaterThan(before + 4000)
})

test('lock.extend(additional_time, replace_ttl=True)', async () => {
  const { a } = two()
  const lock = await a.mutex('x', { ttl: 10_000, renew: false }).acquire()
  await lock.extend('1m')
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(60_000)
})

test('lock.reacquire()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 10_000, renew: false }).acquire()
  await w.advance(6000)
  await lock.verify()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(10_000)
})

test('LockError', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  const error = await refusal(b.mutex('x').acquire({ wait: 0 }))
  expect(error).toMatchObject({ name: 'HoldfastError', code: 'ERR_TAKEN' })
})

test('LockNotOwnedError', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  await w.advance(1)
  w.server.del('lock:x')
  expect(await refusal(lock.extend('10s'))).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
})
