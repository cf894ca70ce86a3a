// docs/parity.md, the locks of Redisson: each test is a row of its tables.
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { refusal, two } from './kit.js'

test('redisson.getLock(name)', async () => {
  const { a } = two()
  const lock = a.mutex('x', { reentrant: true })
  expect(await lock.use(() => lock.use(({ holdCount }) => holdCount))).toBe(2)
})

test('lock.lock()', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: Infinity }))
  await w.advance(600_000)
  expect(wait.state).toBe('pending')
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
})

test('lock.lock(leaseTime, unit)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '10s', renew: false }).acquire({ wait: Infinity })
  await w.advance(10_000)
  expect([lock.isHeld, w.holder('x')]).toEqual([false, null])
})

test('lock.lockInterruptibly()', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const thread = new AbortController()
  const wait = w.watch(b.mutex('x').acquire({ wait: Infinity, signal: thread.signal }))
  await w.advance(100)
  thread.abort('interrupted')
  await w.advance()
  expect([wait.error, w.line('x')]).toEqual(['interrupted', []])
})

test('lock.tryLock()', async () => {
  const { a, b } = two()
  expect(await a.mutex('x').tryAcquire()).not.toBeNull()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
})

test('lock.tryLock(waitTime, unit)', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: '3s' }))
  await w.advance(3050)
  expect(wait).toMatchObject({ at: 3000, error: { code: 'ERR_TIMEOUT' } })
})

test('lock.tryLock(waitTime, leaseTime, unit)', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x', { ttl: '5s', renew: false }).acquire({ wait: '3s' }))
  await w.advance(1000)
  await held.release()
  await w.advance()
  wait.value.assertHeld()
  await w.advance(5000)
  expect(w.holder('x')).toBeNull()
})

test('lock.unlock()', async () => {
  const { a } = two()
  const lock = await a.mutex('x').acquire()
  expect(await lock.release()).toEqual({ released: true })
  // Not a lock of somebody else's: there is no handle to do that with.
  expect(await lock.release()).toEqual({ released: true })
})

test('lock.forceUnlock()', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const next = w.watch(b.mutex('x').acquire())
  await w.advance()
  expect(await b.forceRelease('x', { now: true })).toMatchObject({ freed: true, asked: 1 })
  await w.advance()
  expect(next.state).toBe('done')
})

test('lock.isLocked()', async () => {
  const { a, b } = two()
  expect((await b.inspect('x')).holderCount > 0).toBe(false)
  await a.mutex('x').acquire()
  expect((await b.inspect('x')).holderCount > 0).toBe(true)
})

test('lock.isHeldByCurrentThread()', async () => {
  const { a } = two()
  const lock = await a.mutex('x').acquire()
  expect(lock.isHeld).toBe(true)
  await lock.release()
  expect(lock.isHeld).toBe(false)
})

test('lock.isHeldByThread(threadId)', async () => {
  const { a, b } = two()
  const lock = await a.mutex('x').acquire()
  const { holders } = await b.inspect('x')
  expect(holders.some(({ owner }) => owner === lock.owner)).toBe(true)
})

test('lock.getHoldCount()', async () => {
  const { a } = two()
  const owner = a.owner()
  const mutex = a.mutex('x', { reentrant: true })
  const [first, second] = [await mutex.acquire({ owner }), await mutex.acquire({ owner })]
  expect(first.holdCount).toBe(2)
  expect(await second.release()).toEqual({ released: false, reason: 'held' })
  expect(first.holdCount).toBe(1)
})

test('lock.remainTimeToLive()', async () => {
  const { w, a, b } = two()
  expect((await b.inspect('x')).holders[0]?.remaining).toBeUndefined()
  await a.mutex('x', { ttl: '10s', renew: false }).acquire()
  await w.advance(4000)
  expect((await b.inspect('x')).holders[0]?.remaining).toBe(6000)
})

test('lock.getName()', async () => {
  expect((await two().a.mutex('x').acquire()).name).toBe('x')
})

test('lock.lockAsync(threadId), lock.unlockAsync(threadId)', async () => {
  const { a } = two()
  const mutex = a.mutex('x', { reentrant: true })
  const [thread, other] = [a.owner(), a.owner()]
  await mutex.acquire({ owner: thread })
  expect(await mutex.tryAcquire({ owner: other })).toBeNull()
  expect(await mutex.tryAcquire({ owner: thread })).not.toBeNull()
})

test('lock.addListener(ExpiredObjectListener), addListener(DeletedObjectListener)', async () => {
  const { w, a } = two()
  const told: unknown[] = []
  const listener = (message: unknown): void => void told.push(message)
  channel('holdfast:lost').subscribe(listener)
  const lock = await a.mutex('x', { ttl: '1s', renew: false }).acquire()
  const reasons: unknown[] = []
  lock.signal.addEventListener('abort', () => reasons.push(lock.signal.reason))
  await w.advance(1000)
  channel('holdfast:lost').unsubscribe(listener)
  expect(reasons).toMatchObject([{ code: 'ERR_LOST', reason: 'expired' }])
  expect(told).toMatchObject([{ name: 'x', reason: 'expired' }])
})

test('Config.lockWatchdogTimeout', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '30s' }).acquire()
  await w.advance(30_000)
  // At a third of it.
  expect([lock.isHeld, w.net.count('renew')]).toEqual([true, 3])
})

