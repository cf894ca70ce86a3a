import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { usage } from './exit.js'
import { urlsOf, withoutPassword, type ServerOptions } from './options.js'

/** For the connection itself. */
export const CONNECT_MS = 5000
const SENTINEL_PORT = 26_379

/** A client that is not connected yet. */
export interface Made {
  readonly client: Redis | Cluster
  /** Where it connects to, without passwords, for messages. */
  readonly server: string
  /** Connects once more, to the first server alone: that tells why, which the client of a Cluster leaves out. */
  alone?(): Promise<void>
  /** For good. */
  end(): void
}

// docs/clients.md: nothing is kept for later, and it never gives up.
const again = (times: number): number => Math.min(times * 50, 2000)
const COMMON = {
  connectTimeout: CONNECT_MS,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const
const LAZY = { lazyConnect: true, enableOfflineQueue: false } as const

/**
 * The clients of these options, in the order of the URLs: one for each server, or one of a Cluster, or of what
 * Sentinels watch.
 *
 * @throws Exit (usage)
 */
export async function makeClients(options: ServerOptions): Promise<readonly Made[]> {
  const urls = urlsOf(options)
  const { cluster, sentinel } = options
  if (sentinel === '') {
    throw usage('--sentinel is empty: the name of the primary, such as mymaster')
  }
  urls.forEach(accessOf)
  const seeds = cluster || sentinel !== undefined ? seedsOf(urls, cluster === true) : null
  const { Cluster, Redis } = await import('ioredis')
  const made = (client: Redis | Cluster, server: string): Made => {
    // What concerns a lock is told by Holdfast.
    client.on('error', () => undefined)
    return { client, server, end: () => client.disconnect() }
  }
  if (!seeds)
    return urls.map((url) =>
      made(new Redis(url, { ...COMMON, ...LAZY, retryStrategy: again }), withoutPassword(url)),
    )
  const { nodes, access } = seeds
  const servers = urls.map(withoutPassword).join(' ')
  if (sentinel === undefined) {
    const client = new Cluster([...nodes], {
      ...LAZY,
      redisOptions: { ...COMMON, ...access },
      clusterRetryStrategy: again,
      // By the name that the certificate has.
      ...(access.tls ? { dnsLookup: (name, done) => done(null, name) } : {}),
    })
    const alone = async (): Promise<void> => {
      const one = new Redis({ ...COMMON, ...LAZY, ...access, ...nodes[0], retryStrategy: null })
      try {
        await new Promise((resolve, reject) => {
          one.once('error', reject)
          one.connect().then(resolve, () => undefined)
        })
      } finally {
        one.disconnect()
      }
    }
    return [{ ...made(client, servers), alone }]
  }
  const { HOLDFAST_SENTINEL_PASSWORD: sentinelPassword } = process.env
  const client = new Redis({
    ...COMMON,
    ...LAZY,
    ...access,
    retryStrategy: again,
    sentinels: nodes.map(({ host, port = SENTINEL_PORT }) => ({ host, port })),
    name: sentinel,
    sentinelRetryStrategy: again,
    // Else it stays with a primary that is frozen.
    failoverDetector: true,
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(access.tls ? { enableTLSForSentinelMode: true, sentinelTLS: access.tls } : {}),
  })
  // Told of a failover while it connects, it would give up: docs/clients.md.
  const revive = (): void => void client.connect().catch(() => undefined)
  client.on('end', revive)
  const end = (): void => {
    client.off('end', revive)
    client.disconnect()
  }
  return [{ ...made(client, `${sentinel} of ${servers}`), end }]
}

/** What a server asks for. */
type Access = Pick<RedisOptions, 'username' | 'password' | 'db' | 'tls'>

interface Seeds {
  readonly nodes: readonly { readonly host: string; readonly port?: number }[]
  /** What all servers behind them ask for. */
  readonly access: Access
}

/** Which servers to begin with, of a group in which all ask for the same user, password and encryption. */
function seedsOf(urls: readonly string[], cluster: boolean): Seeds {
  const [access, ...others] = urls.map((url) => JSON.stringify(accessOf(url)))
  const other = others.findIndex((one) => one !== access)
  if (other >= 0)
    throw usage(
      `of one group of servers, all URLs have the same scheme, user, password and database: ` +
        `${withoutPassword(urls[0]!)} and ${withoutPassword(urls[other + 1]!)}`,
    )
  const { db, ...rest } = accessOf(urls[0]!)
  if (cluster && db !== 0) throw usage(`a Cluster has the database 0 alone, and not ${db}`)
  const nodes = urls.map((url) => {
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    return port === '' ? { host } : { host, port: Number(port) }
  })
  return { nodes, access: db === 0 ? rest : { ...rest, db } }
}

/** Refuses what the client would stumble over later, or where nobody sees it. @throws Exit (usage) */
function accessOf(url: string): Access & { readonly db: number } {
  const { protocol, username, password, pathname, searchParams } = new URL(url)
  // The client goes by both, and by the path first.
  const database = pathname.slice(1) || (searchParams.get('db') ?? '0')
  if (!/^\d{1,9}$/.test(database)) throw usage(`no number of a database: ${database}`)
  const text = (part: string): string => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw usage(`a % of a user or password is written as %25: ${withoutPassword(url)}`)
    }
  }
  return {
    db: Number(database),
    ...(username === '' ? {} : { username: text(username) }),
    ...(password === '' ? {} : { password: text(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}
