// docs/parity.md, the semaphores of Redisson: each test is a row of its tables.
import { expect, test } from 'vitest'
import { refusal, two } from './kit.js'

const limit = 3

test('redisson.getSemaphore(name)', () => {
  expect(two().a.semaphore('x', { limit }).name).toBe('x')
})

test('semaphore.trySetPermits(n)', async () => {
  const { a, b } = two()
  await a.semaphore('x', { limit }).acquire()
  const error = await refusal(b.semaphore('x', { limit: 5 }).acquire())
  expect(error).toMatchObject({ code: 'ERR_CONFIG', message: /3.*5/ })
})

test('semaphore.acquire()', async () => {
  const { w, a, b } = two()
  const held = await a.semaphore('x', { limit: 1 }).acquire()
  const wait = w.watch(b.semaphore('x', { limit: 1 }).acquire({ wait: Infinity }))
  await w.advance(60_000)
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
})

test('semaphore.acquire(n)', async () => {
  const { a } = two()
  const semaphore = a.semaphore('x', { limit })
  await semaphore.acquire({ permits: 2 })
  expect(await semaphore.available()).toMatchObject({ used: 2, available: 1 })
})

test('semaphore.tryAcquire()', async () => {
  const { a, b } = two()
  await a.semaphore('x', { limit: 1 }).acquire()
  expect(await b.semaphore('x', { limit: 1 }).tryAcquire()).toBeNull()
})

test('semaphore.tryAcquire(n)', async () => {
  const { a, b } = two()
  await a.semaphore('x', { limit }).acquire({ permits: 2 })
  expect(await b.semaphore('x', { limit }).tryAcquire({ permits: 2 })).toBeNull()
  expect(await b.semaphore('x', { limit }).tryAcquire({ permits: 1 })).not.toBeNull()
})

test('semaphore.tryAcquire(n, waitTime, unit)', async () => {
  const { w, a, b } = two()
  await a.semaphore('x', { limit }).acquire({ permits: 2 })
  const wait = w.watch(b.semaphore('x', { limit }).acquire({ permits: 2, wait: '3s' }))
  await w.advance(3050)
  expect(wait).toMatchObject({ at: 3000, error: { code: 'ERR_TIMEOUT' } })
})

test('semaphore.release(), semaphore.release(n)', async () => {
  const { a } = two()
  const semaphore = a.semaphore('x', { limit })
  // Those of one call are released together, and nothing that was not taken.
  const [one, both] = [await semaphore.acquire(), await semaphore.acquire({ permits: 2 })]
  await both.release()
  expect(await semaphore.available()).toMatchObject({ available: 2 })
  await one.release()
  await one.release()
  expect(await semaphore.available()).toMatchObject({ limit, available: 3 })
})

test('semaphore.availablePermits()', async () => {
  const { a } = two()
  const semaphore = a.semaphore('x', { limit })
  await semaphore.acquire()
  expect((await semaphore.available()).available).toBe(2)
})

test('semaphore.drainPermits()', async () => {
  const { a, b } = two()
  await b.semaphore('x', { limit }).acquire()
  const semaphore = a.semaphore('x', { limit })
  const { available } = await semaphore.available()
  const all = await semaphore.tryAcquire({ permits: available })
  expect([available, all === null]).toEqual([2, false])
  expect(await semaphore.available()).toMatchObject({ available: 0 })
})

test('semaphore.addPermits(n)', async () => {
  const { w, a, b } = two()
  const semaphore = a.semaphore('x', { limit: 1 })
  await semaphore.acquire()
  const wait = w.watch(b.semaphore('x', { limit: 1 }).acquire())
  await w.advance()
  expect(await semaphore.resize(semaphore.limit + 1)).toMatchObject({ limit: 2 })
  await w.advance()
  expect(wait.state).toBe('done')
})

test('redisson.getPermitExpirableSemaphore(name)', async () => {
  const { w, a } = two()
  const permit = await a.semaphore('x', { limit }).acquire()
  await w.advance(60_000)
  permit.assertHeld()
  // Of one that died it is free when its lease ends.
  w.clients[0]!.clock.freeze('stopped')
  await w.advance(10_001)
  expect(await w.client().locks.semaphore('x', { limit }).available()).toMatchObject({ used: 0 })
})

test('expirable.acquire()', async () => {
  const { a } = two()
  const permit = await a.semaphore('x', { limit }).acquire()
  // The permit's id.
  expect((await a.inspect('x')).holders[0]?.owner).toBe(permit.owner)
})

test('expirable.acquire(leaseTime, unit)', async () => {
  const { w, a } = two()
  const semaphore = a.semaphore('x', { limit, ttl: '10s', renew: false })
  const permit = await semaphore.acquire({ wait: Infinity })
  await w.advance(10_001)
  expect([permit.isHeld, (await semaphore.available()).used]).toEqual([false, 0])
})

test('expirable.tryAcquire(waitTime, leaseTime, unit)', async () => {
  const { w, a, b } = two()
  await a.semaphore('x', { limit: 1 }).acquire()
  const semaphore = b.semaphore('x', { limit: 1, ttl: '5s', renew: false })
  const wait = w.watch(semaphore.acquire({ wait: '3s' }))
  await w.advance(3050)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('expirable.tryRelease(id), expirable.release(id)', async () => {
  const { w, a } = two()
  const semaphore = a.semaphore('x', { limit, ttl: 1000, renew: false })
  expect(await (await semaphore.acquire()).release()).toEqual({ released: true })
  const late = await semaphore.acquire()
  await w.advance(1000)
  expect(await late.release()).toEqual({ released: false, reason: 'lost' })
})

test('expirable.availablePermits(), acquiredPermits(), getPermits()', async () => {
  const { a } = two()
  const semaphore = a.semaphore('x', { limit })
  await semaphore.acquire()
  expect(await semaphore.available()).toEqual({ limit: 3, used: 1, available: 2, waiting: 0 })
})

test('expirable.setPermits(n), addPermits(n)', async () => {
  const { a } = two()
  const semaphore = a.semaphore('x', { limit })
  await semaphore.acquire()
  expect(await semaphore.resize(2)).toMatchObject({ limit: 2, available: 1 })
  expect(await semaphore.resize(semaphore.limit + 3)).toMatchObject({ limit: 5, available: 4 })
})

test('expirable.updateLeaseTime(id, leaseTime, unit)', async () => {
  const { a } = two()
  const permit = await a.semaphore('x', { limit }).acquire()
  await permit.extend('1m')
  expect((await a.inspect('x')).holders[0]?.remaining).toBe(60_000)
})
