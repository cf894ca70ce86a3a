// A semaphore of two over three servers: a count at each node would let three in, {1,2} {2,3} {1,3}.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

// HOLDFAST_RACES=10000 for the long run.
const RACES = Number(process.env['HOLDFAST_RACES'] ?? 200)

test(
  `${RACES} races of three for two permits: never three have one`,
  { timeout: 60_000 + 20 * RACES },
  async () => {
    const w = new Servers(3)
    await w.started()
    const clients = [w.client(), w.client(), w.client()]
    for (const { locks } of clients) await w.after(locks.mutex('first').tryUse(() => undefined))
    let state = 7
    const random = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state / 2_147_483_648
    }
    for (const net of w.nets) {
      for (const way of ['request', 'reply'] as const) {
        net.delay(way, '*', () => random() * 5, { times: Infinity })
      }
    }
    const won = [0, 0, 0, 0]
    const race = async (name: string): Promise<void> => {
      const all = await Promise.all(
        clients.map(({ locks }) => locks.semaphore(name, { limit: 2 }).tryAcquire()),
      )
      const held = all.filter((lock) => lock !== null)
      won[held.length]!++
      await Promise.all(held.map((lock) => lock.release()))
    }
    for (let done = 0; done < RACES;) {
      const some = Math.min(25, RACES - done)
      const races = w.watch(
        Promise.all(Array.from({ length: some }, (_, i) => race(`${done + i}`))),
      )
      for (let i = 0; i < 50 && races.state === 'pending'; i++) await w.advance(20)
      expect([races.state, races.error]).toEqual(['done', undefined])
      done += some
    }
    expect(won[3]).toBe(0)
    expect(won[2]).toBeGreaterThan(RACES / 2)
    await w.advance(12_000)
    expect(w.left()).toEqual([])
    for (const { clock } of clients) expect(clock.timers).toBe(0)
  },
)
