// Several names on a cluster: each slot by a call of its own, all or nothing all the same.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import type { ServerEngine } from '../../src/testing/index.js'
import { TestCluster } from '../kit/cluster.js'
import { engines, until } from '../real/kit.js'
import { Process } from '../real/process.js'

describe.each(engines as ServerEngine[])('a cluster of three, %s', (engine) => {
  let cluster: TestCluster
  /** One for each primary, in the order of their slots, and two of one slot. */
  const names = ['x', 'a', 'c']
  const together = ['{a}1', '{a}2']
  const open: Holdfast[] = []
  const locksOf = (): Holdfast => {
    const locks = new Holdfast(cluster.client(), { checkEviction: false, nodeTimeout: 2000 })
    open.push(locks)
    return locks
  }
  beforeAll(async () => {
    cluster = await TestCluster.start({ engine })
    const owners = await Promise.all(names.map((name) => cluster.ownerOf(`lock:${name}`)))
    expect(owners).toEqual(cluster.primaries)
  })
  afterEach(async () => {
    for (const locks of open.splice(0)) await locks.close()
    cluster.disconnectClients()
  })
  afterAll(async () => {
    await Process.killAll()
    await cluster.stop()
  })

  test('names of three servers: a call for each slot to take, and one to release', async () => {
    const locks = locksOf()
    const all = locks.all([...names.toReversed(), ...together])
    await all.use(() => undefined)
    const before = await cluster.calls('evalsha')
    const set = await all.acquire()
    expect((await cluster.calls('evalsha')) - before).toBe(4)
    await set.verify()
    expect(await set.release()).toEqual({ released: true })
    expect((await cluster.calls('evalsha')) - before).toBe(12)
    expect(await cluster.keys()).toEqual([])
  })

  test('one that is taken: nothing is held, and then all are, whichever it is', async () => {
    const [one, other] = [locksOf(), locksOf()]
    for (const taken of names) {
      const lock = await one.mutex(taken, { ttl: 30_000 }).acquire()
      const all = other.all([...names, ...together])
      expect(await all.tryAcquire()).toBe(null)
      await until(async () => expect((await cluster.keys()).length).toBe(1))
      const waiting = all.acquire({ wait: 30_000 })
      await until(async () => expect((await one.inspect(taken)).waiterCount).toBe(1))
      await until(async () => {
        for (const name of names.filter((each) => each !== taken)) {
          expect((await one.inspect(name)).holderCount).toBe(0)
        }
      })
      await lock.release()
      const set = await waiting
      set.assertHeld()
      expect(await set.release()).toEqual({ released: true })
      expect(await cluster.keys()).toEqual([])
    }
  })

  test('two processes that take pairs of them in any order never meet', async () => {
    const processes = await Process.start(2, { nodes: cluster.seeds })
    const work = processes.map((one) => one.ask('pairs', { names, times: 12 }))
    const pairs = (await Promise.all(work)).flat()
    expect(pairs).toHaveLength(24)
    const client = cluster.client()
    for (const name of names) {
      const times = pairs.filter((pair) => pair.includes(name)).length
      expect(Number(await client.get(`counter:${name}`))).toBe(times)
      await client.del(`counter:${name}`)
    }
    expect(await cluster.keys()).toEqual([])
  })
})
