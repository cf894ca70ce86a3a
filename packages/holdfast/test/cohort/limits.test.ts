// The limits of calls that wait together: one timer for all of them.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'

test('each call of a process ends at its own limit, in whatever order they came', async () => {
  const world = new World()
  const { locks, clock } = world.client({}, { localHandovers: 16 })
  const mutex = locks.mutex('a')
  const lock = world.watch(mutex.acquire())
  await world.advance()
  const waits = [5000, 1000, 3000, 1000, Infinity, 2000]
  const calls = waits.map((wait) => world.watch(mutex.acquire({ wait })))
  let at = 0
  for (const now of [900, 1100, 1900, 2100, 2900, 3100, 4900, 5100]) {
    await world.advance(now - at)
    at = now
    const over = calls.map(({ state }) => state === 'failed')
    expect(over).toEqual(waits.map((wait) => wait < now))
  }
  for (const { state, error } of calls)
    if (state === 'failed') expect(error.code).toBe('ERR_TIMEOUT')
  await lock.value.release()
  await world.advance()
  await calls[4]!.value.release()
  await world.advance()
  expect([world.left(), clock.timers]).toEqual([[], 0])
})

test('of many whose time is over at once, 500 are told in a turn, and the rest in the next', async () => {
  const world = new World()
  const { locks, clock } = world.client({}, { localHandovers: 16 })
  const mutex = locks.mutex('a', { wait: 1000 })
  const lock = world.watch(mutex.acquire())
  await world.advance()
  const calls = Array.from({ length: 1200 }, () => world.watch(mutex.acquire()))
  // How many it was before each turn that follows.
  const told = new Set<number>()
  const setTimer = clock.setTimer.bind(clock)
  clock.setTimer = (callback, ms) => {
    const turn = (): void => {
      told.add(calls.filter(({ state }) => state === 'failed').length)
      callback()
    }
    return setTimer(turn, ms)
  }
  await world.advance(1100)
  expect(calls.filter(({ state }) => state !== 'failed')).toEqual([])
  expect([...told]).toEqual([500, 1000])
  await lock.value.release()
  await world.advance()
  expect([world.left(), clock.timers]).toEqual([[], 0])
})

test.each([16, 0])(
  'localHandovers: %i: what the machine slept counts for the limits of calls',
  async (localHandovers) => {
    const world = new World()
    const [holder, { locks, clock }] = [world.client(), world.client({}, { localHandovers })]
    const lock = world.watch(holder.locks.mutex('a').acquire())
    await world.advance()
    const mutex = locks.mutex('a')
    const before = world.watch(mutex.acquire({ wait: 5000 }))
    await world.advance(100)
    clock.freeze('asleep')
    await world.advance(3000)
    clock.thaw()
    const after = world.watch(mutex.acquire({ wait: 2500 }))
    await world.advance(1850)
    expect([before.state, after.state]).toEqual(['pending', 'pending'])
    await world.advance(100)
    expect([before.state, after.state]).toEqual(['failed', 'pending'])
    await world.advance(500)
    expect(after.state).toBe('pending')
    await world.advance(100)
    expect(after.error.code).toBe('ERR_TIMEOUT')
    await lock.value.release()
    await world.advance(1000)
    expect(world.left()).toEqual([])
  },
)
