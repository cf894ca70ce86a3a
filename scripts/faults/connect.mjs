import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'

// Back soon after a cut: the time is to be spent on locks.
const RECONNECT_MS = 20
const retryStrategy = () => RECONNECT_MS
const socket = { reconnectStrategy: retryStrategy }

/** What docs/clients.md says of each kind, and the time above. */
const clients = {
  ioredis({ url, sentinels, name, seeds }) {
    if (seeds) return new Cluster(seeds, { clusterRetryStrategy: retryStrategy })
    if (!sentinels) return new Redis(url, { retryStrategy })
    const failoverDetector = true
    return new Redis({
      sentinels,
      name,
      failoverDetector,
      retryStrategy,
      sentinelRetryStrategy: retryStrategy,
    })
  },
  redis({ url, sentinels, name, seeds }) {
    if (seeds)
      return createCluster({
        rootNodes: seeds.map((one) => ({ socket: one })),
        defaults: { socket },
      })
    if (!sentinels) return createClient({ url, socket })
    return createSentinel({ name, sentinelRootNodes: sentinels })
  },
}

/**
 * A client as users make one.
 *
 * @param {'ioredis' | 'redis'} kind
 * @param {string | object} to a URL; or sentinels and the name of their group; or seeds of a cluster
 */
export async function connect(kind, to) {
  const client = clients[kind](typeof to === 'string' ? { url: to } : to)
  client.on('error', () => {})
  if (kind === 'ioredis') {
    // With `failoverDetector` it ends for good when it hears of a new primary while it connects.
    const again = () => void client.connect().catch(() => {})
    client.on('end', again)
    // The server may be away for long just when a process starts.
    const ready = () => client.ping().catch(() => sleep(RECONNECT_MS).then(ready))
    await ready()
    return { client, end: () => client.off('end', again).disconnect() }
  }
  await client.connect()
  return { client, end: () => client.destroy() }
}

/** The server's connections, that of the admin and those of no commands left out. */
export async function connections(admin) {
  const own = String(await admin.client('ID'))
  const lines = String(await admin.client('LIST'))
    .trim()
    .split('\n')
  return lines.map((line) => /^id=(\d+)/.exec(line)[1]).filter((id) => id !== own)
}

/** Cuts one of them. @returns whether there was one */
export async function cutOne(admin, random) {
  const all = await connections(admin)
  if (all.length === 0) return false
  await admin.client('KILL', 'ID', random.pick(all)).catch(() => {})
  return true
}
