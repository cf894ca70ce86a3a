// lockDelay: after an involuntary loss nobody else gets the name for a while.
import { describe, expect, test } from 'vitest'
import type { Lock, LockOptions } from '../../src/index.js'
import type { Outcome } from '../kit/world.js'
import { ask, world } from './kit.js'

const delay = { ttl: 3000, lockDelay: 5000 } satisfies LockOptions

/** World ms of the abort of a lock's signal, which somebody has to look at. */
function abort({ signal }: Lock, now: () => number): () => number {
  let at = NaN
  signal.addEventListener('abort', () => (at = now()))
  return () => at
}

async function two(options: LockOptions = delay) {
  const { w, clients } = await world(3)
  const lock = await clients[0]!.locks.mutex('x', options).acquire()
  const lost = abort(lock, () => w.clock.monotonic())
  const next = await ask(w, clients[1]!)
  return { w, clients, lock, lost, next }
}

const waited = (next: Outcome<Lock>, lost: () => number): number => next.at - lost()

test('the lease that is believed in is the ttl; the server keeps the name for longer', async () => {
  const { w, clients, lock } = await two()
  expect(lock.validFor).toBeGreaterThan(2700)
  expect(lock.validFor).toBeLessThan(3000)
  const { holders } = await clients[1]!.locks.inspect('x')
  expect(holders[0]!.remaining).toBe(7995)
  const renews = w.net.count('renew')
  await w.advance(30_000)
  // At a third of the ttl, and not of what the server has.
  expect(w.net.count('renew') - renews).toBe(30)
  expect(lock.validFor).toBeLessThan(3000)
  lock.assertHeld()
})

test('a release gives it on at once', async () => {
  const { w, lock, next } = await two()
  expect(await lock.release()).toEqual({ released: true })
  await w.advance()
  expect(next.state).toBe('done')
})

test('a holder that died: its ttl, and the delay', async () => {
  const { w, clients, lock, next } = await two({ ...delay, renew: false })
  const granted = w.clock.monotonic() - 5
  w.net.silence(clients[0])
  clients[0]!.clock.freeze('stopped')
  await w.advance(7990)
  expect(next.state).toBe('pending')
  await w.advance(20)
  expect(next.at - granted).toBeGreaterThanOrEqual(8000)
  clients[0]!.clock.thaw()
  expect(lock.isHeld).toBe(false)
})

test('a lease that ran out: nothing is released, although the server is there again', async () => {
  const { w, clients, lock, lost, next } = await two()
  const heal = w.net.silence(clients[0])
  await w.advance(3000)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  heal()
  const before = w.net.count('release')
  await w.advance(5100)
  expect(next.state).toBe('done')
  expect(waited(next, lost)).toBeGreaterThanOrEqual(5000)
  expect(w.net.count('release')).toBe(before)
  await next.value.release()
  await clients[0]!.locks.close()
  await w.advance(100)
  expect(w.left()).toEqual([])
})

test('maxHold: kept for the delay, and no longer', async () => {
  const { w, lost, next } = await two({ ttl: 60_000, lockDelay: 5000, maxHold: 2000 })
  await w.advance(2000)
  expect(lost()).not.toBeNaN()
  await w.advance(4990)
  expect(next.state).toBe('pending')
  await w.advance(150)
  expect(next.state).toBe('done')
  expect(waited(next, lost)).toBeGreaterThanOrEqual(5000)
})

test('maxHold that was noticed late: the delay counts from then', async () => {
  const { w, clients, lost, next } = await two({ ttl: 60_000, lockDelay: 5000, maxHold: 2000 })
  clients[0]!.clock.freeze('stopped')
  await w.advance(10_000)
  clients[0]!.clock.thaw()
  await w.advance(10)
  expect(lost()).not.toBeNaN()
  await w.advance(6000)
  expect(waited(next, lost)).toBeGreaterThanOrEqual(5000)
})

test.each(['request', 'reply'] as const)('maxHold, and the release (%s) is lost', async (lost) => {
  const stage = await two({ ttl: 30_000, lockDelay: 5000, maxHold: 2000 })
  const { w, next } = stage
  w.net.drop(lost, 'release', { times: 2 })
  await w.advance(2000 + 5000 + 500)
  expect(next.state).toBe('done')
  expect(waited(next, stage.lost)).toBeGreaterThanOrEqual(5000)
})

