// A machine that slept behind a wall clock that was set; and a signal after a blocked event loop.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { believers, World, type Outcome, type SimClient } from '../kit/world.js'

/** a has x for 3 s and sleeps over its end; b waits, and has it then. */
async function overslept(w: World): Promise<[SimClient, Lock, Outcome<Lock>]> {
  const [a, b] = [w.client(), w.client()]
  const lock = await a.locks.mutex('x').acquire({ ttl: 3000 })
  const next = w.watch(b.locks.mutex('x').acquire())
  await w.advance(200)
  a.clock.freeze('asleep')
  await w.advance(2900)
  expect(next.state).toBe('done')
  return [a, lock, next]
}

for (const set of [-10_000, -4000, -2000, -1000, 500, 10_000]) {
  test(`a sleep is seen at the first look though the wall clock was set by ${set} ms`, async () => {
    const w = new World()
    const [a, lock, next] = await overslept(w)
    a.clock.step(set)
    a.clock.thaw()
    // No timer has run since: only the clocks can tell.
    expect(lock.validFor).toBe(0)
    expect(lock.signal.aborted).toBe(true)
    expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
    expect(believers(lock, next.value)).toBe(1)
  })
}

test('the same by the signal alone, and by assertHeld alone', async () => {
  for (const look of ['signal', 'assertHeld'] as const) {
    const w = new World()
    const [a, lock] = await overslept(w)
    const { signal } = lock
    a.clock.step(-10_000)
    a.clock.thaw()
    const held = (): void => (look === 'signal' ? signal.throwIfAborted() : lock.assertHeld())
    expect(held).toThrow(expect.objectContaining({ code: 'ERR_LOST' }) as Error)
  }
})

test('a wall clock that is set back while nobody slept ends nothing', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire({ ttl: 3000 })
  await w.advance(100)
  const before = lock.validFor
  a.clock.step(-3_600_000)
  expect(lock.validFor).toBe(before)
  await w.advance(30_000)
  lock.assertHeld()
})

test('a sleep is counted once, whether the wall clock or the boot clock told of it', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { renew: false }).acquire()
  a.clock.freeze('asleep')
  await w.advance(4000)
  a.clock.step(-1500)
  a.clock.thaw()
  expect(lock.validFor).toBe(10_000 - 4000 - 102 - 500)
  a.clock.step(-1500)
  expect(lock.validFor).toBe(10_000 - 4000 - 102 - 500)
})

test('throwIfAborted reads the clock, after an event loop that was blocked', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire({ ttl: 3000 })
  const { signal } = lock
  signal.throwIfAborted()
  w.clock.block(3000)
  expect(() => signal.throwIfAborted()).toThrow(
    expect.objectContaining({ code: 'ERR_LOST', reason: 'expired' }) as Error,
  )
  expect(signal.reason).toMatchObject({ code: 'ERR_LOST' })
})
