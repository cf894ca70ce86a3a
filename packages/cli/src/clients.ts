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

interface Seeds {
  readonly nodes: readonly { readonly host: string; readonly port?: number }[]
  /** What all servers behind them ask for. */
  readonly access: Pick<RedisOptions, 'username' | 'password' | 'db' | 'tls'>
}

/** Which servers to begin with, of a group in which all ask for the same user, password and encryption. */
function seedsOf(urls: readonly string[], cluster: boolean): Seeds {
  const all = urls.map((url) => new URL(url))
  const [first] = all as [URL]
  const asked = (url: URL): string =>
    JSON.stringify([url.protocol, url.username, url.password, url.pathname])
  const other = all.find((url) => asked(url) !== asked(first))
  if (other)
    throw usage(
      `of one group of servers, all URLs have the same scheme, user, password and database: ` +
        `${withoutPassword(first.href)} and ${withoutPassword(other.href)}`,
    )
  const db = /^\/?$/.test(first.pathname) ? 0 : Number(first.pathname.slice(1))
  if (!Number.isInteger(db)) throw usage(`no number of a database: ${first.pathname.slice(1)}`)
  if (cluster && db !== 0) throw usage(`a Cluster has the database 0 alone, and not ${db}`)
  const text = (part: string): string | undefined => {
    try {
      return part === '' ? undefined : decodeURIComponent(part)
    } catch {
      throw usage(`a % of a user or password is written as %25: ${withoutPassword(first.href)}`)
    }
  }
  const [username, password] = [text(first.username), text(first.password)]
  return {
    nodes: all.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      ...(port === '' ? {} : { port: Number(port) }),
    })),
    access: {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(db === 0 ? {} : { db }),
      ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    },
  }
}
