// Random readers and writers while requests, replies and messages are lost, doubled and late, and
// processes stop. The seed is in the test's name: the same one takes the same course.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { conflicts, world } from './kit.js'

const seeds = Array.from({ length: 12 }, (_, i) => i + 1)

test.each(seeds)('a writer never beside another holder, seed %i', async (seed) => {
  const { w, clients } = await world(6)
  const dice = new ManualClock({ seed })
  const chance = (part: number): boolean => dice.random() < part
  const upTo = (most: number): number => Math.floor(dice.random() * most)
  const readers = new Set<Lock>()
  const writers = new Set<Lock>()
  const done = { read: 0, write: 0, downgrade: 0, failed: 0 }
  let over = false

  const loop = async (i: number): Promise<void> => {
    const { locks, clock } = clients[i]!
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => clock.setTimer(() => resolve(), ms))
    while (!over) {
      const side = chance(0.6) ? 'read' : 'write'
      const options = { ttl: 300 + upTo(1200), wait: 3000 }
      let held: Lock | null = null
      try {
        held = await locks.readWrite('x', options)[side]().acquire()
        const mine = side === 'read' ? readers : writers
        mine.add(held)
        await pause(5 + upTo(100))
        if (side === 'write' && chance(0.5)) {
          const downgrading = held.downgrade()
          held = await downgrading
          readers.add(held)
          done.downgrade++
          await pause(5 + upTo(100))
        }
        done[side]++
      } catch {
        done.failed++
        await pause(20)
      }
      await held?.release()
    }
  }

  const late: { release(): void }[] = []
  const fault = (): void => {
    const what = ['acquire', 'release', 'renew', 'turn'][upTo(4)]!
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

  const loops = clients.map((_, i) => loop(i))
  for (let ms = 0; ms < 20_000; ms++) {
    if (ms % 400 === 0) fault()
    await w.advance(1)
    expect([ms, conflicts([...readers], [...writers])]).toEqual([ms, false])
    for (const all of [readers, writers]) {
      for (const lock of all) if (lock.validFor === 0) all.delete(lock)
    }
  }
  over = true
  for (let ms = 0; ms < 8000; ms += 10) await w.advance(10)
  await Promise.all(loops)
  for (const count of [done.read, done.write, done.downgrade]) expect(count).toBeGreaterThan(5)
  expect(w.left()).toEqual([])
})
