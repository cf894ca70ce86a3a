import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  Holdfast,
  type HistoryEntry,
  type HoldfastError,
  type HoldfastOptions,
} from '../../src/index.js'
import type { ServerEngine } from '../../src/testing/index.js'
import { recommendedKinds } from '../clients/kinds.js'
import { TestCluster } from '../kit/cluster.js'
import { engines, Events, until } from '../real/kit.js'

// Names with every sort of tag, and without.
const odd = [
  'plain',
  'with space',
  '{tag}rest',
  'head{tag}',
  '{a}{b}',
  '{tag',
  'tag}',
  '{',
  '}',
  '{}x',
  'x}y{z',
  'x}y{z}',
  '{{a}}',
  'ünïcödé',
  '日本語',
  '{日本}語',
  '🔒',
  'a:b:{c:d}:e',
  'line\nbreak',
]

/** Renewals that were refused because they were for another server. */
const late = (events: Events): unknown[] =>
  events.of('holdfast:jeopardy').filter(({ error }) => String(error).includes('late'))

describe.each(engines as ServerEngine[])('a cluster of three, %s', (engine) => {
  let cluster: TestCluster
  let events: Events
  const open: Holdfast[] = []
  const locksOf = (options: HoldfastOptions = {}): Holdfast => {
    const locks = new Holdfast(cluster.client(), {
      checkEviction: false,
      localHandovers: 0,
      ...options,
    })
    open.push(locks)
    return locks
  }
  /** A name for each primary. */
  const spread = async (prefix: string): Promise<string[]> => {
    const names = new Map<unknown, string>()
    for (let i = 0; names.size < 3; i++) {
      names.set(await cluster.ownerOf(`lock:${prefix}:${i}`), `${prefix}:${i}`)
    }
    return [...names.values()]
  }
  beforeAll(async () => {
    cluster = await TestCluster.start({ engine })
    events = new Events()
  })
  afterEach(async () => {
    for (const locks of open.splice(0)) await locks.close()
    cluster.disconnectClients()
    events.seen.length = 0
  })
  afterAll(async () => {
    events.stop()
    await cluster.stop()
  })

  test('names in many slots are held past several renewals, each by one call', async () => {
    const locks = locksOf({ nodeTimeout: 500 })
    const names = Array.from({ length: 30 }, (_, i) => `many:${i}`)
    // The scripts are loaded, and it is known who has which slot.
    for (const name of names) await locks.mutex(name).use(() => undefined)
    const before = await cluster.calls('evalsha')
    const held = await Promise.all(names.map((name) => locks.mutex(name, { ttl: 1500 }).acquire()))
    await until(() => {
      const renewed = events.of('holdfast:renewed')
      for (const { owner } of held) {
        expect(renewed.filter((event) => event.owner === owner).length).toBeGreaterThan(2)
      }
    })
    expect(late(events)).toEqual([])
    for (const lock of held) expect(lock.signal.aborted).toBe(false)
    for (const lock of held) expect(await lock.release()).toEqual({ released: true })
    // One call to acquire, one to release, one for each renewal; one may have been under way for each.
    const calls = (await cluster.calls('evalsha')) - before
    const renewed = events.of('holdfast:renewed').length
    expect(calls - renewed).toBeLessThanOrEqual(3 * names.length)
    expect(await cluster.keys()).toEqual([])
  })

  test('first calls for many slots put one listener on a client that is not ready', async () => {
    const client = cluster.client()
    const locks = new Holdfast(client)
    open.push(locks)
    const bare = client.listenerCount('ready')
    const all = Array.from({ length: 20 }, (_, i) => locks.mutex(`first:${i}`).use(() => undefined))
    await Promise.resolve()
    expect(client.listenerCount('ready')).toBe(bare + 1)
    await Promise.all(all)
    expect(client.listenerCount('ready')).toBe(bare)
  })

  test.each(recommendedKinds)(
    'a client of one server, $name: an error that says so, and no wait',
    async (kind) => {
      const { port, connect, end } = await kind.make(cluster.nodes[0]!.server.url)
      await connect()
      try {
        const locks = new Holdfast(port)
        open.push(locks)
        const names = await spread(`alone ${kind.name}`)
        const owners = await Promise.all(names.map((name) => cluster.ownerOf(`lock:${name}`)))
        const here = names[owners.indexOf(cluster.nodes[0]!)]
        const there = names[owners.indexOf(cluster.nodes[1]!)]
        expect(await locks.mutex(here!).use(() => 'ran')).toBe('ran')
        const failed = locks.mutex(there!, { wait: Infinity }).use(() => undefined)
        await expect(failed).rejects.toMatchObject({
          code: 'ERR_CONFIG',
          lock: there,
          message: expect.stringMatching(/one of a Cluster.*docs\/clients\.md.*moved/is),
        })
        // A SCAN there knows only the server's own names, and nobody would see that some are missing.
        const partly = {
          code: 'ERR_CONFIG',
          message: expect.stringMatching(/one of a Cluster.*docs\/clients\.md/is),
        }
        for (let i = 0; i < 2; i++) {
          await expect(locks.list().next()).rejects.toMatchObject(partly)
          await expect(locks.deadlocks()).rejects.toMatchObject(partly)
          await expect(locks.watch('*').look()).rejects.toMatchObject(partly)
        }
        expect((await locks.list(here!).next()).done).toBe(true)
      } finally {
        end()
      }
    },
  )

  test('a hand-over by push on every primary, wherever the waiter has subscribed', async () => {
    const [one, other] = [locksOf(), locksOf()]
    for (const name of await spread('push')) {
      const first = await one.mutex(name, { ttl: 30_000 }).acquire()
      const waiting = other.mutex(name, { ttl: 30_000 }).acquire()
      await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
      await first.release()
      const second = await waiting
      expect(second.fence).toBeGreaterThan(first.fence)
      await second.release()
    }
    expect(events.of('holdfast:handover')).toHaveLength(3)
    // The clock of each server was known from its own replies: nobody had to ask.
    for (const { confirmed } of events.of('holdfast:handover')) expect(confirmed).toBe(false)
    expect(await cluster.keys()).toEqual([])
  })

  test('waiters of several clients are served in the order in which they came', async () => {
    const clients = Array.from({ length: 5 }, () => locksOf())
    const lock = await clients[0]!.mutex('order').acquire()
    const served: number[] = []
    const all: Promise<void>[] = []
    for (const [i, locks] of clients.entries()) {
      // oxlint-disable-next-line require-await -- the order of the calls is what counts
      all.push(locks.mutex('order').use(async () => void served.push(i)))
      await until(async () => expect((await locks.inspect('order')).waiterCount).toBe(i + 1))
    }
    await lock.release()
    await Promise.all(all)
    expect(served).toEqual([0, 1, 2, 3, 4])
  })

  test.each(odd)('the name %j: held, waited for, handed over, inspected, forced', async (name) => {
    const [one, other] = [locksOf(), locksOf()]
    const first = await one.mutex(name).acquire()
    expect(await other.mutex(name).tryAcquire()).toBeNull()
    const waiting = other.mutex(name).acquire()
    await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
    await first.release()
    const second = await waiting
    expect(second.fence).toBeGreaterThan(first.fence)
    await second.extend(5000)
    expect(await one.forceRelease(name, { now: true })).toMatchObject({ freed: true })
    await until(() => expect(second.signal.aborted).toBe(true))
    await second.release()
    expect(await cluster.keys()).toEqual([])
  })

  test('list finds the names of every primary, each once', async () => {
    const locks = locksOf()
    const names = Array.from({ length: 40 }, (_, i) => `list:${i}`)
    const held = await Promise.all(names.map((name) => locks.mutex(name).acquire()))
    const found: string[] = []
    for await (const state of locks.list('list:*')) found.push(state.name)
    expect(found.toSorted()).toEqual(names.toSorted())
    for (const lock of held) await lock.release()
  })

  test('a history has the slot of its prefix, or of its name, and the index names of every primary', async () => {
    const history = { keep: 1000 }
    const locks = locksOf({ history, prefix: '{p' })
    const names = await spread('kept')
    const own = names.map((name) => locks.mutex(name, { history }))
    // Whoever has to connect first is seen to wait.
    const kinds = (entries: readonly HistoryEntry[]): string[] =>
      entries.map(({ event }) => event).filter((event) => event !== 'waiting')
    const held = await Promise.all(own.map((mutex) => mutex.acquire()))
    const other = await locks.mutex('other').acquire()
    await locks.history()
    await Promise.all([...held, other].map((lock) => lock.release()))
    const told = await cluster.calls('evalsha')
    // One call for the slot of each stream, and one to read.
    expect(kinds((await locks.history()).entries)).toEqual(['released', 'granted'])
    expect((await cluster.calls('evalsha')) - told).toBe(names.length + 2)
    for (const name of names) {
      const { entries } = await locks.history(name)
      expect(kinds(entries)).toEqual(['released', 'granted'])
    }
    const again = await Promise.all(own.map((mutex) => mutex.acquire()))
    const found: string[] = []
    for await (const { name } of locks.list()) found.push(name)
    expect(found.toSorted()).toEqual(names.toSorted())
    for (const lock of again) await lock.release()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('what it costs: calls, messages and messages between the servers', async () => {
    const [one, other] = [locksOf(), locksOf()]
    const bus = async (): Promise<number> => {
      const infos = await Promise.all(cluster.nodes.map((n) => n.admin.call('CLUSTER', 'INFO')))
      // Valkey counts them where they arrive only.
      const came = /cluster_stats_messages_publish_received:(\d+)/
      return infos.reduce<number>((sum, info) => sum + Number(came.exec(String(info))?.[1] ?? 0), 0)
    }
    let arrived = await bus()
    const cost = async (work: () => Promise<unknown>, between: number): Promise<object> => {
      const commands = ['evalsha', 'eval', 'publish']
      const count = (): Promise<number[]> => Promise.all(commands.map((c) => cluster.calls(c)))
      await until(async () => expect(await bus()).toBe(arrived))
      const before = await count()
      await work()
      arrived += between
      await until(async () => expect(await bus()).toBe(arrived))
      const [evalsha, evals, publish] = (await count()).map((n, i) => n - before[i]!)
      return { evalsha, eval: evals, publish }
    }
    for (const name of await spread('cost')) {
      // Scripts loaded, slots known, subscribed.
      const warm = await one.mutex(name).acquire()
      const next = other.mutex(name).acquire()
      await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
      await warm.release()
      await (await next).release()
      arrived += 2

      const free = await cost(() => one.mutex(name).use(() => undefined), 0)
      expect(free).toEqual({ evalsha: 2, eval: 0, publish: 0 })
      const held = await one.mutex(name, { ttl: 30_000 }).acquire()
      const refused = await cost(() => other.mutex(name).tryAcquire(), 0)
      expect(refused).toEqual({ evalsha: 1, eval: 0, publish: 0 })
      const waiting = other.mutex(name, { ttl: 30_000 }).acquire()
      await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
      // The message goes to each of the two other servers, whoever has subscribed there.
      const handover = await cost(async () => {
        await held.release()
        await waiting
      }, 2)
      expect(handover).toEqual({ evalsha: 1, eval: 0, publish: 1 })
      await (await waiting).release()
    }
  })

  test('a new client learns who has which slot from a few answers', async () => {
    const locks = locksOf()
    const names = Array.from({ length: 200 }, (_, i) => `new:${i}`)
    await locksOf()
      .mutex('warm')
      .use(() => undefined)
    for (const name of names.slice(0, 20))
      await locksOf()
        .mutex(name)
        .use(() => undefined)
    const before = await cluster.calls('evalsha')
    for (const name of names) await locks.mutex(name).use(() => undefined)
    const extra = (await cluster.calls('evalsha')) - before - 2 * names.length
    // A hello for each primary, and a wrong guess now and then near the bounds of their ranges.
    expect(extra).toBeLessThan(25)
  })

  test('a deadlock over names of every primary is found and broken', async () => {
    const names = await spread('line\nbreak {')
    const all = names.map(() => locksOf({ nodeTimeout: 500 }))
    const calls = all.map((locks, i) =>
      locks.mutex(names[i]!).use(async () => {
        await until(async () => {
          for (const name of names) expect((await locks.inspect(name)).holderCount).toBe(1)
        })
        return locks.mutex(names[(i + 1) % 3]!, { wait: 60_000 }).use(() => 'both')
      }),
    )
    const results = await Promise.allSettled(calls)
    const [victim, ...more] = results.filter((one) => one.status === 'rejected')
    expect(more).toEqual([])
    const { code, cycle } = victim!.reason as HoldfastError
    expect([code, cycle?.map(({ name }) => name).sort()]).toEqual([
      'ERR_DEADLOCK',
      names.toSorted(),
    ])
  })

  test('no call has carried keys of two slots', async () => {
    for (const { admin } of cluster.nodes) {
      expect(await admin.info('errorstats')).not.toContain('CROSSSLOT')
    }
  })
})
