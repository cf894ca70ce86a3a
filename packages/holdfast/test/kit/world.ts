import type { Lock } from '../../src/index.js'
import { Holdfast, type HoldfastError, type HoldfastOptions } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { acquireFields, renewFields, type Mode } from '../../src/kernel/protocol.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { ClientClock, EPOCH, type ClientClockOptions } from './client-clock.js'
import { SimNet } from './sim-net.js'
import { SimPort } from './sim-port.js'

export interface SimClient {
  readonly locks: Holdfast
  readonly port: SimPort
  readonly clock: ClientClock
}

/** How a promise stands, looked at without waiting. */
export interface Outcome<T> {
  state: 'pending' | 'done' | 'failed'
  value: T
  error: HoldfastError
  /** World ms when it settled. */
  at: number
}

/** Looks at a promise without waiting for it. */
export function settled<T>(promise: Promise<T>, clock: ManualClock): Outcome<T> {
  const outcome: Outcome<T> = {
    state: 'pending',
    value: undefined as T,
    error: undefined as unknown as HoldfastError,
    at: NaN,
  }
  promise.then(
    (value) => Object.assign(outcome, { state: 'done', value, at: clock.monotonic() }),
    (error: unknown) => Object.assign(outcome, { state: 'failed', error, at: clock.monotonic() }),
  )
  return outcome
}

/** What a bare call of the kernel asks for. */
export interface Ask {
  readonly mode?: Mode
  readonly ttl?: number
  readonly claim?: number
  readonly wait?: boolean
  readonly ticket?: string
  readonly notAfter?: { ms: string; run: string }
  /** Of mode `p`. */
  readonly permits?: number
  readonly limit?: number
}

const NO_LIMIT = { ms: '', run: '' }

/** One server in memory, clients, and the net between them, all under one virtual clock. */
export class World {
  readonly clock = new ManualClock({ wall: EPOCH })
  /** How far the server's clock was stepped, ms. */
  serverStep = 0
  readonly server: MemoryServer
  readonly net: SimNet
  readonly clients: SimClient[] = []

  constructor() {
    // A client whose machine sleeps takes no time from the server: only the world's clock counts.
    const now = (): number => Math.floor(this.serverMs * 1000)
    this.server = new MemoryServer({ now })
    this.server.runId = 'run1run1run1run1'
    this.net = new SimNet(this.server, this.clock)
  }

  get serverMs(): number {
    return EPOCH + this.clock.monotonic() + this.serverStep
  }

  client(clock: ClientClockOptions = {}, options: HoldfastOptions = {}): SimClient {
    const own = new ClientClock(this.clock, { seed: this.clients.length + 1, ...clock })
    const port = new SimPort(this.net, own)
    // Most tests are about a place in line for each call.
    const locks = new Holdfast(port, { localHandovers: 0, ...options, runtime: own })
    const client = { locks, port, clock: own }
    this.clients.push(client)
    return client
  }

  advance(ms = 0): Promise<void> {
    return this.clock.advance(ms)
  }

  watch<T>(promise: Promise<T>): Outcome<T> {
    return settled(promise, this.clock)
  }

  /** What needs no more time than it takes now. */
  async now<T>(promise: Promise<T>): Promise<T> {
    const outcome = this.watch(promise)
    await this.advance()
    if (outcome.state === 'pending') throw new Error('it waits')
    return promise
  }

  /** An owner id on the server as K has it; null when the name is free. */
  holder(name: string): string | null {
    this.server.keys()
    return this.server.space.get(keysOf(name, 'lock:')[0])
  }

  /** What the name's line holds, in its order. */
  line(name: string): readonly string[] {
    this.server.keys()
    const line = this.server.space.zset(keysOf(name, 'lock:')[2])
    return line.slice(0, line.size).map(({ member }) => member)
  }

  /** Keys that are left, but fences. */
  left(): readonly string[] {
    return this.server.keys().filter((key) => !key.includes(':hf:fence:'))
  }

  /** A bare call of the kernel for one name; the item's reply as strings. */
  kernel(script: string, name: string, fields: readonly string[]): readonly string[] {
    const reply = this.server.execute(script, keysOf(name, 'lock:'), ['1', ...fields])
    const [, , , item] = reply as unknown as [string, string, string, unknown[]]
    return item.map(String)
  }

  ask(name: string, owner: string, ask: Ask = {}): readonly string[] {
    const { mode = 'x', ttl = 10_000, claim = 2000, wait = true, ticket = '' } = ask
    const { permits = 1, limit = 1 } = ask
    const request = { mode, ttl, claim, info: '', permits, limit }
    const fields = acquireFields(owner, request, wait, ticket, ask.notAfter ?? NO_LIMIT)
    return this.kernel('acquire', name, fields)
  }

  renew(name: string, owner: string, ttl = 10_000): readonly string[] {
    return this.kernel('renew', name, renewFields(owner, ttl, NO_LIMIT))
  }

  release(name: string, owner: string, least = ''): readonly string[] {
    return this.kernel('release', name, [owner, least])
  }
}

/** A client id and an owner id of the right form, for bare calls of the kernel. */
export const ownerId = (client: number, sequence = 1): string =>
  `${client.toString(16).padStart(32, '0')}.${sequence}`

export const channelOfClient = (client: number): string =>
  `lock:client:${ownerId(client).split('.')[0]}`

/** How many of these believe that they hold their name. */
export const believers = (...locks: (Lock | undefined)[]): number =>
  locks.filter((lock) => lock !== undefined && lock.validFor > 0 && !lock.signal.aborted).length
