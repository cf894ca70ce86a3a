import { Decoder, GlideClusterClient, Logger } from '@valkey/valkey-glide'
import { Cluster, Redis } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../src/clients/recognise.js'
import { smoke } from '../clients/smoke.js'
import { TestCluster } from '../kit/cluster.js'
import { TestSentinel } from '../kit/sentinel.js'

Logger.init('off')

interface Made {
  readonly client: Client
  readonly end: () => unknown
}

/** Two clients made alike do all that is done with them; what keys there are then, in that database. */
async function keysAfter(make: () => Promise<Made>, admin: Redis, db = 0): Promise<string[]> {
  const [one, two] = [await make(), await make()]
  try {
    await smoke(one.client, two.client, ['x', 'z'])
    await admin.select(db)
    return (await admin.keys('*')).toSorted()
  } finally {
    await admin.select(0)
    one.end()
    two.end()
  }
}

const ended = async (client: Redis | Cluster): Promise<Made> => {
  client.on('error', () => {})
  await client.connect()
  return { client, end: () => client.disconnect() }
}
const destroyed = async (
  client: ReturnType<typeof createCluster> | ReturnType<typeof createSentinel>,
): Promise<Made> => {
  client.on('error', () => {})
  await client.connect()
  return { client: client as Client, end: () => client.destroy() }
}
const buffers = { typeMapping: { 36: Buffer, 43: Buffer, 58: String } }
const FENCES = ['{lock:x}:hf:fence:lock:x', '{lock:z}:hf:fence:lock:z']

describe('a cluster of one', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    // One that has met nobody does not know where it is.
    const args = ['--cluster-announce-ip', '127.0.0.1']
    cluster = await TestCluster.start({ primaries: 1, args })
  })
  beforeEach(() => cluster.nodes[0]!.admin.flushall())
  afterAll(() => cluster.stop())

  const io = (options: object): Promise<Made> =>
    ended(new Cluster(cluster.seeds, { lazyConnect: true, ...options }))
  const node = (options: object): Promise<Made> => {
    const rootNodes = cluster.seeds.map(({ host, port }) => ({ url: `redis://${host}:${port}` }))
    return destroyed(createCluster({ rootNodes, ...options }) as never)
  }
  const glide = async (options: object): Promise<Made> => {
    const set = { addresses: cluster.seeds, requestTimeout: 5000, ...options }
    const client = await GlideClusterClient.createClient(set)
    return { client, end: () => client.close() }
  }
  const app = { keyPrefix: '{app}:' }

  test.each<[string, (options: object) => Promise<Made>, object]>([
    ['ioredis, keyPrefix', io, app],
    ['ioredis, keyPrefix of the nodes', io, { redisOptions: app }],
    ['ioredis, stringNumbers', io, { redisOptions: { stringNumbers: true } }],
    ['ioredis, no offline queue', io, { enableOfflineQueue: false }],
    ['node-redis, keyPrefix', node, app],
    ['node-redis, Buffers', node, { commandOptions: buffers }],
    ['node-redis, Buffers, RESP3', node, { RESP: 3, commandOptions: buffers }],
    ['Valkey GLIDE, Buffers', glide, { defaultDecoder: Decoder.Bytes }],
    ['Valkey GLIDE, lazyConnect', glide, { lazyConnect: true }],
  ])('%s', async (title, open, options) => {
    const keys = await keysAfter(() => open(options), cluster.nodes[0]!.admin)
    const prefixed = title.includes('keyPrefix')
    const expected = prefixed ? FENCES.map((key) => `{app}:${key}`) : FENCES
    expect(keys).toEqual(expected)
  })
})

describe('sentinels', () => {
  let group: TestSentinel
  let admin: Redis
  beforeAll(async () => {
    // Nobody is to be replaced: with a login of their own the sentinels cannot look at the server.
    group = await TestSentinel.start({ replicas: 0, sentinels: 1, downAfter: 60_000 })
    admin = group.admin(group.servers[0]!)
  })
  beforeEach(() => admin.flushall())
  afterAll(() => group.stop())

  const io = (options: object): Promise<Made> =>
    ended(
      new Redis({ sentinels: group.addresses, name: group.name, lazyConnect: true, ...options }),
    )
  const node = (nodeClientOptions: object, more: object = {}): Promise<Made> => {
    const set = { name: group.name, sentinelRootNodes: group.addresses, nodeClientOptions }
    return destroyed(createSentinel({ ...set, ...more }) as never)
  }

  test.each<[string, (options: object) => Promise<Made>, object, number]>([
    ['ioredis, keyPrefix', io, { keyPrefix: 'app:' }, 0],
    ['ioredis, db', io, { db: 3 }, 3],
    ['ioredis, stringNumbers', io, { stringNumbers: true }, 0],
    ['node-redis, database', node, { database: 3 }, 3],
    ['node-redis, Buffers', node, { commandOptions: buffers }, 0],
  ])('%s', async (title, open, options, db) => {
    const keys = await keysAfter(() => open(options), admin, db)
    const prefixed = title.includes('keyPrefix')
    expect(keys).toEqual(prefixed ? FENCES.map((key) => `app:${key}`) : FENCES)
  })

  test('a login at the sentinel and another at the server', async () => {
    const [address] = group.addresses
    const sentinel = new Redis(address!)
    await sentinel.call('ACL', 'SETUSER', 'default', 'resetpass', '>watch')
    await admin.call('ACL', 'SETUSER', 'locks', 'on', '>secret', '~*', '&*', '+@all')
    await admin.call('ACL', 'SETUSER', 'default', 'resetpass', '>other')
    const user = { username: 'locks', password: 'secret' }
    try {
      const ways = [
        () => io({ ...user, sentinelPassword: 'watch' }),
        () => node(user, { sentinelClientOptions: { password: 'watch' } }),
      ]
      for (const way of ways) {
        await admin.flushall()
        expect(await keysAfter(way, admin)).toEqual(FENCES)
      }
    } finally {
      sentinel.disconnect()
    }
  })
})
