import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast, type Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds, sentinelKinds, type Connected } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { Events, refusal, until } from '../real/kit.js'

let events: Events
beforeAll(() => {
  events = new Events()
})
afterAll(() => events.stop())

/** What a test has opened. */
class Opened {
  readonly #all: { locks: Holdfast; connected: Connected }[] = []

  async locks(kind: { open(): Promise<Connected> }): Promise<Holdfast> {
    const connected = await kind.open()
    const locks = new Holdfast(connected.client, { checkEviction: false })
    this.#all.push({ locks, connected })
    return locks
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map(({ locks }) => locks.close()))
    for (const { connected } of this.#all) connected.end()
  }
}

interface Pair {
  readonly kind: string
  readonly name: string
  readonly first: Lock
  readonly next: Promise<Lock>
}

/** Of each kind one client that holds a name, and one that waits for it. */
async function pairs(
  opened: Opened,
  kinds: readonly { readonly name: string; readonly open: () => Promise<Connected> }[],
  nameOf: (kind: string) => string,
): Promise<Pair[]> {
  return Promise.all(
    kinds.map(async (kind) => {
      const [one, other] = [await opened.locks(kind), await opened.locks(kind)]
      const name = nameOf(kind.name)
      const first = await one.mutex(name, { ttl: 20_000 }).acquire()
      const next = other.mutex(name, { wait: 60_000 }).acquire()
      await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
      return { kind: kind.name, name, first, next }
    }),
  )
}

/** Each holder renews with the new primary, and hands over there. */
async function goOn(all: readonly Pair[]): Promise<void> {
  await Promise.all(
    all.map(async ({ kind, first, next }) => {
      const count = events.of('holdfast:renewed').length
      await until(() => {
        const renewed = events.of('holdfast:renewed').slice(count)
        if (!renewed.some(({ owner }) => owner === first.owner)) throw new Error(`${kind}: not yet`)
      }, 15_000)
      expect(first.signal.aborted).toBe(false)
      await first.release()
      const second = await next
      expect(second.fence).toBeGreaterThan(first.fence)
      await second.release()
      const lost = events.of('holdfast:lost').map(({ owner }) => owner)
      expect(lost).not.toContain(first.owner)
    }),
  )
}

test.concurrent('a primary of a cluster fails over while every client holds and waits', async () => {
  await using cluster = await TestCluster.start({ replicas: 1 })
  await using opened = new Opened()
  const tag = await (async () => {
    for (let i = 0; ; i++) {
      if ((await cluster.ownerOf(`{${i}}`)) === cluster.nodes[0]) return `{${i}}`
    }
  })()
  const kinds = clusterKinds.map((kind) => ({ ...kind, open: () => kind.open(cluster.seeds) }))
  const moving = kinds.filter(({ stays }) => stays !== true)
  const staying = kinds.filter(({ stays }) => stays === true)
  const all = await pairs(opened, moving, (kind) => tag + kind)
  const replica = cluster.nodes[3]!.admin
  await replica.call('READONLY')
  for (const { name } of all) {
    await until(async () => expect(await replica.zcard(keysOf(name, 'lock:')[2])).toBe(1))
  }
  const others = await Promise.all(
    staying.map(async (kind) => {
      const mutex = (await opened.locks(kind)).mutex(tag + kind.name)
      await mutex.use(() => undefined)
      return mutex
    }),
  )
  await cluster.nodes[0]!.server.kill()
  await goOn(all)

  for (const mutex of others) {
    expect(await refusal(mutex.tryAcquire())).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  }
  // It is back as a replica, and says MOVED.
  await cluster.nodes[0]!.server.restart()
  await cluster.settled()
  for (const mutex of others) await until(() => mutex.use(() => undefined))
}, 40_000)

test.concurrent('sentinels replace the primary while every client holds and waits', async () => {
  await using group = await TestSentinel.start()
  await using opened = new Opened()
  const kinds = sentinelKinds.map((kind) => ({
    ...kind,
    open: () => kind.open(group.addresses, group.name),
  }))
  const all = await pairs(opened, kinds, (kind) => kind)
  const [primary, replica] = [group.servers[0]!, group.servers[1]!]
  for (const { name } of all) {
    const line = keysOf(name, 'lock:')[2]
    await until(async () => expect(await group.admin(replica).zcard(line)).toBe(1))
  }
  await primary.kill()
  await goOn(all)
})
