// docs/parity.md, node-redlock: each test is a row of its table.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { refusal, two } from './kit.js'

test('new Redlock([client], settings)', async () => {
  const w = new World()
  const locks = new Holdfast(w.client().port, { prefix: '' })
  expect(await locks.mutex('jobs:a').use(({ name }) => name)).toBe('jobs:a')
  await locks.close()
})

test('redlock.acquire([name], duration), redlock.lock(name, ttl)', async () => {
  const { a } = two()
  const lock = await a.mutex('x', { ttl: 5000, renew: false }).acquire()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(5000)
  lock.assertHeld()
})

test('lock.release(), lock.unlock()', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 1000, renew: false }).acquire()
  await w.advance(1000)
  // Of a lease that is over: an answer, and no error.
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
})

test('lock.extend(duration)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 5000, renew: false }).acquire()
  await w.advance(3000)
  await lock.extend(5000)
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(5000)
})

test('redlock.using([name], duration, routine), redlock.disposer(name, ttl)', async () => {
  const { w, a } = two()
  const { opened, open } = gate()
  const routine = w.watch(
    a.mutex('x', { ttl: 5000 }).use(async ({ signal }) => {
      await opened
      return signal.aborted
    }),
  )
  await w.advance(20_000)
  open()
  await w.advance()
  expect([routine.value, w.left()]).toEqual([false, []])
})

test('signal.aborted, signal.error', async () => {
  const { w, a } = two()
  const { signal } = await a.mutex('x', { ttl: 1000 }).acquire()
  w.net.silence()
  await w.advance(1000)
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
})

test('automaticExtensionThreshold', async () => {
  const { w, a } = two()
  await a.mutex('x', { ttl: 9000 }).acquire()
  await w.advance(3000)
  expect(w.net.count('renew')).toBe(1)
  const { validFor } = await a.mutex('y', { ttl: 9000, margin: 500 }).acquire()
  // Lost a margin before the deadline: 9000 - (90 + 2) - 500.
  expect(validFor).toBe(8408)
})

test('driftFactor', async () => {
  const w = new World()
  const { locks } = w.client({}, { drift: 0.02 })
  expect((await locks.mutex('x', { ttl: 10_000, margin: 500 }).acquire()).validFor).toBe(9298)
})

test('retryCount', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  expect(w.net.count('acquire', w.clients[1])).toBe(1)
  const wait = w.watch(b.mutex('x').acquire({ wait: 2000 }))
  await w.advance(2050)
  expect(wait).toMatchObject({ at: 2000, error: { code: 'ERR_TIMEOUT' } })
})

test('retryDelay, retryJitter', async () => {
  const { w, a, b } = two()
  await a.mutex('x', { ttl: '1m' }).acquire()
  w.watch(b.mutex('x').acquire({ wait: '1m' }))
  await w.advance(100)
  w.net.log.length = 0
  await w.advance(19_000)
  expect(w.net.log).toEqual([])
})

test('lock.expiration', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 5000, renew: false }).acquire()
  const expiration = w.clock.monotonic() + lock.validFor
  await w.advance(1000)
  expect(w.clock.monotonic() + lock.validFor).toBe(expiration)
})

test('lock.value', async () => {
  const { w, a } = two()
  expect((await a.mutex('x').acquire()).owner).toBe(w.holder('x'))
})

test('lock.resources, lock.resource', async () => {
  expect((await two().a.mutex('x').acquire()).name).toBe('x')
})

test('lock.attempts', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const error = await refusal(b.mutex('x').acquire({ wait: 0 }))
  // Who has it, and for how long: nothing is kept of each try.
  expect(error).toMatchObject({ holder: { owner: w.holder('x') }, remaining: 10_000 })
})

test('redlock.quit()', async () => {
  const { w, a, b } = two()
  const lock = await a.mutex('x').acquire()
  const wait = w.watch(a.mutex('x').acquire())
  await w.advance()
  await a.close()
  await w.advance()
  expect([lock.isHeld, wait.error.code]).toEqual([false, 'ERR_CLOSED'])
  expect(await b.mutex('x').tryAcquire()).not.toBeNull()
})

test("redlock.on('error'), redlock.on('clientError')", async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  // Contention is no error, and there is no emitter that could throw.
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  expect('on' in a).toBe(false)
})

test('ResourceLockedError', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  const error = await refusal(b.mutex('x').acquire({ wait: 0 }))
  expect(error).toMatchObject({ code: 'ERR_TAKEN', lock: 'x' })
})

test('ExecutionError, LockError', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  const taken = w.watch(b.mutex('x').acquire({ wait: 1000 }))
  await w.advance(1050)
  expect(taken.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  w.net.silence()
  const away = w.watch(b.mutex('y').acquire({ wait: 1000 }))
  await w.advance(1050)
  expect(away.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
})

test('scripts', async () => {
  const w = new World()
  const options = { scripts: {} } as object
  expect(() => new Holdfast(w.client().port, options)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
  )
})

test('redlock.acquire([a, b], duration), redlock.lock([a, b], ttl)', async () => {
  const { w, a, b } = two()
  const set = await a.all(['x', 'y'], { ttl: 5000, renew: false }).acquire()
  const wait = w.watch(b.all(['y', 'x']).acquire({ wait: '1s' }))
  await w.advance(1000)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  await w.advance(4000)
  expect(set.isHeld).toBe(false)
})
