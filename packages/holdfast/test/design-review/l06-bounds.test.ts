// L6: no script works off more than 64 heads or dead holders for a name. What remains is said in the
// reply and to the new head, and those who hear it call on until all are served.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { decodePush, type Request } from '../../src/kernel/protocol.js'
import { until } from '../real/kit.js'
import { Stage } from './l06-stage.js'

interface Taker {
  acquire(options?: { wait?: number }): Promise<Lock>
}

const MANY = 10_000
const STEPS = 64
/** Long leases and claims, so that nothing is renewed meanwhile. */
const LONG = { ttl: '120s', claim: '120s', wait: '120s' } as const

describe.each(['memory', 'a real server'] as const)('L6, on %s', (where) => {
  let stage: Stage
  beforeEach(async () => {
    stage = await Stage.start(where)
  })
  afterEach(() => stage.close())

  /** All heads were worked off, at most 64 by each call. */
  const boundedHeads = async (all: number): Promise<void> => {
    await stage.idle()
    const working = stage.seen.filter(({ heads }) => heads > 0)
    for (const { heads, items } of working) expect(heads).toBeLessThanOrEqual(STEPS * items)
    expect(working[0]).toMatchObject({ script: 'release', items: 1, heads: STEPS })
    expect(working.reduce((sum, { heads }) => sum + heads, 0)).toBe(all)
  }

  test('10,000 dead heads of every mode: whoever released calls on, and the live one is served', async () => {
    const [a, b] = [stage.locks(), stage.locks()]
    const held = await a.mutex('x', LONG).acquire()
    const common = { ttl: 120_000, claim: 2000, info: '' }
    const modes: Request[] = [
      { ...common, mode: 'x' },
      { ...common, mode: 's' },
      { ...common, mode: 'p', permits: 3, limit: 5 },
    ]
    const dead = Array.from({ length: MANY }, (_, i) => modes[i % modes.length]!)
    await (await stage.stand('d'.repeat(32), dead)).leave()
    const wait = b.mutex('x', LONG).acquire()
    await until(async () => expect(await stage.waiting()).toBe(MANY + 1), 60_000)
    stage.seen.length = 0
    expect(await held.release()).toEqual({ released: true })
    const next = await wait
    next.assertHeld()
    await boundedHeads(MANY + 1)
    expect(await next.release()).toEqual({ released: true })
    expect(await stage.left()).toEqual([])
  }, 60_000)

  const read = (locks: Holdfast): Taker => locks.readWrite('x', LONG).read()
  const permit = (locks: Holdfast): Taker => locks.semaphore('x', { ...LONG, limit: MANY + 1 })
  const kinds = { readers: ['s', read], permits: ['p', permit] } as const
  type Kind = keyof typeof kinds

  const all: Kind[] = ['readers', 'permits']
  test.each(all)(
    '10,000 neighbouring %s: 64 a call, and the new head is told to call on',
    async (kind) => {
      const [mode] = kinds[kind]
      const held = await stage.locks().mutex('x', LONG).acquire()
      const one: Request = { mode, ttl: 120_000, claim: 120_000, info: '', limit: MANY }
      const inside = new Set<string>()
      const waiters = await stage.stand('e'.repeat(32), Array(MANY).fill(one), (text) => {
        const push = decodePush(text)
        if (push?.kind === 'grant') inside.add(push.owner)
        if (push?.kind === 'first') void askNow(push.owner)
      })
      const askNow = async (owner: string): Promise<void> => {
        if ((await waiters.ask(Number(owner.split('.')[1]))) === 'granted') inside.add(owner)
      }
      stage.seen.length = 0
      await held.release()
      await until(() => expect(inside.size).toBe(MANY), 60_000)
      await boundedHeads(MANY)
      expect(stage.seen).toHaveLength(Math.ceil(MANY / STEPS))
      expect(await stage.members()).toBe(MANY)
    },
    60_000,
  )

  test.each(all)(
    '1000 neighbouring %s of a Holdfast are all let in, and out',
    async (kind) => {
      const [, lock] = kinds[kind]
      const [a, b] = [stage.locks(), stage.locks()]
      const held = await a.mutex('x', LONG).acquire()
      // The first of a process subscribes before it stands in line.
      const waits: Promise<Lock>[] = [lock(b).acquire()]
      await until(async () => expect(await stage.waiting()).toBe(1), 60_000)
      for (let i = 1; i < 1000; i++) waits.push(lock(b).acquire())
      await until(async () => expect(await stage.waiting()).toBe(1000), 60_000)
      stage.seen.length = 0
      await held.release()
      const inside = await Promise.all(waits)
      await boundedHeads(1000)
      expect(new Set(inside.map(({ fence }) => fence)).size).toBe(1000)
      expect(await stage.members()).toBe(1000)
      await Promise.all(inside.map((one) => one.release()))
      expect(await stage.left()).toEqual([])
    },
    60_000,
  )

  test.each(all)(
    '10,000 expired %s: they keep nobody out, 64 are removed a call, and in the end all',
    async (kind) => {
      const [mode, lock] = kinds[kind]
      const [a, b] = [stage.locks(), stage.locks()]
      const held = await lock(a).acquire()
      await stage.expired(MANY, mode)
      stage.seen.length = 0
      for (let left = MANY + 1; left > 1;) {
        await (await lock(b).acquire({ wait: 0 })).release()
        const now = await stage.members()
        expect(left - now).toBe(Math.min(2 * STEPS, left - 1))
        left = now
      }
      for (const { script, members } of stage.seen) {
        // Beside its own, which comes or goes.
        expect(members + (script === 'acquire' ? 1 : -1)).toBeLessThanOrEqual(STEPS)
      }
      expect(await held.release()).toEqual({ released: true })
      expect(await stage.left()).toEqual([])
    },
    60_000,
  )
})
