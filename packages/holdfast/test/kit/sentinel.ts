import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findBinary } from '../../src/testing/find-server.js'
import { guard } from '../../src/testing/guard.js'
import { startServer, type RunningServer, type ServerEngine } from '../../src/testing/index.js'
import { freePort, introduce } from '../../src/testing/wire.js'
import { until } from './until.js'

export const GROUP = 'holdfast'
// One that had to wait for its turn for long does nothing for 30 s (TILT).
const PATIENCE_MS = 90_000

export interface StartSentinelOptions {
  readonly engine?: ServerEngine
  /** Default 1. */
  readonly replicas?: number
  /** Default 3; a majority of them decides. */
  readonly sentinels?: number
  /** After how long a silent primary counts as failed, ms. Default 500. */
  readonly downAfter?: number
  /** More arguments for each server. */
  readonly args?: readonly string[]
}

interface Watcher {
  readonly port: number
  readonly admin: Redis
  stop(): Promise<void>
}

/** A primary, its replicas, and sentinels that watch them, on 127.0.0.1. */
export class TestSentinel {
  readonly servers: readonly RunningServer[]
  readonly #watchers: readonly Watcher[]
  readonly #admins: ReadonlyMap<RunningServer, Redis>
  #clients: Redis[] = []

  private constructor(servers: readonly RunningServer[], watchers: readonly Watcher[]) {
    this.servers = servers
    this.#watchers = watchers
    this.#admins = new Map(servers.map((server) => [server, adminOf(server.port)]))
  }

  static async start(options: StartSentinelOptions = {}): Promise<TestSentinel> {
    const { engine, replicas = 1, sentinels = 3, downAfter = 500, args: more = [] } = options
    const servers: RunningServer[] = []
    const watchers: Watcher[] = []
    try {
      for (let i = 0; i <= replicas; i++) {
        const primary = servers[0]
        const of = primary ? ['--replicaof', `${primary.host} ${primary.port}`] : []
        // Without data nothing is to be synchronised in haste.
        const args = ['--repl-diskless-sync-delay', '0', ...more, ...of]
        servers.push(await startServer({ engine, args }))
      }
      for (let i = 0; i < sentinels; i++) {
        const quorum = Math.floor(sentinels / 2) + 1
        watchers.push(await watch(engine, servers[0]!.port, quorum, downAfter))
      }
      const all = new TestSentinel(servers, watchers)
      await all.#known(replicas)
      return all
    } catch (error) {
      await Promise.all([...watchers, ...servers].map((one) => one.stop()))
      throw error
    }
  }

  /** Every sentinel knows every replica and every other sentinel. */
  async #known(replicas: number): Promise<void> {
    for (const { admin } of this.#watchers) {
      await until(async () => {
        const lines = String(await admin.info('sentinel'))
        const expected = `status=ok,address=127.0.0.1:${this.servers[0]!.port},slaves=${replicas},sentinels=${this.#watchers.length}`
        if (!lines.includes(expected)) throw new Error(`${expected} is not in ${lines}`)
        const known = (await admin.call('SENTINEL', 'REPLICAS', GROUP)) as string[][]
        // Chosen is only one whose link the sentinel has seen to be up.
        if (!known.every((fields) => fields.join(' ').includes('master-link-status ok'))) {
          throw new Error('the link of a replica is not up')
        }
      }, 20_000)
    }
  }

  /** Every sentinel names the same primary and finds the others well, and they have what it has. */
  async settled(): Promise<void> {
    await until(async () => {
      const primary = await this.primary()
      const replicas = this.servers.filter((server) => server !== primary)
      for (const { admin } of this.#watchers) {
        const [, port] = (await admin.call(
          'SENTINEL',
          'GET-MASTER-ADDR-BY-NAME',
          GROUP,
        )) as string[]
        if (Number(port) !== primary.port) throw new Error(`a sentinel still names ${port}`)
        const known = (await admin.call('SENTINEL', 'REPLICAS', GROUP)) as string[][]
        const well = known.filter((fields) => fields[fields.indexOf('flags') + 1] === 'slave')
        if (well.length < replicas.length) throw new Error(`not all are well: ${known.join(' | ')}`)
      }
      for (const replica of replicas) {
        const info = await this.admin(replica).info('replication')
        const up = info.includes(`master_port:${primary.port}`) && /link_status:up/.test(info)
        if (!up) throw new Error(`a replica does not follow: ${info}`)
      }
    }, PATIENCE_MS)
  }

  /** Asks for a failover, although the primary is well. It may be given up half-way. */
  async failover(): Promise<void> {
    await this.#watchers[0]!.admin.call('SENTINEL', 'FAILOVER', GROUP)
  }

  /** A client that finds the primary through the sentinels, as a user makes one. */
  client(): Redis {
    const sentinels = this.addresses
    const client = new Redis({ sentinels, name: GROUP, sentinelRetryStrategy: () => 50 })
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  /** What the sentinels call the group. */
  readonly name = GROUP

  /** Where the sentinels listen. */
  get addresses(): { host: string; port: number }[] {
    return this.#watchers.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  admin(server: RunningServer): Redis {
    return this.#admins.get(server)!
  }

  /** Who is the primary, as the sentinels say. */
  async primary(): Promise<RunningServer> {
    const answer = await this.#watchers[0]!.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', GROUP)
    const [, port] = answer as [string, string]
    return this.servers.find((server) => server.port === Number(port))!
  }

  /** Somebody else is the primary than this one, and knows it. */
  async replaced(old: RunningServer): Promise<RunningServer> {
    return until(async () => {
      const now = await this.primary()
      if (now === old) throw new Error('no other primary yet')
      const info = await this.admin(now).info('replication')
      if (!info.includes('role:master')) throw new Error('not promoted yet')
      return now
    }, PATIENCE_MS)
  }

  disconnectClients(): void {
    for (const client of this.#clients.splice(0)) client.disconnect()
  }

  async stop(): Promise<void> {
    this.disconnectClients()
    for (const admin of this.#admins.values()) admin.disconnect()
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()))
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function adminOf(port: number): Redis {
  const admin = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50 })
  admin.on('error', () => {})
  return admin
}

/** Starts one sentinel. @param more lines of its file. */
export async function watch(
  engine: ServerEngine | undefined,
  primary: number,
  quorum: number,
  downAfter: number,
  more: readonly string[] = [],
): Promise<Watcher> {
  const found = await findBinary(engine)
  if (!found) throw new Error('no server was found')
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  // A sentinel writes into its file, and does not start without one.
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${GROUP} 127.0.0.1 ${primary} ${quorum}`,
      `sentinel down-after-milliseconds ${GROUP} ${downAfter}`,
      `sentinel failover-timeout ${GROUP} 5000`,
      ...more,
      '',
    ].join('\n'),
  )
  const child: ChildProcess = spawn(found.path, [file, '--sentinel'], { stdio: 'ignore' })
  if (child.pid !== undefined) guard(child, folder)
  const gone = once(child, 'exit')
  const admin = adminOf(port)
  const stop = async (): Promise<void> => {
    admin.disconnect()
    child.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await until(async () => {
      const answer = await introduce(new URL(`redis://127.0.0.1:${port}`))
      // With a password it says no more than that one is needed.
      if (!answer?.ready && !answer?.text.startsWith('-NOAUTH'))
        throw new Error(`the sentinel does not answer: ${answer?.text}`)
    })
  } catch (error) {
    await stop()
    throw error
  }
  child.unref()
  return { port, admin, stop }
}
