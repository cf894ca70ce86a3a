import { mkdir, rm } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { vi } from 'vitest'
import { startServer, type RunningServer, type ServerEngine } from '../../src/testing/index.js'

type Value = string | number
/** Keys that the nemesis makes to have something to load. */
const BALLAST = 'ballast:'

/**
 * What happens to a server on a bad day, each by the server's own means. A method that begins a state
 * is named in its comment with the one that ends it. It acts through a connection of its own.
 */
export class Nemesis implements AsyncDisposable {
  readonly server: RunningServer
  readonly admin: Redis
  #busy: Promise<unknown> | null = null
  #loading: Promise<void> | null = null

  private constructor(server: RunningServer) {
    this.server = server
    this.admin = connection(server)
  }

  static async start(engine: ServerEngine | 'any', args: readonly string[] = []): Promise<Nemesis> {
    // Else it would take seconds until a script counts as too long.
    const all = ['--busy-reply-threshold', '30', ...args]
    return new Nemesis(await startServer(engine === 'any' ? {} : { engine, args: all }))
  }

  /** A replica of this one, in step when this resolves. `port` is where it finds this server. */
  async replica(port: number = this.server.port): Promise<Nemesis> {
    const fast = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
    const args = [...fast, '--replicaof', `127.0.0.1 ${port}`]
    const replica = await Nemesis.start(this.server.engine, args)
    await until(async () => {
      if (!(await replica.admin.info('replication')).includes('master_link_status:up')) throw again
    })
    return replica
  }

  config(name: string, value: Value): Promise<unknown> {
    return this.admin.config('SET', name, String(value))
  }

  // Its process.

  /** Stopped: connections stay, nothing is answered. Ends with `thaw`. */
  freeze(): void {
    this.server.freeze()
  }

  thaw(): void {
    this.server.thaw()
  }

  /** Killed. Ends with `restart`. */
  crash(): Promise<void> {
    return this.server.kill()
  }

  /** On the same port: empty, with what `save` saved, or with all where it was started with an AOF. */
  restart(): Promise<void> {
    return this.server.restart()
  }

  /** What is there now is what the next `restart` finds. */
  async save(): Promise<void> {
    await this.admin.save()
  }

  /** Killed and back, but still loading what it had. Ends with `loaded`. */
  async loading(): Promise<void> {
    // Of each key's pause there are more than a test lasts; the server looks around between them.
    const fill = `for i = 1, 2000 do redis.call('SET', '${BALLAST}' .. i, string.rep('x', 2000)) end`
    await this.admin.eval(fill, 0)
    await this.save()
    await this.crash()
    this.#loading = this.server.restart()
    // Else a failure would have no handler until `loaded`.
    this.#loading.catch(() => {})
    await until(async () => {
      const info = await this.admin.info('persistence')
      if (!info.includes('\r\nloading:1\r\n')) throw again
    })
  }

  async loaded(): Promise<void> {
    await until(() => this.config('key-load-delay', 0))
    await this.#loading
    this.#loading = null
    await until(() =>
      this.admin.eval(`for i = 1, 2000 do redis.call('DEL', '${BALLAST}' .. i) end`, 0),
    )
  }

  /** Arguments of a server that is to be `loading`. */
  static readonly loads: readonly string[] =
    '--key-load-delay 4000 --loading-process-events-interval-bytes 1024 --rdbcompression no'.split(
      ' ',
    )

  // What it refuses or holds up.

  /** Writes and scripts wait, at most a minute. Ends with `unpause`. */
  async pause(): Promise<void> {
    await this.admin.client('PAUSE', 60_000, 'WRITE')
  }

  async unpause(): Promise<void> {
    await this.admin.client('UNPAUSE')
  }

  /** A script that does not end: BUSY. Ends with `calm`. */
  async busy(): Promise<void> {
    const other = connection(this.server)
    await other.ping()
    this.#busy = other.eval('while true do end', 0).catch(() => other.disconnect())
    await until(async () => {
      const answer = await this.admin.ping().catch(String)
      if (!String(answer).includes('BUSY')) throw again
    })
  }

  async calm(): Promise<void> {
    await this.admin.script('KILL')
    await this.#busy
    this.#busy = null
  }

  /** OOM for every write that needs memory. Ends with `spare`. */
  async fill(): Promise<void> {
    await this.config('maxmemory-policy', 'noeviction')
    await this.config('maxmemory', 1)
  }

  async spare(): Promise<void> {
    await this.config('maxmemory', 0)
  }

  /** Everything is evicted, as far as the policy allows. */
  async evict(policy = 'volatile-ttl'): Promise<void> {
    await this.config('maxmemory-policy', policy)
    await this.config('maxmemory', 1)
    // The next command that could need memory makes room.
    await this.admin.set(`${BALLAST}evict`, '').catch(() => {})
    await this.config('maxmemory', 0)
    await this.admin.del(`${BALLAST}evict`)
  }

  /** A read-only replica of a primary that is not there: READONLY. Ends with `promote`. */
  async demote(host = '127.0.0.1', port = 1): Promise<void> {
    await this.admin.replicaof(host, port)
  }

  /** The same, and it does not answer with old data either: MASTERDOWN. Ends with `promote`. */
  async orphan(): Promise<void> {
    await this.config('replica-serve-stale-data', 'no')
    await this.demote()
  }

  async promote(): Promise<void> {
    await this.admin.replicaof('NO', 'ONE')
  }

  /** Writes want a replica, and there is none: NOREPLICAS. Ends with `accompanied`. */
  async lonely(): Promise<void> {
    await this.config('min-replicas-to-write', 1)
  }

  async accompanied(): Promise<void> {
    await this.config('min-replicas-to-write', 0)
  }

  /** The disk refuses a snapshot: MISCONF. Ends with `diskMended`. */
  async diskFull(): Promise<void> {
    await mkdir(await this.#dump())
    await this.config('save', '3600 1')
    await until(async () => {
      await this.admin.bgsave().catch(() => {})
      const info = await this.admin.info('persistence')
      if (!info.includes('rdb_last_bgsave_status:err')) throw again
    })
  }

  async diskMended(): Promise<void> {
    await rm(await this.#dump(), { recursive: true, force: true })
    await this.config('save', '')
  }

  async #dump(): Promise<string> {
    const [, folder] = (await this.admin.config('GET', 'dir')) as string[]
    return `${folder}/dump.rdb`
  }

  /** NOPERM for these, such as `-@scripting`; `+@all` ends it. */
  async rights(...rules: string[]): Promise<void> {
    await this.admin.acl('SETUSER', 'default', ...rules)
  }

  /** Everybody must log in with a password that nobody has: NOAUTH. Ends with `passwordless`. */
  async password(): Promise<void> {
    await this.rights('resetpass', '>secret')
    await this.kill('normal')
    await this.kill('pubsub')
  }

  async passwordless(): Promise<void> {
    await this.rights('nopass')
  }

  // Moments.

  async forgetScripts(): Promise<void> {
    await this.admin.script('FLUSH')
  }

  async flush(): Promise<void> {
    await this.admin.flushall()
  }

  /** Closes all connections of a kind, but the own one. */
  async kill(kind: 'normal' | 'pubsub'): Promise<void> {
    await this.admin.call('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect()
    await this.server.stop()
    await this.#loading?.catch(() => {})
  }
}

const again = new Error('not yet')

const until = <T>(check: () => Promise<T>): Promise<unknown> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 })

function connection({ host, port }: RunningServer): Redis {
  const client = new Redis({ host, port, retryStrategy: () => 20, enableReadyCheck: false })
  client.on('error', () => {})
  return client
}
