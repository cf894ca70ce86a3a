// A hold that is longer than expected is told once, and nothing of the watch stays.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Events } from '../kit/events.js'
import { World } from '../kit/world.js'

let events: Events
beforeEach(() => {
  events = new Events()
})
afterEach(() => events.stop())

const told = (): object[] => events.of('holdfast:long-hold')

test('once, when the time has passed, with what is known of the hold', async () => {
  const w = new World()
  const { locks } = w.client({}, { expectedHold: '5s', label: 'invoices' })
  const lock = await locks.mutex('a').acquire()
  await w.advance(4999)
  expect(told()).toEqual([])
  await w.advance(2)
  const { owner, fence } = lock
  const its = { name: 'a', mode: 'exclusive', type: 'mutex', owner, fence }
  const held = expect.closeTo(5000, -1) as number
  expect(told()).toEqual([{ ...its, held, expected: 5000, label: 'invoices' }])
  // Nothing else happens: it is renewed, and held.
  await w.advance(60_000)
  expect(lock.signal.aborted).toBe(false)
  expect(told()).toHaveLength(1)
  await lock.release()
  await locks.close()
})

test('not of one that was released, lost or handed over in time', async () => {
  const w = new World()
  const { locks, clock } = w.client({}, { localHandovers: 16 })
  const mutex = locks.mutex('a', { expectedHold: 1000 })
  const one = await mutex.acquire()
  const next = mutex.acquire()
  await w.advance(900)
  await one.release()
  // The next holder of the same tenure has a time of its own.
  const two = await next
  expect(two.owner).toBe(one.owner)
  await w.advance(900)
  expect(told()).toEqual([])
  await w.advance(101)
  expect(told()).toMatchObject([{ fence: two.fence }])
  await two.release()
  const three = await mutex.acquire()
  await locks.forceRelease('a')
  await w.advance(50)
  expect(three.signal.aborted).toBe(true)
  await w.advance(5000)
  expect(told()).toHaveLength(1)
  await locks.close()
  expect(clock.timers).toBe(0)
})

test('no timer stays, however the hold ends', async () => {
  const w = new World()
  const { locks, clock } = w.client({}, { localHandovers: 16, expectedHold: '1h' })
  const mutex = locks.mutex('a')
  const one = await mutex.acquire()
  const held = clock.timers
  const next = mutex.acquire()
  await w.advance(10)
  await one.release()
  const two = await next
  expect(clock.timers).toBe(held)
  await two.release()
  const three = await mutex.acquire()
  await locks.forceRelease('a')
  await w.advance(50)
  expect(three.signal.aborted).toBe(true)
  await locks.close()
  expect(clock.timers).toBe(0)
})

test('a machine that sleeps: by the clock that goes on, and not by the timer', async () => {
  const w = new World()
  const { locks, clock } = w.client()
  const lock = await locks.mutex('a', { expectedHold: 5000, ttl: '1h', renew: false }).acquire()
  await w.advance(2000)
  expect(lock.signal.aborted).toBe(false)
  clock.step(2000)
  await w.advance(3001)
  expect(told()).toMatchObject([{ held: expect.closeTo(7000, -2) as number }])
  await lock.release()
  await locks.close()
})

test('of an election only if it says so itself', async () => {
  const w = new World()
  const { locks } = w.client({}, { expectedHold: 1000 })
  const quiet = await locks.election('quiet').campaign()
  const told1 = await locks.election('told', { expectedHold: 2000 }).campaign()
  await w.advance(2001)
  expect(told()).toMatchObject([{ name: 'told', type: 'leader', expected: 2000 }])
  await quiet.resign()
  await told1.resign()
  await locks.close()
})

test('what cannot be right is refused', () => {
  const w = new World()
  const { locks } = w.client()
  for (const expectedHold of [0, -1, NaN, '5 s', null]) {
    const wrong = { expectedHold } as never
    expect(() => locks.mutex('a', wrong)).toThrow('options.expectedHold')
    expect(() => w.client({}, wrong)).toThrow('options.expectedHold')
  }
})
