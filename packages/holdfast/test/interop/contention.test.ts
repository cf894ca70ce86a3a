import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engines, until, World } from '../real/kit.js'
import { Process } from '../real/process.js'
import { missing, Peer } from './peer.js'
import type { Library } from './programs.mjs'

// The prefix of the processes is the default one. The two libraries whose key is not the name
// itself are left to holders.test.ts.
const KEY = 'lock:shared'
const LIBRARIES: Library[] = ['redlock5', 'redis-py', 'redlock4', 'redsync']
const [PROCESSES, PEERS, ROUNDS, TIMES] = [3, 2, 2, 10]

const cases = LIBRARIES.map((library) => ({ library, reason: missing(library) }))

describe.each(engines)('several processes of both kinds, on %s', (engine) => {
  let world: World
  let ours: Process[]
  beforeAll(async () => {
    world = await World.start(engine)
    ours = await Process.start(PROCESSES, world.server.url)
  })
  /** How often anybody tried to take a lock. */
  const asked = async (): Promise<number> => {
    const info = await world.admin.info('commandstats')
    const calls = info.matchAll(/cmdstat_(?:set|evalsha|eval):calls=(\d+)/g)
    return [...calls].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  afterAll(async () => {
    await Process.killAll()
    await world.stop()
  })

  for (const { library, reason } of cases) {
    if (reason !== null) {
      test.skip(`with ${library}: ${reason}`)
      continue
    }
    test(`with ${library}: nobody overwrites what another one counted`, async () => {
      await world.admin.flushall()
      const start = Array.from({ length: PEERS }, () => Peer.start(library, world.server))
      const peers = await Promise.all(start)
      const locks = world.locks()
      /** Everybody so many times; nobody begins before all of them stand at the door. */
      const round = async (): Promise<void> => {
        await world.admin.set(KEY, 'closed')
        const before = await asked()
        const they = peers.map((one) => one.ask('work', { name: KEY, times: TIMES, tag: 'they' }))
        // None of us has asked anything yet.
        await until(async () => expect(await asked()).toBeGreaterThan(before + 2 * PEERS))
        const us = ours.map(async (one) => {
          const args = { name: 'shared', options: { wait: 60_000 }, id: 'we', times: 1 }
          for (let i = 0; i < TIMES; i++) await one.ask('work', args)
        })
        await until(async () => {
          expect((await locks.inspect('shared')).waiterCount).toBe(PROCESSES)
        })
        await world.admin.del(KEY)
        await Promise.all([...us, ...they])
      }
      try {
        for (let i = 0; i < ROUNDS; i++) await round()
      } finally {
        await Promise.all(peers.map((one) => one.stop()))
      }
      const total = (PROCESSES + PEERS) * ROUNDS * TIMES
      const order = await world.admin.lrange('order', 0, -1)
      expect(order).toHaveLength(total)
      expect(order.filter((who) => who === 'they')).toHaveLength(PEERS * ROUNDS * TIMES)
      expect(Number(await world.admin.get('counter'))).toBe(total)
      // Both after each other, as two rounds make sure of.
      const turns = order.map((who, i) => `${order[i - 1] ?? ''} ${who}`)
      expect(turns).toContain('we they')
      expect(turns).toContain('they we')
    }, 60_000)
  }
})
