/** Who ends a client ends the connection for its messages: it would keep the process alive. */
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recognise, type Client } from '../../src/clients/recognise.js'
import { listener } from '../clients/kinds.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds, sentinelKinds, type Connected } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { until } from '../real/kit.js'

let cluster: TestCluster
let sentinel: TestSentinel
beforeAll(async () => {
  ;[cluster, sentinel] = await Promise.all([
    TestCluster.start({ primaries: 2 }),
    TestSentinel.start({ replicas: 0, sentinels: 1 }),
  ])
})
afterAll(() => Promise.all([cluster.stop(), sentinel.stop()]))

/** A subscription by this client, of a channel of its own, which goes with it. */
async function gone({ client, end }: Connected, admins: readonly Redis[]): Promise<void> {
  // Clients have connections of their own for messages, of the cluster or to the sentinels.
  const channel = `of ${Math.random()}`
  const subscribed = async (): Promise<number> => {
    const all = await Promise.all(admins.map((admin) => admin.pubsub('NUMSUB', channel)))
    return all.reduce((sum, [, count]) => sum + Number(count), 0)
  }
  const port = recognise(client as Client)
  const seen = listener()
  await port.subscribe(channel, seen)
  expect(await subscribed()).toBe(1)
  await end()
  await until(async () => expect(await subscribed()).toBe(0))
  await until(() => expect(seen.ends).toBe(1))
  await expect(port.subscribe(channel, listener())).rejects.toThrow('The client was ended.')
  expect(await subscribed()).toBe(0)
  await port.close()
}

test.each(clusterKinds)('a cluster through $name', async (kind) => {
  const admins = cluster.nodes.map(({ admin }) => admin)
  await gone(await kind.open(cluster.seeds), admins)
})

test.each(sentinelKinds)('Sentinel through $name', async (kind) => {
  const admin = sentinel.admin(sentinel.servers[0]!)
  await gone(await kind.open(sentinel.addresses, sentinel.name), [admin])
})
