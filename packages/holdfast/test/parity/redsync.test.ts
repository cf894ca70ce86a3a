// docs/parity.md, redsync: each test is a row of its table.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { World } from '../kit/world.js'
import { refusal, two } from './kit.js'

test('redsync.New(pool)', async () => {
  const w = new World()
  const { port } = w.client()
  const locks = new Holdfast(port)
  expect(await locks.mutex('x').use(() => 1)).toBe(1)
  await locks.close()
})

test('rs.NewMutex(name, options...)', async () => {
  const { a } = two()
  expect(a.mutex('x', { ttl: '8s' }).name).toBe('x')
})

test('mutex.Lock(), mutex.LockContext(ctx)', async () => {
  const { w, a, b } = two()
  await (await a.mutex('x').acquire()).release()
  await a.mutex('x').acquire()
  const ctx = new AbortController()
  const wait = w.watch(b.mutex('x').acquire({ wait: '1m', signal: ctx.signal }))
  await w.advance(100)
  ctx.abort('cancelled')
  await w.advance()
  expect(wait.error).toBe('cancelled')
})

test('mutex.TryLock(), mutex.TryLockContext(ctx)', async () => {
  const { a, b } = two()
  const lock = await a.mutex('x').tryAcquire()
  expect(lock).not.toBeNull()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  const signal = AbortSignal.abort('cancelled')
  expect(await refusal(b.mutex('x').tryAcquire({ signal }))).toBe('cancelled')
})

test('mutex.Unlock(), mutex.UnlockContext(ctx)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  expect(await lock.release()).toEqual({ released: true })
  // It ends by its own time limit, so there is nothing to cancel.
  const other = await a.mutex('x').acquire()
  w.net.silence()
  const released = w.watch(other.release())
  await w.advance(1000)
  expect(released.value).toEqual({ released: false, reason: 'unavailable' })
})

test('mutex.Extend(), mutex.ExtendContext(ctx)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 8000, renew: false }).acquire()
  await w.advance(5000)
  await lock.extend(8000)
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(8000)
  // It is not needed: unless told otherwise a lease is renewed.
  const other = await a.mutex('y', { ttl: 8000 }).acquire()
  await w.advance(60_000)
  expect([lock.isHeld, other.isHeld]).toEqual([false, true])
})

test('mutex.Valid(), mutex.ValidContext(ctx)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  await w.advance(1)
  expect(lock.isHeld).toBe(true)
  w.server.del('lock:x')
  expect(lock.isHeld).toBe(true)
  expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
  expect(lock.isHeld).toBe(false)
})

test('mutex.Until()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { renew: false, ttl: 8000 }).acquire()
  const until = w.clock.monotonic() + lock.validFor
  await w.advance(until - w.clock.monotonic() - 1)
  expect(lock.isHeld).toBe(true)
  await w.advance(1)
  expect(lock.isHeld).toBe(false)
})

test('mutex.Name()', async () => {
  expect((await two().a.mutex('x').acquire()).name).toBe('x')
})

test('mutex.Value()', async () => {
  const { w, a } = two()
  expect((await a.mutex('x').acquire()).owner).toBe(w.holder('x'))
})

test('WithExpiry(d)', async () => {
  const { a } = two()
  await a.mutex('x', { ttl: '8s' }).acquire()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(8000)
})

test('WithTries(n)', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  expect(await refusal(b.mutex('x').acquire({ wait: 0 }))).toMatchObject({ code: 'ERR_TAKEN' })
  const wait = w.watch(b.mutex('x').acquire({ wait: '5s' }))
  await w.advance(5050)
  expect(wait).toMatchObject({ state: 'failed', at: 5000, error: { code: 'ERR_TIMEOUT' } })
})

test('WithRetryDelay(d), WithRetryDelayFunc(f)', async () => {
  const { w, a, b } = two()
  await a.mutex('x', { ttl: '1m' }).acquire()
  w.watch(b.mutex('x').acquire({ wait: '1m' }))
  await w.advance(100)
  w.net.log.length = 0
  await w.advance(19_000)
  expect(w.net.log).toEqual([])
})

test('WithDriftFactor(f)', async () => {
  const w = new World()
  const valid = async (drift: number): Promise<number> => {
    const { locks } = w.client({}, { drift })
    return (await locks.mutex(`x${drift}`, { margin: 50 }).acquire()).validFor
  }
  expect((await valid(0.01)) - (await valid(0.02))).toBeCloseTo(100, 5)
})

test('WithTimeoutFactor(f)', async () => {
  const w = new World()
  const { locks } = w.client({}, { nodeTimeout: 200 })
  w.net.silence()
  const once = w.watch(locks.mutex('x').tryAcquire())
  await w.advance(250)
  expect(once).toMatchObject({ at: 200, error: { code: 'ERR_UNAVAILABLE' } })
})

test('WithGenValueFunc(f)', async () => {
  const { a } = two()
  const first = await a.mutex('x').acquire()
  await first.release()
  expect((await a.mutex('x').acquire()).owner).not.toBe(first.owner)
})

test('WithSetNXOnExtend()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  await w.advance(1)
  w.server.del('lock:x')
  expect(await refusal(lock.extend('10s'))).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
  expect(w.holder('x')).toBeNull()
})

test('ErrFailed', async () => {
  const { w, a, b } = two()
  const { owner } = await a.mutex('x').acquire()
  const wait = w.watch(b.mutex('x').acquire({ wait: 1000 }))
  await w.advance(1050)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT', holder: { owner } })
})

test('ErrTaken, ErrNodeTaken', async () => {
  const { a, b } = two()
  const { owner } = await a.mutex('x').acquire()
  const error = await refusal(b.mutex('x').acquire({ wait: 0 }))
  expect(error).toMatchObject({ code: 'ERR_TAKEN', lock: 'x', holder: { owner } })
})

test('ErrExtendFailed', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 1000, renew: false }).acquire()
  await w.advance(1000)
  expect(await refusal(lock.extend(1000))).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
})

test('ErrLockAlreadyExpired', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 1000, renew: false }).acquire()
  await w.advance(1000)
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
})

test('RedisError', async () => {
  const { w, a } = two()
  w.net.rewrite('acquire', () => {
    throw new Error('OOM command not allowed')
  })
  const error = await refusal(a.mutex('x').tryAcquire())
  expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE', cause: { message: /OOM/ } })
})

test('WithValue(v)', async () => {
  const { w, a, b } = two()
  const lock = await a.mutex('x').acquire()
  const token = await lock.handOver()
  const there = await b.takeOver(token)
  expect([lock.isHeld, there.isHeld, there.fence > lock.fence]).toEqual([false, true, true])
  expect(w.holder('x')).toBe(there.owner)
})
