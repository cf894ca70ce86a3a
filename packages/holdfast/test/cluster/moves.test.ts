import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import type { ServerEngine } from '../../src/testing/index.js'
import { TestCluster, type ClusterNode } from '../kit/cluster.js'
import { within } from '../kit/within.js'
import { engines, Events, refusal, until } from '../real/kit.js'

/** A name whose slot moves is `{tag}...`: others with its tag move with it. */
const names = (tag: string): [string, string] => [`{${tag}}:one`, `{${tag}}:other`]
const K = (name: string): string => `lock:${name}`

/** Renewals that were refused because they were for another server. */
const late = (events: Events): unknown[] =>
  events.of('holdfast:jeopardy').filter(({ error }) => String(error).includes('late'))

describe.each(engines as ServerEngine[])('slots that move, %s', (engine) => {
  let cluster: TestCluster
  let events: Events
  const open: Holdfast[] = []
  const locksOf = (options: HoldfastOptions = {}): Holdfast => {
    const locks = new Holdfast(cluster.client(), { checkEviction: false, ...options })
    open.push(locks)
    return locks
  }
  /** A primary that does not have this name's slot. */
  const elsewhere = async (name: string): Promise<ClusterNode> => {
    const owner = await cluster.ownerOf(K(name))
    return cluster.primaries.find((node) => node !== owner)!
  }
  const renewals = (owner: string): number =>
    events.of('holdfast:renewed').filter((event) => event.owner === owner).length
  const renewedAgain = async (owner: string, times = 2): Promise<void> => {
    const before = renewals(owner)
    await until(() => expect(renewals(owner)).toBeGreaterThanOrEqual(before + times))
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

  test('MOVED: holders keep their locks, and waiters their places', async () => {
    const [name] = names('moved')
    const [one, other] = [locksOf({ nodeTimeout: 500 }), locksOf()]
    const to = await elsewhere(name)
    const first = await one.mutex(name, { ttl: 1500 }).acquire()
    const waiting = other.mutex(name).acquire()
    await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
    await renewedAgain(first.owner, 1)
    await cluster.move(K(name), to)
    await renewedAgain(first.owner, 3)
    expect(late(events)).toEqual([])
    expect((await one.inspect(name)).waiterCount).toBe(1)
    expect(await first.release()).toEqual({ released: true })
    const second = await waiting
    expect(second.fence).toBeGreaterThan(first.fence)
    await second.release()
    expect(await cluster.keys()).toEqual([])
  })

  test('a slot that moved costs one round trip, once', async () => {
    const [name] = names('cost')
    const locks = locksOf()
    for (const { admin } of cluster.nodes) {
      for (const { lua } of Object.values(scripts)) await admin.script('LOAD', lua)
    }
    const lock = await locks.mutex(name, { ttl: 20_000, renew: false }).acquire()
    const calls = async (): Promise<number> => {
      const before = await cluster.calls('evalsha')
      await lock.extend(20_000)
      return (await cluster.calls('evalsha')) - before
    }
    expect(await calls()).toBe(1)
    await cluster.move(K(name), await elsewhere(name))
    // Late, by the clock of the server before; and again, by that of the new one.
    expect([await calls(), await calls()]).toEqual([2, 1])
    await lock.release()
  })

  test('a slot that moved shortens no lease, nor makes it a longer one', async () => {
    const [name] = names('ttl')
    const lock = await locksOf().mutex(name, { ttl: 20_000 }).acquire()
    const from = await cluster.ownerOf(K(name))
    const before = await from.admin.pttl(K(name))
    const to = await elsewhere(name)
    await cluster.move(K(name), to)
    const after = await to.admin.pttl(K(name))
    expect(after).toBeGreaterThan(lock.validFor)
    expect(after).toBeLessThanOrEqual(before)
    await lock.release()
  })

  test('ASK and TRYAGAIN: while its slot is under way a name answers nobody', async () => {
    const [held, free] = names('ask')
    const [one, other] = [locksOf(), locksOf()]
    const to = await elsewhere(held)
    const lock = await one.mutex(held, { ttl: 5000 }).acquire()
    const from = await cluster.beginMove(K(held), to)
    const errors = async (): Promise<number[]> => {
      const of = async (kind: string): Promise<number> => {
        const infos = await Promise.all(cluster.nodes.map(({ admin }) => admin.info('errorstats')))
        const count = new RegExp(`errorstat_${kind}:count=(\\d+)`)
        return infos.reduce((sum, info) => sum + Number(count.exec(info)?.[1] ?? 0), 0)
      }
      return [await of('ASK'), await of('TRYAGAIN'), await of('CROSSSLOT')]
    }
    const [asked, tried] = await errors()

    // Half of the keys are here, half of them there.
    await cluster.moveKeys(K(held), from, to, [keysOf(held, 'lock:')[1]])
    expect(await refusal(other.mutex(held).tryAcquire())).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    // A name without keys is asked for there, where it is refused as well.
    expect(await refusal(other.mutex(free).tryAcquire())).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    const [askedNow, triedNow, crossed] = await errors()
    expect(askedNow).toBeGreaterThan(asked!)
    expect(triedNow).toBeGreaterThan(tried!)
    expect(crossed).toBe(0)
    const waiting = other.mutex(free, { ttl: 5000 }).acquire()
    const behind = other.mutex(held, { ttl: 5000 }).acquire()

    await cluster.moveKeys(K(held), from, to)
    await cluster.endMove(K(held), to)
    // What was given up meanwhile has left nothing behind; what waits gets it.
    await (await waiting).release()
    expect(lock.signal.aborted).toBe(false)
    await renewedAgain(lock.owner, 1)
    await lock.release()
    const next = await behind
    expect(next.fence).toBeGreaterThan(lock.fence)
    await next.release()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test.each([
    ['half of its keys are here', 'line'],
    ['all of its keys are there', 'all'],
  ])('ASK: a release while %s is unavailable, in time, and told again', async (_title, how) => {
    const [name] = names(`give:${how}`)
    const [one, other] = [locksOf({ nodeTimeout: 500 }), locksOf()]
    const to = await elsewhere(name)
    const lock = await one.mutex(name, { ttl: 30_000 }).acquire()
    const next = other.mutex(name, { wait: 15_000 }).acquire()
    await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
    const from = await cluster.beginMove(K(name), to)
    const [, , line] = keysOf(name, 'lock:')
    await cluster.moveKeys(K(name), from, to, how === 'all' ? undefined : [line])
    const result = await within(lock.release(), 2500)
    expect(result).toEqual({ released: false, reason: 'unavailable' })

    await cluster.moveKeys(K(name), from, to)
    await cluster.endMove(K(name), to)
    // Long before the lease is over.
    const second = await next
    expect(second.fence).toBeGreaterThan(lock.fence)
    expect(await second.release()).toEqual({ released: true })
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('a move that takes longer than the lease: the holder learns in time, the name is free after', async () => {
    const [name] = names('stuck')
    const [one, other] = [locksOf(), locksOf()]
    const to = await elsewhere(name)
    const lock = await one.mutex(name, { ttl: 600 }).acquire()
    const from = await cluster.beginMove(K(name), to)
    await cluster.moveKeys(K(name), from, to, [K(name)])
    await until(() => expect(lock.signal.aborted).toBe(true))
    expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
    const waiting = other.mutex(name).acquire()
    await cluster.moveKeys(K(name), from, to)
    await cluster.endMove(K(name), to)
    const next = await waiting
    expect(next.fence).toBeGreaterThan(lock.fence)
    await next.release()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('resharding under load: a counter under the lock comes out right', async () => {
    const [name] = names('load')
    const clients = Array.from({ length: 4 }, () => locksOf({ nodeTimeout: 2000 }))
    const target = 25 * clients.length
    let counter = 0
    let inside = 0
    let over = false
    const tokens: number[] = []
    const work = async (locks: Holdfast): Promise<void> => {
      for (let i = 0; i < 25; i++) {
        await locks.mutex(name, { ttl: 5000, wait: 60_000 }).use(async ({ fence }) => {
          expect(++inside).toBe(1)
          const before = counter
          tokens.push(fence)
          await sleep(2)
          counter = before + 1
          inside--
        })
      }
    }
    const shuffle = async (): Promise<number> => {
      let moves = 0
      for (; !over; moves++) {
        await cluster.move(K(name), await elsewhere(name))
        await sleep(20)
      }
      return moves
    }
    const moving = shuffle()
    try {
      await Promise.all(clients.map(work))
    } finally {
      over = true
    }
    expect(await moving).toBeGreaterThan(4)
    expect(counter).toBe(target)
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
    expect(new Set(tokens).size).toBe(target)
    expect(events.of('holdfast:lost')).toEqual([])
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })
})
