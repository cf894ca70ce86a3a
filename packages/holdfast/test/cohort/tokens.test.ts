// Tokens where calls of one process hand a name on: above all before and below all after, however a turn ends.
import { expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { World } from '../kit/world.js'
import { Servers } from '../quorum/kit.js'

const LOCAL = { localHandovers: 16 } as const

test.each([1, 3])('%i servers: downgrade, handOver, forceRelease, readers', async (count) => {
  const world = count === 1 ? new World() : new Servers(count)
  const client = (): Holdfast =>
    (world instanceof World ? world.client({}, LOCAL) : world.client(LOCAL)).locks
  const now = async <T>(promise: Promise<T>): Promise<T> => {
    const outcome = world.watch(promise)
    for (let i = 0; i < 100 && outcome.state === 'pending'; i++) await world.advance(10)
    if (outcome.state === 'pending') throw new Error('it waits')
    return promise
  }
  const [a, b] = [client(), client()]
  if (count > 1) await now(a.bootstrap())
  const fences: number[] = []
  /** The last of so many calls, each of which was handed the lock by the one before. */
  const turn = async (calls: number): Promise<Lock> => {
    const had: Promise<Lock>[] = []
    for (let i = 0; i < calls; i++) had.push(a.mutex('a').acquire())
    const owners = new Set<string>()
    for (const [i, one] of had.entries()) {
      const lock = await now(one)
      fences.push(lock.fence)
      owners.add(lock.owner)
      if (i < calls - 1) await now(lock.release())
    }
    expect(owners.size).toBe(1)
    return had.at(-1)!
  }
  const use = async (one: Promise<Lock>): Promise<void> => {
    const lock = await now(one)
    fences.push(lock.fence)
    await now(lock.release())
  }
  for (let round = 0; round < 2; round++) {
    await use((await turn(17)).downgrade())
    const token = await now((await turn(17)).handOver())
    await use(b.takeOver(token))
    const robbed = await turn(17)
    await now(b.forceRelease('a', { now: true }))
    await use(b.mutex('a').acquire())
    await use(b.readWrite('a').read().acquire())
    await now(robbed.release())
  }
  expect(fences).toHaveLength(2 * (3 * 17 + 4))
  expect(fences).toEqual(fences.toSorted((x, y) => x - y))
  expect(new Set(fences).size).toBe(fences.length)
})
