// holdAtLeast, lockDelay, maxHold and hand-overs together, while requests, replies and messages are
// lost, doubled and late, and processes stop. The seed is in the test's name: the same one takes the
// same course.
import { expect, test } from 'vitest'
import type { HoldfastError, Lock, LockOptions } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { EPOCH } from '../kit/client-clock.js'
import { believers } from '../kit/world.js'
import { world } from './kit.js'

const seeds = Array.from({ length: 6 }, (_, i) => i + 1)
const STEP = 2

/** A grant, and what became of it. Times are server ms. */
interface Tenure {
  readonly lock: Lock
  readonly options: LockOptions & { holdAtLeast: number; lockDelay: number }
  /** When it was believed in last. */
  believed: number
  how: 'held' | 'released' | 'handed over' | 'unknown'
}

test.each(seeds)('nobody too early, and never two, seed %i', async (seed) => {
  const { w, clients } = await world(5)
  const dice = new ManualClock({ seed })
  const chance = (part: number): boolean => dice.random() < part
  const upTo = (most: number): number => Math.floor(dice.random() * most)
  const all: Tenure[] = []
  const tokens: string[] = []
  const done = { released: 0, kept: 0, expired: 0, 'max-hold': 0, handed: 0, taken: 0, late: 0 }
  let over = false

  const hold = async (i: number, lock: Lock, options: Tenure['options']): Promise<void> => {
    const { clock } = clients[i]!
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => clock.setTimer(() => resolve(), ms))
    const tenure: Tenure = { lock, options, believed: w.serverMs, how: 'held' }
    all.push(tenure)
    await pause(5 + upTo(300))
    if (chance(0.3)) {
      const token = await lock.handOver().catch(() => null)
      // Not handed over: it is held as before, or lost.
      if (token === null) return void (await lock.release())
      tenure.how = 'handed over'
      done.handed++
      // Sometimes to two, sometimes to nobody.
      for (let times = upTo(4); times > 0; times--) tokens.push(token)
    } else if (chance(0.5) || options.renew) {
      const { released, keptFor } = await lock.release()
      tenure.how = released ? 'released' : 'unknown'
      if (keptFor !== undefined) done.kept++
      else if (released) done.released++
    } else {
      while (lock.isHeld) await pause(20)
    }
    const { reason } = (lock.signal.reason ?? {}) as HoldfastError
    if (reason === 'expired' || reason === 'max-hold') done[reason]++
  }

  const loop = async (i: number): Promise<void> => {
    const { locks, clock } = clients[i]!
    while (!over) {
      const renew = chance(0.6)
      const options = {
        ttl: 300 + upTo(500),
        renew,
        claim: 200,
        holdAtLeast: chance(0.4) ? upTo(500) : 0,
        lockDelay: chance(0.5) ? upTo(400) : 0,
        ...(chance(0.3) ? { maxHold: 50 + upTo(200) } : {}),
      }
      try {
        const token = tokens.splice(upTo(tokens.length), 1)[0]
        const { claim: _, ...own } = options
        const lock =
          token === undefined
            ? await locks.mutex('x', options).acquire({ wait: 3000 })
            : await locks.takeOver(token, own)
        if (token !== undefined) done.taken++
        await hold(i, lock, options)
      } catch (error) {
        if ((error as HoldfastError).code === 'ERR_LOST') done.late++
        await new Promise<void>((resolve) => clock.setTimer(resolve, 20))
      }
    }
  }

  const late: { release(): void }[] = []
  const fault = (): void => {
    const what = ['acquire', 'release', 'renew', 'turn'][upTo(4)]!
    const of = clients[upTo(clients.length)]!
    const direction = chance(0.5) ? 'request' : 'reply'
    const which = dice.random()
    if (which < 0.2) w.net.drop(direction, what, { of })
    else if (which < 0.35) w.net.drop('push', chance(0.5) ? 'grant' : 'first', { of })
    else if (which < 0.5) w.net.delay(direction, what, upTo(400), { of })
    else if (which < 0.9) late.push(w.net.double('request', what, { of }))
    else {
      of.clock.freeze('stopped')
      w.clock.setTimer(() => of.clock.thaw(), upTo(1500))
    }
    if (late.length > 0 && chance(0.6)) late.splice(upTo(late.length), 1)[0]!.release()
  }

  const loops = clients.map((_, i) => loop(i))
  for (let ms = 0; ms < 24_000; ms += STEP) {
    if (ms % 300 === 0) fault()
    await w.advance(STEP)
    const recent = all.slice(-12)
    expect([ms, believers(...recent.map(({ lock }) => lock))]).not.toEqual([ms, 2])
    for (const one of recent) if (one.lock.validFor > 0) one.believed = w.serverMs
  }
  over = true
  tokens.length = 0
  for (const { clock } of clients) clock.thaw()
  for (let ms = 0; ms < 8000; ms += 10) await w.advance(10)
  await Promise.all(loops)

  const order = all.toSorted((a, b) => a.lock.fence - b.lock.fence)
  for (const [i, { lock, options, believed, how }] of order.entries()) {
    const next = order[i + 1]
    if (!next) break
    // A token is the server's time of its grant, in microseconds.
    const [granted, then] = [lock.fence / 1000, next.lock.fence / 1000]
    expect(then).toBeGreaterThan(granted)
    // By when the next one could have been granted the name, and why.
    const { reason } = (lock.signal.reason ?? {}) as HoldfastError
    const lost = how !== 'handed over' && (reason === 'expired' || reason === 'max-hold')
    const soonest = Math.max(
      how === 'released' ? Math.floor(granted) + options.holdAtLeast : 0,
      lost && options.lockDelay > 0 ? believed + options.lockDelay - STEP : 0,
    )
    expect([seed, i, how, reason, then - EPOCH]).toEqual([
      seed,
      i,
      how,
      reason,
      Math.max(then, soonest) - EPOCH,
    ])
  }
  // Everything came up.
  expect(Object.entries(done).filter(([, count]) => count === 0)).toEqual([])
  expect(w.left()).toEqual([])
})
