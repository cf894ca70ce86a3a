import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast } from '../../src/index.js'
import { engines, refusal, until, World } from './kit.js'
import { runToEnd } from './process.js'

describe.each(engines)('what is known of locks, and their end, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  async function listed(locks: Holdfast, pattern?: string): Promise<string[]> {
    const names: string[] = []
    for await (const { name } of locks.list(pattern)) names.push(name)
    return names.toSorted()
  }

  test('inspect: holder and waiters, in their order', async () => {
    const [a, b] = [world.locks({ label: 'all' }), world.locks()]
    const nobody = { holders: [], holderCount: 0, waiters: [], waiterCount: 0 }
    const free = { name: 'a', ...nobody, fence: 0, permits: null }
    expect(await a.inspect('a')).toEqual(free)
    const lock = await a.mutex('a').acquire()
    const first = refusal(b.mutex('a', { label: 'one' }).acquire({ wait: 500 }))
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    const second = refusal(b.mutex('a').acquire({ wait: 500 }))
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(2))
    const state = await a.inspect('a')
    const mine = { mode: 'exclusive', pid: process.pid, host: expect.any(String) as string }
    expect(state).toEqual({
      name: 'a',
      holders: [
        {
          ...mine,
          owner: lock.owner,
          label: 'all',
          fence: lock.fence,
          heldFor: expect.any(Number) as number,
          remaining: expect.any(Number) as number,
        },
      ],
      holderCount: 1,
      waiters: [
        {
          ...mine,
          label: 'one',
          owner: expect.any(String) as string,
          waitedFor: expect.any(Number) as number,
        },
        {
          ...mine,
          owner: expect.any(String) as string,
          waitedFor: expect.any(Number) as number,
        },
      ],
      waiterCount: 2,
      fence: lock.fence,
      permits: null,
    })
    expect(await first).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await second).toMatchObject({ code: 'ERR_TIMEOUT' })
    await lock.release()
    expect(await a.inspect('a')).toEqual({ ...free, fence: lock.fence })
  })

  test('inspect: a holder of another library', async () => {
    const locks = world.locks()
    await world.admin.set('lock:a', 'theirs', 'PX', 60_000)
    const { holders } = await locks.inspect('a')
    const foreign = { mode: 'foreign', owner: null, heldFor: null, fence: null }
    expect(holders).toEqual([{ ...foreign, remaining: expect.any(Number) as number }])
    await world.admin.persist('lock:a')
    expect((await locks.inspect('a')).holders).toEqual([{ ...foreign, remaining: null }])
  })

  test('list: 300 names, by pattern, none twice, and only those that are held', async () => {
    const locks = world.locks({ prefix: 'p*[x]?\\-^:', nodeTimeout: 2000 })
    const names = Array.from({ length: 300 }, (_, i) => `n:${String(i).padStart(3, '0')}`)
    await Promise.all(names.map((name) => locks.mutex(name).acquire()))
    // Keys that the prefix's glob characters would match if they were not taken literally.
    await world.admin.mset('pzx!\\-^:n:000', '1', 'px:other', '2')
    await locks.mutex('released').use(() => {})
    await locks.mutex('other').acquire()
    expect(await listed(locks)).toEqual([...names, 'other'].toSorted())
    expect(await listed(locks, 'n:*')).toEqual(names)
    expect(await listed(locks, 'n:00?')).toEqual(names.slice(0, 10))
    expect(await listed(locks, 'n:29[89]')).toEqual(names.slice(298))
    expect(await listed(locks, 'nothing*')).toEqual([])
  })

  test('list: shows state, and keys under the prefix that no lock can have', async () => {
    const locks = world.locks()
    const lock = await locks.mutex('a').acquire()
    await world.admin.set('lock:foreign', 'theirs')
    // No lock has such a name, so these keys are somebody else's affair.
    await world.admin.set('lock:', 'no name')
    await world.admin.set(`lock:${'x'.repeat(2000)}`, 'too long')
    const states = []
    for await (const state of locks.list()) states.push(state)
    states.sort((x, y) => (x.name < y.name ? -1 : 1))
    expect(states.map((state) => [state.name, state.holders[0]!.owner])).toEqual([
      ['a', lock.owner],
      ['foreign', null],
    ])
  })

  describe('close', () => {
    test('cancels waits, releases what is held, and leaves the client open', async () => {
      const client = world.client()
      const locks = world.locks({}, client)
      const other = world.locks()
      await Promise.all([client.ping(), other.inspect('a')])
      const connections = await world.connections()
      const held = await locks.mutex('mine').acquire()
      const using = refusal(
        locks.mutex('used').use(async ({ signal }) => {
          await until(() => expect(signal.aborted).toBe(true))
        }),
      )
      await until(async () => expect((await other.inspect('used')).holderCount).toBe(1))
      await other.mutex('theirs').acquire()
      const waiting = refusal(locks.mutex('theirs').acquire({ wait: Infinity }))
      await until(async () => expect((await other.inspect('theirs')).waiterCount).toBe(1))

      const closing = locks.close()
      expect(locks.close()).toBe(closing)
      await closing
      expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' })
      expect(await using).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
      expect(held.signal.aborted).toBe(true)
      expect(held.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
      expect(await held.release()).toEqual({ released: false, reason: 'lost' })
      await until(async () => expect(await world.keys()).toEqual(['lock:theirs']))
      await until(async () => expect(await world.connections()).toBe(connections))
      expect(await client.ping()).toBe('PONG')
      expect(client.listenerCount('ready')).toBe(0)
      await until(async () => expect(await world.admin.pubsub('CHANNELS')).toHaveLength(0))

      expect(() => locks.mutex('a')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
      for (const call of [locks.inspect('a'), locks.list().next(), locks.forceRelease('a')]) {
        expect(await refusal(call)).toMatchObject({ code: 'ERR_CLOSED' })
      }
      await locks[Symbol.asyncDispose]()
      expect(
        await world
          .locks({}, client)
          .mutex('a')
          .use(() => 1),
      ).toBe(1)
    })

    test('a mutex that was made before is closed too', async () => {
      const locks = world.locks()
      const mutex = locks.mutex('a')
      await locks.close()
      const sent = await world.during(async () => {
        for (const call of [mutex.acquire(), mutex.tryAcquire(), mutex.use(() => {})]) {
          expect(await refusal(call)).toMatchObject({ code: 'ERR_CLOSED' })
        }
      })
      expect(sent.evalsha).toBe(0)
    })
  })

  describe('a process', () => {
    test.each([
      ['closed', 'a wait, a lock and a renewal, all closed'],
      ['open', 'a lock that is held and renewed, when only the client was ended'],
      ['observed', 'an observer and a lock that another call wants, the same'],
    ])('ends by itself: %s', async (what) => {
      expect(await runToEnd(world.server.url, what)).toEqual({ code: 0, said: 'done' })
    })

    test('stays alive while a promise of its own waits', async () => {
      const locks = world.locks()
      const lock = await locks.mutex('a').acquire()
      const waiting = runToEnd(world.server.url, 'waits')
      await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
      await lock.release()
      expect(await waiting).toEqual({ code: 0, said: 'granted' })
    })
  })
})
