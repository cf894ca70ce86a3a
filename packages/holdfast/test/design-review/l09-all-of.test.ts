// L9: an all-of waits in one line only, that of the first name it lacks, and then tries all again; a
// grant pushed for one name is given back if the rest is not free at once.
import { describe, expect, test } from 'vitest'
import type { LockSet } from '../../src/index.js'
import { ready, slotted } from '../all/kit.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

// The slots of a, b and c come in the order of their names.
const [x, y, z] = ['a', 'b', 'c'] as const

const kinds = {
  'one server': (w: World) => w.client(),
  'a slot for each name': slotted,
} satisfies Record<string, (w: World) => SimClient>

describe.each(Object.entries(kinds))('%s', (_kind, open) => {
  /** Names held by one client, and another that wants x, y and z together. */
  async function stage(...held: string[]) {
    const w = new World()
    const [a, b] = [w.client(), await ready(w, open(w))]
    const locks = new Map<string, { release(): Promise<unknown> }>()
    for (const name of held) locks.set(name, await a.locks.mutex(name, { ttl: 60_000 }).acquire())
    const release = async (name: string): Promise<void> => {
      await locks.get(name)!.release()
      await w.advance(5)
    }
    const call: Outcome<LockSet> = w.watch(b.locks.all([z, y, x]).acquire({ wait: '60s' }))
    await w.advance(5)
    const lines = (): number[] => [x, y, z].map((name) => w.line(name).length)
    /** Which of the names the other client holds. */
    const has = (): string[] => [x, y, z].filter((name) => w.holder(name)?.startsWith(own))
    const own = w.line([x, y, z].find((name) => w.line(name).length > 0)!)[0]!.slice(0, 32)
    return { w, a, b, release, call, lines, has }
  }

  test('L9: while it waits in the line of the first name it lacks, it holds none', async () => {
    const { w, release, call, lines, has } = await stage(x, y)
    expect(lines()).toEqual([1, 0, 0])
    expect(has()).toEqual([])
    await w.advance(5000)
    expect([lines(), has()]).toEqual([[1, 0, 0], []])
    await release(y)
    expect([lines(), has(), call.state]).toEqual([[1, 0, 0], [], 'pending'])
    await release(x)
    expect(call.state).toBe('done')
    expect(has()).toEqual([x, y, z])
    await call.value.release()
    expect(w.left()).toEqual([])
  })

  test('L9: a grant pushed for one name is given back at once if one before it is not free', async () => {
    const { w, a, release, call, lines, has } = await stage(z)
    expect(lines()).toEqual([0, 0, 1])
    const other = await a.locks.mutex(x).acquire()
    await release(z)
    expect([lines(), has()]).toEqual([[1, 0, 0], []])
    await other.release()
    await w.advance(5)
    expect(call.state).toBe('done')
    await call.value.release()
    expect(w.left()).toEqual([])
  })

  test('L9: what comes before the name it waits for it holds for a moment, then keeps its place', async () => {
    const { w, a, release, call, lines, has } = await stage(x, y)
    await release(x)
    expect([lines(), has()]).toEqual([[0, 1, 0], [x]])
    await w.advance(900)
    expect([lines(), has()]).toEqual([[0, 1, 0], [x]])
    await w.advance(200)
    expect([lines(), has()]).toEqual([[0, 1, 0], []])
    const later = w.watch(a.locks.mutex(y).acquire({ wait: '60s' }))
    await w.advance(50)
    await release(y)
    expect([call.state, later.state]).toEqual(['done', 'pending'])
    await call.value.release()
    await w.advance(5)
    await later.value.release()
    expect(w.left()).toEqual([])
  })

  test('L9: names that are free at once are granted while one before them is waited for', async () => {
    const { w, a, release, call } = await stage(x)
    for (const name of [y, z]) {
      const lock = await a.locks.mutex(name).tryAcquire()
      expect(lock).not.toBeNull()
      await lock!.release()
    }
    await release(x)
    expect(call.state).toBe('done')
    await call.value.release()
    expect(w.left()).toEqual([])
  })
})
