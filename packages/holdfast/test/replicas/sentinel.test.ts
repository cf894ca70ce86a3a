// The second connection goes where Sentinel says that the primary is.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { sentinelKinds, type Connected } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { until } from '../real/kit.js'

let group: TestSentinel
beforeAll(async () => {
  group = await TestSentinel.start({ replicas: 2 })
})
afterAll(() => group.stop())

test('every client: acknowledged before and after a failover, by what is left', async () => {
  const open: { connected: Connected; locks: Holdfast; name: string }[] = []
  for (const kind of sentinelKinds) {
    const connected = await kind.open(group.addresses, group.name)
    const options = { checkEviction: false, nodeTimeout: 10_000, replicas: 1 }
    open.push({ connected, locks: new Holdfast(connected.client, options), name: kind.name })
  }
  try {
    const take = (): Promise<unknown> =>
      Promise.all(
        open.map(async ({ locks, name }) => {
          const lock = await locks.mutex(name, { wait: 60_000, ttl: 60_000 }).acquire()
          expect([name, lock.replicas > 0]).toEqual([name, true])
          expect(await lock.release()).toEqual({ released: true })
        }),
      )
    await take()
    const [primary] = group.servers
    await primary!.kill()
    const next = await group.replaced(primary!)
    await until(async () => {
      expect(await group.admin(next).info('replication')).toContain('connected_slaves:1')
    }, 20_000)
    await take()
  } finally {
    for (const { connected, locks } of open) {
      await locks.close()
      connected.end()
    }
  }
}, 60_000)
