// How much of a shared server list and watch look through.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, LockState, ListEnd } from '../../src/index.js'
import { engines, World } from '../real/kit.js'

const OTHERS = 2500

async function listed(
  locks: Holdfast,
  pattern: string,
  budget: number,
): Promise<{ names: string[]; end: ListEnd }> {
  const names: string[] = []
  const all = locks.list(pattern, { budget })
  let step: IteratorResult<LockState, ListEnd>
  while (!(step = await all.next()).done) names.push(step.value.name)
  return { names: names.toSorted(), end: step.value }
}

describe.each(engines)('on a shared server, %s', (engine) => {
  let world: World
  let locks: Holdfast
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterAll(() => world.stop())
  afterEach(() => world.clean())

  async function crowd(): Promise<void> {
    locks = world.locks()
    const others = Array.from({ length: OTHERS }, (_, i) => [`session:${i}`, '1'])
    await world.admin.mset(...others.flat())
    await Promise.all(['a', 'b', 'c'].map((name) => locks.mutex(name).acquire()))
  }

  test('list ends when its budget is used up, and says so', async () => {
    await crowd()
    let all = await listed(locks, '*', OTHERS * 4)
    expect(all).toEqual({ names: ['a', 'b', 'c'], end: { complete: true } })
    const sent = await world.during(async () => (all = await listed(locks, 'nothing*', 1000)))
    expect(all).toEqual({ names: [], end: { complete: false } })
    expect(sent).toMatchObject({ evalsha: 10 })
  })

  test('a pattern without a glob is one name, and one command', async () => {
    await crowd()
    const found: Awaited<ReturnType<typeof listed>>[] = []
    const sent = await world.during(async () => {
      found.push(await listed(locks, 'a', 100), await listed(locks, 'nobody', 100))
    })
    expect(found).toEqual([
      { names: ['a'], end: { complete: true } },
      { names: [], end: { complete: true } },
    ])
    expect(sent).toMatchObject({ evalsha: 2 })
    // No lock can have such a name.
    for (const name of ['', 'x'.repeat(2000)]) {
      expect(await listed(locks, name, 100)).toEqual({ names: [], end: { complete: true } })
    }
    // A glob that is escaped is no glob, but it takes a SCAN to read it.
    await locks.mutex('s*').acquire()
    expect(await listed(locks, 's\\*', OTHERS * 4)).toMatchObject({ names: ['s*'] })
  })

  test('each look of a watch goes on from where the one before ended', async () => {
    await crowd()
    const watch = locks.watch('*', { budget: 500 })
    const seen = new Set<string>()
    let looks = 0
    const sent = await world.during(async () => {
      for (let complete = false; !complete; looks++) {
        const look = await watch.look()
        complete = look.complete
        for (const { kind, name } of look.changes) {
          expect([kind, seen.has(name)]).toEqual(['holds', false])
          seen.add(name)
        }
        // What was found before is still there.
        expect(look.states.map(({ name }) => name)).toEqual([...seen].toSorted())
      }
    })
    expect([...seen].toSorted()).toEqual(['a', 'b', 'c'])
    expect(looks).toBeGreaterThanOrEqual(4)
    // A step for each 100 keys, and at most one command for the names.
    expect(sent.evalsha).toBeLessThanOrEqual(looks * (5 + 1))
    expect(sent.evalsha).toBeGreaterThan(looks * 4)
    // From then on it is complete, wherever in its round it is.
    expect(await watch.look()).toMatchObject({ complete: true, changes: [] })
  })
})
