import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { decodePush, decodeRecord } from '../../src/kernel/protocol.js'
import { engines, Events, refusal, until, World } from './kit.js'
import { asking, later, nextVersion, old, speaking } from './rolling-kit.js'

const releases = [
  { name: 'the first release', release: old },
  { name: 'a later release', release: later },
]

describe.each(engines)('releases side by side, on %s', (engine) => {
  let world: World
  let events: Events
  beforeAll(async () => {
    world = await World.start(engine)
  })
  beforeEach(() => {
    events = new Events()
  })
  afterEach(async () => {
    events.stop()
    await world.clean()
  })
  afterAll(() => world.stop())

  const other = (release: object, label?: string): Holdfast =>
    world.locks({ label }, speaking(world.client(), release))
  const waiters = (locks: Holdfast, count: number): Promise<void> =>
    until(async () => expect((await locks.inspect('a')).waiterCount).toBe(count))

  /** Counts in a way that only exclusion makes right; gives the tokens in the order of the grants. */
  async function contend(all: readonly Holdfast[], times: number): Promise<number[]> {
    const fences: number[] = []
    const work = async ({ fence }: Lock): Promise<void> => {
      const before = Number(await world.admin.get('counter'))
      fences.push(fence)
      await world.admin.set('counter', before + 1)
    }
    const options = { ttl: 5000, wait: 60_000 }
    const calls = all.flatMap((locks) =>
      Array.from({ length: times }, () => locks.mutex('a', options).use(work)),
    )
    await Promise.all(calls)
    expect(await world.admin.get('counter')).toBe(String(calls.length))
    await world.admin.del('counter')
    return fences
  }
  const sorted = (fences: readonly number[]): number[] => fences.toSorted((x, y) => x - y)

  describe.each(releases)('$name and this one', ({ release }) => {
    test('exclude each other, with tokens that grow', async () => {
      const all = [other(release), world.locks(), other(release), world.locks()]
      const fences = await contend(all, 25)
      expect(fences).toEqual(sorted(fences))
      await until(async () => expect(await world.keys()).toEqual([]))
    })

    test('stand in one line, and are handed the lock by each other', async () => {
      const [ours, theirs] = [world.locks(), other(release)]
      const order: string[] = []
      const held = await ours.mutex('a').acquire()
      const calls: Promise<void>[] = []
      for (const [i, locks] of [theirs, ours, theirs, ours].entries()) {
        const call = locks.mutex('a').use(() => void order.push(locks === ours ? 'our' : 'their'))
        calls.push(call)
        await waiters(ours, i + 1)
      }
      const cost = await world.during(async () => {
        await held.release()
        await Promise.all(calls)
      })
      expect(order).toEqual(['their', 'our', 'their', 'our'])
      // One command for each release: nobody had to ask.
      expect(cost.evalsha).toBe(5)
      const pushed = { confirmed: false }
      expect(events.of('holdfast:handover')).toMatchObject([pushed, pushed, pushed, pushed])
    })

    test('see each other, and can end each other', async () => {
      const [ours, theirs] = [world.locks({ label: 'ours' }), other(release, 'theirs')]
      for (const [holder, asker, label] of [
        [ours, theirs, 'ours'],
        [theirs, ours, 'theirs'],
      ] as const) {
        const first = await asker.mutex('a').acquire()
        const waiting = holder.mutex('a').acquire()
        await waiters(asker, 1)
        await first.release()
        const lock = await waiting
        const state = await asker.inspect('a')
        expect(state.holders).toMatchObject([{ mode: 'exclusive', label, fence: lock.fence }])
        expect(state.holders[0]).toMatchObject({ owner: lock.owner, pid: process.pid })
        const refused = await refusal(asker.mutex('a').acquire({ wait: 0 }))
        expect(refused).toMatchObject({ code: 'ERR_TAKEN', holder: { label } })
        expect(await asker.forceRelease('a')).toMatchObject({ asked: 1 })
        await until(() => expect(lock.signal.aborted).toBe(true))
        await lock.release()
        await waiters(asker, 0)
        await until(async () => expect(await world.keys()).toEqual([]))
      }
    })
  })

  describe('another version and this one', () => {
    test('exclude each other, with tokens that grow', async () => {
      const all = [other(nextVersion), world.locks(), other(nextVersion), world.locks()]
      const fences = await contend(all, 5)
      expect(fences).toEqual(sorted(fences))
    })

    test('are holders of another library to each other', async () => {
      const [ours, theirs] = [world.locks(), other(nextVersion)]
      for (const [holder, asker] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        const lock = await holder.mutex('a').acquire()
        const { holders } = await asker.inspect('a')
        expect(holders).toMatchObject([{ mode: 'foreign', owner: null }])
        const waiting = asker.mutex('a').acquire()
        await waiters(asker, 1)
        expect(await holder.inspect('a')).toMatchObject({ waiterCount: 0, holderCount: 1 })
        await lock.release()
        expect((await waiting).fence).toBeGreaterThan(lock.fence)
        await (await waiting).release()
      }
    })

    test.each([
      ['2', 'newer'],
      ['0', 'older'],
    ])('version %s asked of our scripts: ERR_CONFIG says who is %s', async (version, which) => {
      const locks = other(asking(version))
      const expected = {
        code: 'ERR_CONFIG',
        message: expect.stringMatching(
          new RegExp(`protocol version ${version} is not 1.*this client is ${which}`),
        ) as string,
      }
      expect(await refusal(locks.mutex('a').tryAcquire())).toMatchObject(expected)
      expect(await refusal(locks.mutex('a').acquire())).toMatchObject(expected)
      expect(await refusal(locks.inspect('a'))).toMatchObject(expected)
      expect(await world.keys()).toEqual([])
    })
  })
})

test('what version 1 does not know is passed over, and what it knows is read', () => {
  const owner = `${'0123456789abcdef'.repeat(2)}.7`
  const grant = { kind: 'grant', owner, token: 5, now: 1.5, ends: 9, run: 'r' }
  expect(decodePush(`1 grant ${owner} 5 1500 9 r`)).toEqual(grant)
  expect(decodePush(`1 grant ${owner} 5 1500 9 r and more`)).toEqual(grant)
  expect(decodePush(`1 news ${owner} 5`)).toBeNull()
  expect(decodePush(`2 grant ${owner} 5 1500 9 r`)).toBeNull()
  const record = {
    mode: 'x',
    weight: 1,
    ttl: 100,
    token: 5,
    since: 8,
    label: 'l',
    host: 'h',
    pid: 1,
    forced: false,
    edges: [],
  }
  expect(decodeRecord('x 1 100 50 - 5 8 0 ["l","h",1]')).toEqual(record)
  expect(decodeRecord('x 1 100 50 - 5 8 0 ["l","h",1,{"later":1}]')).toEqual(record)
  const edges = [{ key: 'lock:b', wait: owner, reports: false }]
  for (const more of ['', ',{"later":1}', ',null,2']) {
    const text = `x 1 100 50 - 5 8 0 ["l","h",1]\n["lock:b","${owner}"${more}]`
    expect(decodeRecord(text)).toEqual({ ...record, edges })
    expect(decodeRecord(`${text}\nnews`)).toEqual({ ...record, edges })
  }
})