describe('a grant by message', () => {
  test('is a claim and the delay, used without asking, and renewed at a third of the claim', async () => {
    const { w, clients } = await world(2)
    const first = await ask(w, clients[0]!)
    const second = await ask(w, clients[1]!, { ttl: 10_000, claim: 2000, lockDelay: 5000 })
    const before = w.net.count()
    await first.value.release()
    await w.advance()
    expect(second.state).toBe('done')
    expect(w.net.count() - before).toBe(1)
    const lock = second.value
    expect(lock.validFor).toBeLessThan(2000)
    expect((await clients[0]!.locks.inspect('x')).holders[0]!.remaining).toBe(7000)
    await w.advance(600)
    expect(w.net.count('renew')).toBe(0)
    await w.advance(100)
    expect(w.net.count('renew')).toBe(1)
    expect(lock.validFor).toBeGreaterThan(9000)
    expect(lock.validFor).toBeLessThan(10_000)
  })

  test('of one that does not renew: asked for whole, as ever, unless the claim is all', async () => {
    const { w, clients } = await world(2)
    for (const [claim, asks] of [
      [500, 1],
      [1000, 0],
    ] as const) {
      const first = await ask(w, clients[0]!)
      const options = { ttl: 1000, claim, lockDelay: 5000, renew: false }
      const second = await ask(w, clients[1]!, options)
      const before = w.net.count('renew')
      await first.value.release()
      await w.advance(5)
      expect(second.state).toBe('done')
      expect(w.net.count('renew') - before).toBe(asks)
      expect(second.value.validFor).toBeLessThan(1000)
      expect(second.value.validFor).toBeGreaterThan(900)
      await second.value.release()
    }
  })

  test('others of its process do not ask before the delay is over', async () => {
    const { w, clients } = await world(2)
    const first = await ask(w, clients[0]!)
    const second = await ask(w, clients[1]!, { ...delay, claim: 3000, renew: false })
    const third = await ask(w, clients[1]!)
    w.net.drop('push', 'first', { of: clients[1]! })
    await first.value.release()
    await w.advance(5)
    expect([second.state, third.state]).toEqual(['done', 'pending'])
    const before = w.net.count()
    await w.advance(7900)
    expect(w.net.count()).toBe(before)
    await w.advance(1000)
    expect(third.state).toBe('done')
  })

  test('whose process died: a claim and the delay, and then the next', async () => {
    const { w, clients } = await world(3)
    const first = await ask(w, clients[0]!)
    await ask(w, clients[1]!, { lockDelay: 5000 })
    const third = await ask(w, clients[2]!)
    w.net.silence(clients[1])
    await first.value.release()
    await w.advance(6990)
    expect(third.state).toBe('pending')
    await w.advance(200)
    expect(third.state).toBe('done')
  })

  test.each(['message lost', 'confirmed late'] as const)(
    'maxHold counts from the grant, however late it was heard of (%s)',
    async (how) => {
      const { w, clients } = await world(3)
      const first = await ask(w, clients[0]!)
      const options = { ttl: 60_000, claim: 3000, lockDelay: 3000, maxHold: 1000 }
      const second = await ask(w, clients[1]!, options)
      const third = await ask(w, clients[2]!)
      if (how === 'message lost') w.net.drop('push', 'grant', { of: clients[1]! })
      else {
        // It hears of it late, and has no bound for the server's clock: so it confirms.
        clients[1]!.clock.step(60_000)
        clients[1]!.clock.freeze('stopped')
      }
      await first.value.release()
      await w.advance(300)
      expect(second.state).toBe('pending')
      await w.advance(500)
      if (how === 'message lost') clients[1]!.port.mendPushes()
      else clients[1]!.clock.thaw()
      await w.advance(5)
      const lost = abort(second.value, () => w.clock.monotonic())
      await w.advance(10_000)
      expect(waited(third, lost)).toBeGreaterThanOrEqual(3000)
      expect(third.state).toBe('done')
    },
  )
})

