import { GlideClusterClient, Logger } from '@valkey/valkey-glide'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { createCluster, createSentinel } from 'redis'
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis5'
import type { Client } from '../../src/index.js'

// It writes warnings to stderr else.
Logger.init('off')

interface Address {
  readonly host: string
  readonly port: number
}

interface User {
  readonly username: string
  readonly password: string
}

export interface Connected {
  readonly client: Client
  readonly end: () => unknown
}

/** A client of a cluster, as a user makes one, connected. */
export interface ClusterKind {
  readonly name: string
  /** It learns of a failover only when the old server answers again, with MOVED. */
  readonly stays?: boolean
  open(seeds: readonly Address[], user?: User): Promise<Connected>
}

/** A client that finds its primary through sentinels. */
export interface SentinelKind {
  readonly name: string
  open(sentinels: readonly Address[], group: string, user?: User): Promise<Connected>
}

// The versions and iovalkey differ in their types only.
const ioredis = (name: string, Kind: typeof Cluster): ClusterKind => ({
  name,
  open: async (seeds, user = {} as User) => {
    const client = new Kind([...seeds], { lazyConnect: true, redisOptions: user })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
})

const url = ({ host, port }: Address): { url: string } => ({ url: `redis://${host}:${port}` })

const nodeRedis = (name: string, create: typeof createCluster): ClusterKind => ({
  name,
  open: async (seeds, user = {} as User) => {
    const client = create({ rootNodes: seeds.map(url), defaults: user })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.destroy() }
  },
})

const glide: ClusterKind = {
  name: 'Valkey GLIDE',
  open: async (seeds, credentials) => {
    const addresses = [...seeds]
    const client = await GlideClusterClient.createClient({
      addresses,
      ...(credentials ? { credentials } : {}),
    })
    return { client, end: () => client.close() }
  },
}

export const clusterKinds: readonly ClusterKind[] = [
  ioredis('ioredis 6', Cluster),
  ioredis('ioredis 5', Cluster5 as unknown as typeof Cluster),
  ioredis('iovalkey', ValkeyCluster as unknown as typeof Cluster),
  nodeRedis('node-redis 6', createCluster),
  { ...nodeRedis('node-redis 5', createCluster5 as unknown as typeof createCluster), stays: true },
  glide,
]

const ioredisSentinel = (name: string, Kind: typeof Redis): SentinelKind => ({
  name,
  open: async (sentinels, group, user = {} as User) => {
    const client = new Kind({ sentinels: [...sentinels], name: group, lazyConnect: true, ...user })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
})

const nodeRedisSentinel = (name: string, create: typeof createSentinel): SentinelKind => ({
  name,
  open: async (sentinels, group, user = {} as User) => {
    const client = create({
      name: group,
      sentinelRootNodes: [...sentinels],
      nodeClientOptions: user,
    })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.destroy() }
  },
})

export const sentinelKinds: readonly SentinelKind[] = [
  ioredisSentinel('ioredis 6', Redis),
  ioredisSentinel('ioredis 5', Redis5 as unknown as typeof Redis),
  ioredisSentinel('iovalkey', Valkey as unknown as typeof Redis),
  nodeRedisSentinel('node-redis 6', createSentinel),
  nodeRedisSentinel('node-redis 5', createSentinel5 as unknown as typeof createSentinel),
]
