// Random sets of names, modes mixed, and single names, while requests, replies and messages are lost,
// doubled and late, and processes stop. The seed is in the test's name: the same one takes the same course.
import { expect, test } from 'vitest'
import type { AllItem, Holdfast, Lock } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World, type SimClient } from '../kit/world.js'
import { ready, slotted } from './kit.js'

const LIMIT = 4
type Kind = 'write' | 'read' | 'permits'

/** What conflicts, as the holders believe it themselves. */
function conflict(held: ReadonlyMap<Lock, { kind: Kind; weight: number }>): string | null {
  const sums = new Map<string, Record<Kind, number>>()
  for (const [lock, { kind, weight }] of held) {
    if (lock.validFor === 0 || lock.signal.aborted) continue
    const sum = sums.get(lock.name) ?? { write: 0, read: 0, permits: 0 }
    sum[kind] += weight
    sums.set(lock.name, sum)
  }
  for (const [name, { write, read, permits }] of sums) {
    const kinds = [write, read, permits].filter((count) => count > 0).length
    if (kinds > 1 || write > 1 || permits > LIMIT) return `${name} ${write} ${read} ${permits}`
  }
  return null
}

const seeds = Array.from({ length: 4 }, (_, i) => i + 1)

test.each(seeds)('nobody holds what another excludes, seed %i', async (seed) => {
  const w = new World()
  const dice = new ManualClock({ seed })
  const chance = (part: number): boolean => dice.random() < part
  const upTo = (most: number): number => Math.floor(dice.random() * most)
  const clients: SimClient[] = []
  for (let i = 0; i < 6; i++) clients.push(await ready(w, i % 2 ? slotted(w) : w.client()))
  const held = new Map<Lock, { kind: Kind; weight: number }>()
  const done = { whole: 0, single: 0, failed: 0 }
  let over = false

  const item = (locks: Holdfast, name: string): [AllItem, { kind: Kind; weight: number }] => {
    const weight = 1 + upTo(3)
    if (chance(0.5)) return [name, { kind: 'write', weight: 1 }]
    if (chance(0.5)) return [locks.readWrite(name).read(), { kind: 'read', weight: 1 }]
    const lock = locks.semaphore(name, { limit: LIMIT })
    return [
      { lock, permits: weight },
      { kind: 'permits', weight },
    ]
  }

  const loop = async ({ locks, clock }: SimClient): Promise<void> => {
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => clock.setTimer(() => resolve(), ms))
    while (!over) {
      const names = ['a', 'b', 'c', 'd'].filter(() => chance(0.5))
      if (names.length === 0) names.push('a')
      const items = names.map((name) => item(locks, name))
      const options = { ttl: 300 + upTo(1200), wait: chance(0.1) ? 0 : 3000 }
      const end = new AbortController()
      if (chance(0.1)) clock.setTimer(() => end.abort(new Error('enough')), upTo(300))
      try {
        const all = locks.all(
          items.map(([one]) => one),
          options,
        )
        const set = await all.acquire({ signal: end.signal })
        for (const [i, lock] of set.locks.entries()) held.set(lock, items[i]![1])
        await pause(5 + upTo(60))
        await set.release()
        done[names.length > 1 ? 'whole' : 'single']++
      } catch {
        done.failed++
        await pause(20)
      }
    }
  }

  const late: { release(): void }[] = []
  const fault = (): void => {
    const what = ['acquire', 'all', 'all', 'release', 'renew'][upTo(5)]!
    const of = clients[upTo(clients.length)]!
    const direction = chance(0.5) ? 'request' : 'reply'
    const which = dice.random()
    if (which < 0.3) w.net.drop(direction, what, { of })
    else if (which < 0.5) w.net.drop('push', 'grant', { of })
    else if (which < 0.65) w.net.delay(direction, what, upTo(600), { of })
    else if (which < 0.9) late.push(w.net.double('request', what, { of }))
    else {
      of.clock.freeze('stopped')
      w.clock.setTimer(() => of.clock.thaw(), upTo(2500))
    }
    if (late.length > 0 && chance(0.5)) late.splice(upTo(late.length), 1)[0]!.release()
  }

  const all = clients.map(loop)
  for (let ms = 0; ms < 6000; ms++) {
    if (ms % 400 === 0) fault()
    await w.advance(1)
    expect([ms, conflict(held)]).toEqual([ms, null])
    for (const lock of held.keys()) if (lock.validFor === 0) held.delete(lock)
  }
  over = true
  for (let ms = 0; ms < 8000; ms += 10) await w.advance(10)
  await Promise.all(all)
  for (const count of [done.whole, done.single]) expect(count).toBeGreaterThan(5)
  expect(w.left()).toEqual([])
})
