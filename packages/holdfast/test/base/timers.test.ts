import { expect, test } from 'vitest'
import { Timers } from '../../src/base/timers.js'
import { ManualClock } from '../../src/testing/manual-clock.js'

/** Timers on a clock that is turned by hand, and what they do with the real ones. */
function stage() {
  const clock = new ManualClock()
  const log = { set: 0, cleared: 0, alive: false }
  const timers = new Timers({
    monotonic: () => clock.monotonic(),
    set: (callback, ms) => {
      log.set++
      log.alive = true
      const timer = clock.setTimer(callback, ms)
      const as = (alive: boolean) => () => void (log.alive = alive)
      return { ...timer, cancel: () => timer.cancel(), ref: as(true), unref: as(false) }
    },
    clear: (native) => {
      log.cleared++
      ;(native as unknown as { cancel(): void }).cancel()
    },
  })
  return { clock, timers, log }
}

test('timers are called back in their order, not early, and once', async () => {
  const { clock, timers } = stage()
  const seen: string[] = []
  for (const ms of [30, 10, 20, 10, 0]) {
    timers.set(() => seen.push(`${ms} at ${clock.monotonic()}`), ms, true)
  }
  await clock.advance(9)
  expect(seen).toEqual(['0 at 0'])
  await clock.advance(100)
  expect(seen).toEqual(['0 at 0', '10 at 10', '10 at 10', '20 at 20', '30 at 30'])
  expect(clock.timers).toBe(0)
})

test('a thousand time limits that do not pass: one real timer', async () => {
  const { clock, timers, log } = stage()
  let passed = 0
  for (let i = 0; i < 1000; i++) {
    const limit = timers.set(() => passed++, 500, true)
    await Promise.resolve()
    limit.cancel()
    limit.cancel()
  }
  expect(log).toEqual({ set: 1, cleared: 0, alive: false })
  await clock.advance(1000)
  expect([passed, clock.timers]).toEqual([0, 0])
})

test('an earlier one than the real timer is set for sets it anew', async () => {
  const { clock, timers, log } = stage()
  const seen: number[] = []
  timers.set(() => seen.push(1), 100, false)
  timers.set(() => seen.push(2), 10, false)
  expect(log).toMatchObject({ set: 2, cleared: 1 })
  await clock.advance(10)
  expect(seen).toEqual([2])
  await clock.advance(90)
  expect(seen).toEqual([2, 1])
})

test('the process is kept alive while an entry is there that is to', async () => {
  const { clock, timers, log } = stage()
  timers.set(() => {}, 100, false)
  expect(log.alive).toBe(false)
  const [a, b] = [timers.set(() => {}, 50, true), timers.set(() => {}, 60, true)]
  expect(log.alive).toBe(true)
  a.cancel()
  expect(log.alive).toBe(true)
  b.cancel()
  expect(log.alive).toBe(false)
  const c = timers.set(() => {}, 200, true)
  await clock.advance(100)
  expect(log.alive).toBe(true)
  c.cancel()
  expect(log.alive).toBe(false)
  await clock.advance(100)
  expect(clock.timers).toBe(0)
})

test('whatever is cancelled, the rest comes in its order', async () => {
  const { clock, timers } = stage()
  const due: number[] = []
  const seen: number[] = []
  const entries = Array.from({ length: 300 }, (_, i) => {
    const ms = Math.floor(clock.random() * 1000)
    return { ms, timer: timers.set(() => seen.push(ms), ms, i % 2 === 0) }
  })
  for (const { ms, timer } of entries) {
    if (clock.random() < 0.5) timer.cancel()
    else due.push(ms)
  }
  await clock.advance(1000)
  expect(seen).toEqual(due.toSorted((a, b) => a - b))
})

test('a callback that throws holds nobody up, and 500 at most come in one turn', async () => {
  const { clock, timers, log } = stage()
  let called = 0
  timers.set(
    () => {
      throw new Error('mine')
    },
    5,
    true,
  )
  for (let i = 0; i < 700; i++) timers.set(() => called++, 5, true)
  await expect(clock.advance(5)).rejects.toThrow('mine')
  expect(called).toBe(0)
  const { set } = log
  await clock.advance(0)
  expect(called).toBe(700)
  expect(log.set).toBe(set + 1)
})

test('real timers that were taken away are noticed', async () => {
  const { clock, timers, log } = stage()
  timers.set(() => {}, 10, true)
  // As if fake timers had been put in place, and taken away with what was set.
  clock.block(2000)
  let called = false
  timers.set(() => (called = true), 10, true)
  expect(log.set).toBe(2)
  await clock.advance(10)
  expect(called).toBe(true)
})