test('redisson.getFairLock(name)', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  const order: number[] = []
  for (const [i, locks] of [b, a, b, a].entries()) {
    void locks.mutex('x').use(() => order.push(i))
    await w.advance(10)
  }
  await held.release()
  await w.advance(10)
  expect(order).toEqual([0, 1, 2, 3])
})

test('Config.fairLockWaitTimeout', async () => {
  const { w, a, b } = two()
  const dead = w.client()
  const held = await a.mutex('x', { ttl: '60s' }).acquire()
  w.watch(dead.locks.mutex('x').acquire())
  await w.advance(10)
  const next = w.watch(b.mutex('x').acquire())
  await w.advance(10)
  dead.clock.freeze('stopped')
  const released = w.clock.monotonic()
  await held.release()
  await w.advance(3000)
  // One claim, 2 s unless told otherwise; nothing where the server sees that it is gone.
  expect(next.at - released).toBeGreaterThanOrEqual(2000)
  expect(next.at - released).toBeLessThan(2100)
})

test('redisson.getSpinLock(name)', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
})

test('LockOptions.ExponentialBackoff, LockOptions.ConstantBackoff', async () => {
  const { w, a, b } = two()
  await a.mutex('x', { ttl: '1m' }).acquire()
  w.watch(b.mutex('x').acquire({ wait: '1m' }))
  await w.advance(100)
  w.net.log.length = 0
  await w.advance(19_000)
  expect(w.net.log).toEqual([])
})

test('redisson.getReadWriteLock(name)', async () => {
  expect(two().a.readWrite('x').name).toBe('x')
})

test('rw.readLock()', async () => {
  const { a, b } = two()
  const readers = [await a.readWrite('x').read().acquire(), await b.readWrite('x').read().acquire()]
  expect(readers.map(({ isHeld }) => isHeld)).toEqual([true, true])
  expect(await b.readWrite('x').write().tryAcquire()).toBeNull()
})

test('rw.writeLock()', async () => {
  const { a, b } = two()
  await a.readWrite('x').write().acquire()
  expect(await b.readWrite('x').read().tryAcquire()).toBeNull()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
})

test('rw.readLock().isLocked(), rw.writeLock().isLocked()', async () => {
  const { a, b } = two()
  await a.readWrite('x').read().acquire()
  expect((await b.inspect('x')).holders[0]?.mode).toBe('shared')
  await a.readWrite('y').write().acquire()
  expect((await b.inspect('y')).holders[0]?.mode).toBe('exclusive')
})

test('readLock().lock() while writing, then writeLock().unlock()', async () => {
  const { w, a, b } = two()
  const writer = await a.readWrite('x').write().acquire()
  const other = w.watch(b.readWrite('x').read().acquire())
  await w.advance()
  const reader = await writer.downgrade()
  await w.advance()
  expect([reader.isHeld, other.state]).toEqual([true, 'done'])
})

test('writeLock().lock() while reading', async () => {
  const { a } = two()
  const rw = a.readWrite('x')
  const error = await rw.read().use(() => refusal(rw.write().acquire()))
  expect(error).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'x' })
})

test('redisson.getFencedLock(name)', async () => {
  const { a } = two()
  expect(Number.isSafeInteger((await a.mutex('x').acquire()).fence)).toBe(true)
})

test('fenced.lockAndGetToken()', async () => {
  const { a } = two()
  const tokens: number[] = []
  for (let i = 0; i < 5; i++) await a.mutex('x').use(({ fence }) => tokens.push(fence))
  expect(tokens).toEqual([...new Set(tokens)].toSorted((one, other) => one - other))
})

test('fenced.lockAndGetToken(leaseTime, unit)', async () => {
  const { w, a } = two()
  const { fence } = await a.mutex('x', { ttl: '10s', renew: false }).acquire({ wait: Infinity })
  await w.advance(10_000)
  expect((await a.mutex('x').acquire()).fence).toBeGreaterThan(fence)
})

test('fenced.tryLockAndGetToken()', async () => {
  const { a, b } = two()
  expect((await a.mutex('x').tryAcquire())?.fence).toBeGreaterThan(0)
  expect((await b.mutex('x').tryAcquire())?.fence).toBeUndefined()
})

test('fenced.tryLockAndGetToken(waitTime, leaseTime, unit)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '5s', renew: false }).acquire({ wait: '3s' })
  await w.advance(5000)
  expect([lock.isHeld, lock.fence > 0]).toEqual([false, true])
})

test('fenced.getToken()', async () => {
  const { a, b } = two()
  const first = await a.mutex('x').acquire()
  await first.release()
  const second = await b.mutex('x').acquire()
  // The handle's own, whoever came later; and that of the name.
  expect(second.fence).toBeGreaterThan(first.fence)
  expect((await a.inspect('x')).fence).toBe(second.fence)
})

test('redisson.getMultiLock(a, b, c)', async () => {
  const { a, b } = two()
  const all = a.all([
    'x',
    a.readWrite('y').read(),
    { lock: a.semaphore('z', { limit: 3 }), permits: 2 },
  ])
  const taken = await b.mutex('y').acquire()
  expect(await all.tryAcquire()).toBeNull()
  expect(
    await b
      .mutex('x')
      .tryAcquire()
      .then((lock) => lock?.release()),
  ).toEqual({ released: true })
  await taken.release()
  const set = await all.acquire()
  expect([...set.fences.keys()]).toEqual(['x', 'y', 'z'])
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  expect(await set.release()).toEqual({ released: true })
})
