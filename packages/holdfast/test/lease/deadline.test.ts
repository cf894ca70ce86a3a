// What a holder may believe, and when it is told that it may not any more.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { deadlineOfPush, deadlineOfReply, marginOf } from '../../src/lease/deadline.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World } from '../kit/world.js'

test('a deadline is what the reply states from the sending on, less the drift', () => {
  expect(deadlineOfReply(1000, 10_000, 0.01)).toBe(1000 + 10_000 - 100 - 2)
  expect(deadlineOfReply(1000, -50, 0.01)).toBe(1000 - 50 - 2)
})

test('that of a message is the end by our clock at the earliest', () => {
  expect(deadlineOfPush(52_000, 50_000, 40_000, 0.01)).toBe(12_000 - 20 - 2)
})

test('the margin is 5 % of the lease, at least 50 ms, at most a quarter', () => {
  expect([10_000, 1000, 100].map((length) => marginOf(length, undefined))).toEqual([500, 50, 25])
  expect([10_000, 1000].map((length) => marginOf(length, 1000))).toEqual([1000, 250])
})

test('a slow answer makes the lease no longer: it counts from the sending', async () => {
  const w = new World()
  const a = w.client()
  await (await a.locks.mutex('y').acquire()).release()
  w.net.delay('reply', 'acquire', 400)
  const wait = w.watch(a.locks.mutex('x', { renew: false }).acquire())
  await w.advance(400)
  expect(wait.value.validFor).toBe(10_000 - 400 - 102 - 500)
})

test('an answer that comes when the lease is all but over is no grant', async () => {
  const w = new World()
  const a = w.client({}, { nodeTimeout: 5000 })
  await (await a.locks.mutex('y').acquire()).release()
  w.net.delay('reply', 'acquire', 960)
  const wait = w.watch(a.locks.mutex('x', { renew: false, ttl: 1000, wait: 0 }).acquire())
  await w.advance(1000)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  expect(w.left()).toEqual([])
})

test('loss is told a margin before the deadline, with the server silent', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  let told = NaN
  lock.signal.addEventListener('abort', () => (told = w.clock.monotonic()))
  w.net.silence()
  await w.advance(20_000)
  expect(told).toBe(10_000 - 102 - 500)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired', lock: 'x' })
})

test('the margin can be set', async () => {
  const clock = new ManualClock()
  const locks = Holdfast.inMemory({ clock })
  const lock = await locks.mutex('x', { renew: false, margin: 2000 }).acquire()
  expect(lock.validFor).toBe(10_000 - 102 - 2000)
})

test('after a blocked event loop the flag, validFor and assertHeld are right at once', async () => {
  const clock = new ManualClock()
  const locks = Holdfast.inMemory({ clock })
  const [one, two, three] = await Promise.all(
    ['a', 'b', 'c'].map((name) => locks.mutex(name).acquire()),
  )
  const { signal } = one!
  clock.block(9500)
  // No timer has run. Each is looked at in its own way.
  expect(signal.aborted).toBe(true)
  expect(two!.validFor).toBe(0)
  expect(() => three!.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOST' }))
  expect(() => signal.throwIfAborted()).toThrow('lost')
})

test.each([
  ['its machine sleeps', (clock: ManualClock) => clock.sleep(4000)],
  ['its wall clock is set forward', (clock: ManualClock) => clock.step(4000)],
])('the signal is not late when %s, once anybody has looked at the clock', async (_, jump) => {
  const clock = new ManualClock()
  const lock = await Holdfast.inMemory({ clock }).mutex('x', { renew: false }).acquire()
  const told: number[] = []
  lock.signal.addEventListener('abort', () => told.push(clock.monotonic()))
  await clock.advance(1000)
  jump(clock)
  expect(lock.validFor).toBe(10_000 - 5000 - 102 - 500)
  await clock.advance(9000)
  expect(told).toEqual([10_000 - 4000 - 102 - 500])
})

test('a block that the lease survives costs nothing but its time', async () => {
  const clock = new ManualClock()
  const locks = Holdfast.inMemory({ clock })
  const lock = await locks.mutex('x').acquire()
  clock.block(9000)
  expect(lock.validFor).toBe(10_000 - 9000 - 102 - 500)
  await clock.advance(0)
  expect(lock.validFor).toBeGreaterThan(9000)
})

test('lost is terminal: a late answer to a renewal revives nothing', async () => {
  const w = new World()
  const a = w.client({}, { nodeTimeout: 20_000 })
  const lock = await a.locks.mutex('x').acquire()
  const reply = w.net.hold('reply', 'renew')
  w.net.drop('request', 'release', { times: Infinity })
  await w.advance(9400)
  expect(lock.signal.aborted).toBe(true)
  reply.release()
  await w.advance(10)
  expect(lock.signal.aborted).toBe(true)
  expect(lock.validFor).toBe(0)
  expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'expired' }))
})

test('nor does one that is read after the time, before any timer ran', async () => {
  const w = new World()
  const a = w.client({}, { nodeTimeout: 20_000 })
  const lock = await a.locks.mutex('x').acquire()
  const reply = w.net.hold('reply', 'renew')
  await w.advance(5000)
  a.clock.freeze('stopped')
  reply.release()
  await w.advance(4500)
  a.clock.thaw()
  await w.advance()
  expect(lock.signal.aborted).toBe(true)
})

test('maxHold: at its end the signal aborts, and the lease is released', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { maxHold: '25s' }).acquire()
  await w.advance(24_999)
  lock.assertHeld()
  await w.advance(1)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'max-hold' })
  await w.advance()
  expect(w.left()).toEqual([])
  const renewals = w.net.count('renew')
  await w.advance(60_000)
  expect(w.net.count('renew')).toBe(renewals)
  expect(w.clock.timers).toBe(0)
})

test('a lease without renewal is let go of when it is lost', async () => {
  const w = new World()
  const a = w.client()
  await a.locks.mutex('x', { renew: false }).acquire()
  await w.advance(9398)
  expect(w.left()).toEqual([])
  expect(w.clock.timers).toBe(0)
})