test('extend sets the ttl, and the delay comes on top', async () => {
  const { w, clients, lock } = await two()
  await lock.extend(20_000)
  expect(lock.validFor).toBeGreaterThan(18_000)
  expect(lock.validFor).toBeLessThan(20_000)
  expect((await clients[1]!.locks.inspect('x')).holders[0]!.remaining).toBe(25_000)
  await lock.extend(1000)
  expect(lock.validFor).toBeLessThan(1000)
  await w.advance(5000)
  lock.assertHeld()
})

test('readers, permits, and a writer who goes on as a reader', async () => {
  const { w, clients } = await world(2)
  const { locks } = clients[0]!
  const writer = await locks.readWrite('a', delay).write().acquire()
  const reader = await writer.downgrade()
  const permit = await locks.semaphore('b', { limit: 2, ...delay }).acquire({ permits: 2 })
  for (const lock of [reader, permit]) expect(lock.validFor).toBeLessThan(3000)
  w.net.silence(clients[0])
  await w.advance(3000)
  for (const lock of [reader, permit]) expect(lock.signal.aborted).toBe(true)
  const others = clients[1]!.locks
  const write = w.watch(others.readWrite('a').write().acquire({ wait: Infinity }))
  const permits = w.watch(others.semaphore('b', { limit: 2 }).acquire({ wait: Infinity }))
  await w.advance(4900)
  expect([write.state, permits.state]).toEqual(['pending', 'pending'])
  await w.advance(150)
  expect([write.state, permits.state]).toEqual(['done', 'done'])
})

test('forced, gone and closed do not wait', async () => {
  const { w, clients, next } = await two()
  await clients[2]!.locks.forceRelease('x')
  await w.advance()
  expect(next.state).toBe('done')
  const { locks } = clients[0]!
  await locks.mutex('y', delay).acquire()
  await locks.close()
  expect(w.holder('y')).toBe(null)
})

test('with holdAtLeast the later of the two counts', async () => {
  const { w, clients } = await world(1)
  const { locks } = clients[0]!
  const all = { ttl: 3000, lockDelay: 5000 }
  const remaining = async (name: string): Promise<number> =>
    (await locks.inspect(name)).holders[0]?.remaining ?? 0
  await locks.mutex('a', { ...all, maxHold: 1000, holdAtLeast: 20_000 }).acquire()
  await locks.mutex('b', { ...all, maxHold: 1000, holdAtLeast: 2000 }).acquire()
  const lock = await locks.mutex('c', { ...all, holdAtLeast: 20_000 }).acquire()
  await w.advance(1001)
  expect(await remaining('a')).toBe(18_999)
  expect(await remaining('b')).toBeGreaterThanOrEqual(4999)
  expect(await remaining('b')).toBeLessThan(5100)
  // An orderly release waits for holdAtLeast alone.
  expect(await lock.release()).toEqual({ released: true, keptFor: 18_999 })
})

test('expired, with a holdAtLeast that is longer than the delay: kept until then', async () => {
  const { w, clients } = await world(2)
  const options = { ttl: 3000, lockDelay: 1000, holdAtLeast: 60_000 }
  await clients[0]!.locks.mutex('x', options).acquire()
  const heal = w.net.silence(clients[0])
  await w.advance(3000)
  heal()
  await w.advance(900)
  expect((await clients[1]!.locks.inspect('x')).holders[0]!.remaining).toBe(56_100)
})

test('one who waits in this process only is told of the delay, too', async () => {
  const { clients } = await world(1)
  const options = { ttl: 10_000, lockDelay: 5000, reentrant: true } as const
  const mutex = clients[0]!.locks.mutex('x', options)
  const error = await mutex.use(async () => {
    const inside = mutex.use(async () => {})
    const refused = await mutex.use(async () => {}, { wait: 0 }).catch((e: unknown) => e)
    await inside
    return refused
  })
  // Less the drift.
  expect(error).toMatchObject({ code: 'ERR_TAKEN', remaining: 14_898 })
})

test.each([-1, '1d', Infinity, null])('lockDelay: %s is refused', async (lockDelay) => {
  const { clients } = await world(1)
  const { locks } = clients[0]!
  expect(() => locks.mutex('x', { lockDelay: lockDelay as number })).toThrow(
    /options\.lockDelay: expected a duration of at least 0 ms/,
  )
})
