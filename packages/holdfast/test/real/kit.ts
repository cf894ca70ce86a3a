import { Redis } from 'ioredis'
import { Holdfast, type HoldfastOptions, type Port } from '../../src/index.js'
import {
  findServer,
  startServer,
  type RunningServer,
  type ServerEngine,
} from '../../src/testing/index.js'
import { Events } from '../kit/events.js'
import { until } from '../kit/until.js'

export { Events, until }

const known: ServerEngine[] = ['redis', 'valkey']
const found = await Promise.all(
  known.map(async (engine) => ((await findServer({ engine })) ? engine : null)),
)
const installed = found.filter((engine) => engine !== null)

/** What most tests are about is a place in line for each call, and a hand-over by the server. */
export const STRICT = { localHandovers: 0 } as const

/** So that a machine that stands still for a moment is not taken for a server that does not answer. */
const PATIENT = { nodeTimeout: 5000 } as const

/** The engines that are installed here; `any` is the server of REDIS_URL. */
export const engines: readonly (ServerEngine | 'any')[] = installed.length > 0 ? installed : ['any']

/** What a promise rejects with; 'nothing' if it does not. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )

/** How often the server has carried out what the tests count, scripts included. */
export interface Counts {
  readonly evalsha: number
  readonly eval: number
  readonly publish: number
  readonly subscribe: number
}

interface ClientOptions {
  readonly lazyConnect?: boolean
  readonly username?: string
  readonly password?: string
  readonly port?: number
  readonly keyPrefix?: string
  readonly enableReadyCheck?: boolean
  readonly retryStrategy?: (times: number) => number | null
}

/** A server of a test file, and everything that its tests open on it. */
export class World {
  readonly server: RunningServer
  readonly admin: Redis
  #clients: Redis[] = []
  #locks: Holdfast[] = []

  private constructor(server: RunningServer) {
    this.server = server
    this.admin = new Redis(server.url)
    this.admin.on('error', () => {})
  }

  static async start(engine: ServerEngine | 'any'): Promise<World> {
    return new World(await startServer(engine === 'any' ? {} : { engine }))
  }

  /** A client of its own, as a user makes one. */
  client(options: ClientOptions = {}): Redis {
    const { host, port } = this.server
    const client = new Redis({ host, port, ...options })
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  /** A Holdfast on a client of its own. */
  locks(options: HoldfastOptions = {}, client: Redis | Port = this.client()): Holdfast {
    const locks = new Holdfast(client, { ...STRICT, ...PATIENT, ...options })
    this.#locks.push(locks)
    return locks
  }

  async counts(): Promise<Counts> {
    const info = await this.admin.info('commandstats')
    const of = (command: string): number =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0)
    return {
      evalsha: of('evalsha'),
      eval: of('eval'),
      publish: of('publish'),
      subscribe: of('subscribe'),
    }
  }

  /** What was carried out since `before`. */
  async since(before: Counts): Promise<Counts> {
    const now = await this.counts()
    return {
      evalsha: now.evalsha - before.evalsha,
      eval: now.eval - before.eval,
      publish: now.publish - before.publish,
      subscribe: now.subscribe - before.subscribe,
    }
  }

  async during(work: () => Promise<unknown>): Promise<Counts> {
    const before = await this.counts()
    await work()
    return this.since(before)
  }

  async connections(): Promise<number> {
    return String(await this.admin.client('LIST'))
      .trim()
      .split('\n').length
  }

  /** All keys, fences left out. */
  async keys(): Promise<string[]> {
    const keys = await this.admin.keys('*')
    return keys.filter((key) => !key.includes(':hf:fence:')).toSorted()
  }

  /** Ends what a test opened, and empties the server for the next. */
  async clean(): Promise<void> {
    for (const locks of this.#locks) await locks.close()
    for (const client of this.#clients) client.disconnect()
    this.#locks = []
    this.#clients = []
    await this.admin.flushall()
  }

  async stop(): Promise<void> {
    this.admin.disconnect()
    await this.server.stop()
  }
}

/** The messages that the server publishes to waiters, in their order: kind and owner. */
export class Messages {
  readonly seen: { kind: string; owner: string }[] = []
  readonly #subscriber: Redis

  private constructor(subscriber: Redis) {
    this.#subscriber = subscriber
  }

  static async listen(world: World): Promise<Messages> {
    const subscriber = world.client()
    const messages = new Messages(subscriber)
    subscriber.on('pmessage', (_pattern: string, _channel: string, text: string) => {
      const [, kind = '', owner = ''] = text.split(' ')
      messages.seen.push({ kind, owner })
    })
    // A pattern does not count in NUMSUB, which says whether a waiter is alive.
    await subscriber.psubscribe('lock:client:*')
    return messages
  }

  /** The owners of one kind of message, after everything that was published before the call. */
  async owners(kind: string): Promise<string[]> {
    await this.#subscriber.ping()
    return this.seen.filter((message) => message.kind === kind).map((message) => message.owner)
  }
}
