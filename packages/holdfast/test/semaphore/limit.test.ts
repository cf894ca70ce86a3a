// The limit: agreed on by all who use it, and changed by resize.
import { describe, expect, test } from 'vitest'
import type { HoldfastError, Lock } from '../../src/index.js'
import { Holdfast } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

const take = (w: World, { locks }: SimClient, limit: number, permits = 1): Outcome<Lock> =>
  w.watch(locks.semaphore('x', { limit, wait: '120s' }).acquire({ permits }))

const granted = (...all: Outcome<unknown>[]): boolean[] => all.map(({ state }) => state === 'done')

async function asked<T>(w: World, promise: Promise<T>): Promise<T> {
  const outcome = w.watch(promise)
  while (outcome.state === 'pending') await w.advance(1)
  if (outcome.state === 'failed') throw outcome.error
  return outcome.value
}

test('another limit while somebody holds or waits is an error that names both', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = take(w, a, 5)
  await w.advance(1)
  const wrong = take(w, b, 4)
  await w.advance(1)
  expect(wrong.error).toMatchObject({ code: 'ERR_CONFIG', lock: 'x' })
  expect(wrong.error.message).toContain("the semaphore's limit is 5, and not 4")
  await held.value.release()
  const right = take(w, b, 4)
  await w.advance(1)
  expect(granted(right)).toEqual([true])
})

test('the limit of those who are gone binds nobody', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  take(w, a, 5, 5)
  await w.advance(1)
  a.clock.freeze('stopped')
  await w.advance(10_001)
  const other = take(w, b, 2, 2)
  await w.advance(1)
  expect(granted(other)).toEqual([true])
})

test('nor does one that was left over beside expired permits', async () => {
  const w = new World()
  const [, , , shared, meta] = keysOf('x', 'lock:')
  w.server.keys()
  w.server.space.zadd(shared, 1000, `${'d'.repeat(32)}.1`)
  w.server.space.hset(meta, 'n', '5 5')
  const other = take(w, w.client(), 2, 2)
  await w.advance(1)
  expect(granted(other)).toEqual([true])
})

test('it binds also while a mutex holds the name and permits are waited for', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await asked(w, a.locks.mutex('x').acquire())
  take(w, a, 5)
  await w.advance(1)
  const wrong = take(w, b, 4)
  await w.advance(1)
  expect(wrong.error).toMatchObject({ code: 'ERR_CONFIG' })
})

test('resize to more lets waiters in at once, who fit and in their order', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  take(w, a, 2, 2)
  await w.advance(1)
  const waiting: Outcome<Lock>[] = []
  for (const permits of [1, 2, 1]) {
    waiting.push(take(w, b, 2, permits))
    await w.advance(1)
  }
  const semaphore = a.locks.semaphore('x', { limit: 2 })
  const now = await asked(w, semaphore.resize(4))
  await w.advance(1)
  expect(now).toEqual({ limit: 4, used: 3, available: 1, waiting: 2 })
  expect(granted(...waiting)).toEqual([true, false, false])
  expect(semaphore.limit).toBe(4)
  await asked(w, semaphore.resize(6))
  await w.advance(1)
  expect(granted(...waiting)).toEqual([true, true, true])
})

test('resize to less takes nobody, and lets nobody in until fewer are held', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = [take(w, a, 4), take(w, a, 4), take(w, a, 4), take(w, b, 4)]
  await w.advance(1)
  const waiting = take(w, b, 4)
  await w.advance(1)
  const now = await asked(w, a.locks.semaphore('x', { limit: 4 }).resize(2))
  expect(now).toEqual({ limit: 2, used: 4, available: 0, waiting: 1 })
  await w.advance(20_000)
  expect(held.map(({ value }) => value.signal.aborted)).toEqual([false, false, false, false])
  for (const [i, expected] of [false, false, true].entries()) {
    await held[i]!.value.release()
    await w.advance(1)
    expect(granted(waiting)).toEqual([expected])
  }
})

