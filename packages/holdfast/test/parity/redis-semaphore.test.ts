// docs/parity.md, redis-semaphore: each test is a row of its table.
import { expect, test } from 'vitest'
import { refusal, two } from './kit.js'

const limit = 3

test('new Mutex(client, key)', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
})

test('new Semaphore(client, key, limit)', async () => {
  const { a, b } = two()
  for (let i = 0; i < 3; i++) await a.semaphore('x', { limit }).acquire()
  expect(await b.semaphore('x', { limit }).tryAcquire()).toBeNull()
})

test('new MultiSemaphore(client, key, limit, permits)', async () => {
  const { a, b } = two()
  await a.semaphore('x', { limit }).acquire({ permits: 2 })
  expect(await b.semaphore('x', { limit }).tryAcquire({ permits: 2 })).toBeNull()
})

test('mutex.acquire(signal)', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const controller = new AbortController()
  const wait = w.watch(b.mutex('x').acquire({ signal: controller.signal }))
  await w.advance(100)
  controller.abort('enough')
  await w.advance()
  expect([wait.error, w.line('x')]).toEqual(['enough', []])
})

test('mutex.tryAcquire()', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  // At once; theirs waits for acquireTimeout, as `acquire` with `wait` does here.
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  expect(w.clock.monotonic()).toBe(0)
})

test('mutex.release()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  w.server.del('lock:x')
  // It says when the lock had been lost.
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
})

test('mutex.stopRefresh()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { maxHold: '30s' }).acquire()
  await w.advance(29_000)
  expect(lock.isHeld).toBe(true)
  await w.advance(1000)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'max-hold' })
  expect(w.holder('x')).toBeNull()
})

test('mutex.isAcquired', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 1000, renew: false }).acquire()
  expect(lock.isHeld).toBe(true)
  await w.advance(1000)
  expect(lock.isHeld).toBe(false)
})

test('mutex.identifier', async () => {
  const { w, a } = two()
  expect((await a.mutex('x').acquire()).owner).toBe(w.holder('x'))
})

test('lockTimeout', async () => {
  const { a } = two()
  await a.mutex('x', { ttl: 20_000 }).acquire()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(20_000)
})

test('acquireTimeout', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: 10_000 }))
  await w.advance(10_050)
  expect(wait).toMatchObject({ at: 10_000, error: { code: 'ERR_TIMEOUT' } })
})

test('acquireAttemptsLimit', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  expect(await refusal(b.mutex('x').acquire({ wait: 0 }))).toMatchObject({ code: 'ERR_TAKEN' })
  expect(w.net.count('acquire', w.clients[1])).toBe(1)
})

test('retryInterval', async () => {
  const { w, a, b } = two()
  await a.mutex('x', { ttl: '1m' }).acquire()
  w.watch(b.mutex('x').acquire({ wait: '1m' }))
  await w.advance(100)
  w.net.log.length = 0
  await w.advance(19_000)
  expect(w.net.log).toEqual([])
})

test('refreshInterval', async () => {
  const { w, a } = two()
  await a.mutex('x', { ttl: 9000 }).acquire()
  await a.mutex('y', { ttl: 9000, renew: false }).acquire()
  await w.advance(9000)
  expect(w.net.count('renew')).toBe(3)
  expect([w.holder('x') === null, w.holder('y')]).toEqual([false, null])
})

test('identifier', async () => {
  const { a } = two()
  const mutex = a.mutex('x')
  const first = await mutex.acquire()
  await first.release()
  expect((await mutex.acquire()).owner).not.toBe(first.owner)
})

test('onLockLost(error)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  const lost: unknown[] = []
  lock.signal.addEventListener('abort', () => lost.push(lock.signal.reason))
  await w.advance(1)
  w.server.del('lock:x')
  await w.advance(4000)
  expect(lost).toMatchObject([{ code: 'ERR_LOST', reason: 'gone' }])
})

test('defaultTimeoutOptions', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(10_000)
  const wait = w.watch(b.mutex('x').acquire())
  await w.advance(10_050)
  expect(wait.at).toBe(10_000)
})

test('LostLockError, TimeoutError', async () => {
  const { w, a, b } = two()
  const lock = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: 1000 }))
  await w.advance(1050)
  expect(wait.error).toMatchObject({ name: 'HoldfastError', code: 'ERR_TIMEOUT' })
  w.server.del('lock:x')
  await w.advance(4000)
  expect(lock.signal.reason).toMatchObject({ name: 'HoldfastError', code: 'ERR_LOST' })
})

test('acquiredExternally', async () => {
  const { a, b } = two()
  const lock = await a.semaphore('x', { limit: 2 }).acquire({ permits: 2 })
  const token = await lock.handOver()
  const there = await b.takeOver(token)
  expect([lock.isHeld, there.isHeld, there.fence > lock.fence]).toEqual([false, true, true])
  expect(await a.semaphore('x', { limit: 2 }).available()).toMatchObject({ used: 2 })
})