test('after a resize one may ask with the limit from before, or with the one that holds', async () => {
  const w = new World()
  const [a, b, c, d] = [w.client(), w.client(), w.client(), w.client()]
  take(w, a, 2)
  await w.advance(1)
  await asked(w, a.locks.semaphore('x', { limit: 2 }).resize(4))
  await asked(w, a.locks.semaphore('x', { limit: 2 }).resize(5))
  const all = [take(w, b, 2), take(w, c, 5), take(w, d, 4)]
  await w.advance(1)
  expect(granted(...all)).toEqual([true, true, false])
  expect(all[2]!.error.message).toContain('limit is 5, and not 4')
})

test('one who stands in line has agreed, and may ask again after a resize', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = take(w, a, 2, 2)
  await w.advance(1)
  await asked(w, a.locks.semaphore('x', { limit: 2 }).resize(4))
  const waiting = take(w, b, 4, 4)
  await w.advance(1)
  await asked(w, a.locks.semaphore('x', { limit: 2 }).resize(5))
  const before = w.net.count('acquire', b)
  await w.advance(30_000)
  expect(w.net.count('acquire', b)).toBeGreaterThan(before)
  expect(waiting.state).toBe('pending')
  await held.value.release()
  await w.advance(1)
  expect(granted(waiting)).toEqual([true])
})

test('a waiter that can never be let in any more is refused, and blocks nobody', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = take(w, a, 4, 2)
  await w.advance(1)
  const large = take(w, b, 4, 4)
  await w.advance(1)
  const small = take(w, c, 4, 1)
  await w.advance(1)
  await asked(w, a.locks.semaphore('x', { limit: 4 }).resize(3))
  await w.advance(20)
  expect(large.error).toMatchObject({ code: 'ERR_CONFIG' })
  expect(large.error.message).toContain("the semaphore's limit is 3, and 4 permits are more")
  expect(granted(small)).toEqual([true])
  held.value.assertHeld()
  expect(w.line('x')).toEqual([])
})

test('with nobody there resize changes what this object asks with', async () => {
  const w = new World()
  const { locks } = w.client()
  const semaphore = locks.semaphore('x', { limit: 2 })
  const now = await asked(w, semaphore.resize(7))
  expect(now).toEqual({ limit: 7, used: 0, available: 7, waiting: 0 })
  await asked(w, semaphore.acquire({ permits: 7 }))
  expect(w.server.keys().filter((key) => key.includes('x'))).not.toEqual([])
})

describe('what cannot be right is refused at the call', () => {
  const locks = Holdfast.inMemory()
  const invalid = (given: unknown): object => ({ code: 'ERR_INVALID_ARGUMENT', given })

  test.each([0, -1, 1.5, NaN, Infinity, 1_000_001, '5', null, undefined])('limit %s', (limit) => {
    let error: unknown
    try {
      locks.semaphore('x', { limit: limit as number })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject(invalid(limit))
    expect((error as HoldfastError).expected).toContain('1000000')
  })

  test.each([0, -1, 1.5, NaN, 6, '1', null])('%s permits of 5', async (permits) => {
    const semaphore = locks.semaphore('x', { limit: 5 })
    for (const call of ['acquire', 'tryAcquire'] as const) {
      const refused = semaphore[call]({ permits: permits as number })
      await expect(refused).rejects.toMatchObject(invalid(permits))
    }
  })

  test('more than 1000 permits a call, and options that others have', async () => {
    const semaphore = locks.semaphore('x', { limit: 5000 })
    await expect(semaphore.acquire({ permits: 1001 })).rejects.toMatchObject(invalid(1001))
    await expect(semaphore.resize(0)).rejects.toMatchObject(invalid(0))
    const mutex = locks.mutex('x') as unknown as typeof semaphore
    await expect(mutex.acquire({ permits: 1 })).rejects.toMatchObject(invalid('permits'))
    const lock = await semaphore.acquire({ permits: 1000 })
    expect(await semaphore.available()).toMatchObject({ used: 1000, available: 4000 })
    await lock.release()
  })
})
