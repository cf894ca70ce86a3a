import { LocalClock } from '../base/clock.js'
import { HoldfastError, invalid } from '../base/errors.js'
import type { LockType } from '../base/events.js'
import type { Part } from '../base/part.js'
import { systemRuntime, type Runtime } from '../base/runtime.js'
import type { Known } from '../clients/shapes.js'
import { heed } from '../clients/trouble.js'
import { memoryKernel } from '../kernel/parts.js'
import type { Mode } from '../kernel/protocol.js'
import type { Grant, Lease, Terms } from '../lease/lease.js'
import type { Renewer } from '../lease/renewer.js'
import type { Orphans } from '../line/orphans.js'
import type { Queue } from '../line/queue.js'
import type { Nodes } from '../quorum/nodes.js'
import { Asking, same, type Asked, type Lasting } from './asked.js'
import type { Hold } from './context.js'
import type { EvictionWatch } from './eviction.js'
import { guardOf, longestOf } from './guard.js'
import { ownHistory, prefixHistory, type HistoryOption } from './history-options.js'
import type { LockSet } from './lock-set.js'
import type { Lock } from './lock.js'
import {
  checkTakeOver,
  type HandoverOptions,
  type HoldfastOptions,
  type LockOptions,
  type TakeOverOptions,
} from './options.js'
import type { HistoryStream } from './outbox.js'
import { majority, works } from './parts.js'
import type { Recorder } from './recorder.js'
import { settingsOf, type Settings } from './settings.js'
import type { Wanted } from './taker.js'
import { told, tellFailed, tellRequested } from './telling.js'
import type { Tenure } from './tenure.js'
import { decodeToken } from './token.js'
import type { Works } from './works.js'

const DEFAULT_TTL_MS = 10_000

/** What a lock is taken to be of which only the mode is known. */
const TYPES: Readonly<Record<Mode, LockType>> = { x: 'mutex', s: 'read', p: 'semaphore' }

/**
 * What all locks of one Holdfast share: options, clocks, and the works, which are made when something is first
 * asked.
 */
export class Engine {
  readonly options: HoldfastOptions
  readonly prefix: string
  readonly drift: number
  readonly runtime: Runtime
  readonly clock: LocalClock
  /** The longest lease that may be asked for, ms. */
  readonly longest: number
  readonly #clients: readonly Known[]
  /** What has to be there beside the works before anything is asked. */
  readonly #parts: readonly Part<unknown>[]
  #works: Works | null = null
  #starting: Promise<Works> | null = null
  /** How many calls wait for them. */
  #first = 0
  /** A lock asked for a history of its own. */
  #records = false
  /** Those of the last lock that was made: the next is on the same terms, as a rule. */
  #lately: Settings | null = null
  /** What else is to end with this Holdfast. */
  readonly closing: Set<() => void> = new Set()
  #closing: Promise<void> | null = null

  constructor(clients: readonly Known[], options: HoldfastOptions) {
    this.options = options
    this.prefix = options.prefix ?? 'lock:'
    this.drift = options.drift ?? 0.01
    this.runtime = options.runtime ?? systemRuntime
    this.clock = new LocalClock(this.runtime)
    this.longest = longestOf(guardOf(options, clients.length), this.drift)
    prefixHistory(options.history, this.prefix)
    this.#clients = clients
    const memory = clients.some(({ is, kind }) => is === 'port' && kind === 'memory')
    this.#parts = [
      ...(this.several ? [majority] : []),
      // Of a server that has to be loaded first, requests would run into their time limits.
      ...(memory ? [memoryKernel] : []),
    ]
    for (const one of clients) this.closing.add(heed(one))
    if (works.loaded && this.#parts.every(({ loaded }) => loaded)) this.#make(works.loaded)
  }

  #make(part: NonNullable<typeof works.loaded>): Works {
    this.#works ??= new part.Works(this, this.#clients, this.#records)
    return this.#works
  }

  /**
   * What takes and holds locks: loaded when something is first asked, and there from then on.
   *
   * @throws ERR_CONFIG when its files cannot be loaded, ERR_CLOSED
   */
  async start(): Promise<Works> {
    if (!this.#works || this.#first > 0) await (this.#starting ??= this.#load())
    this.assertOpen()
    return this.#works!
  }

  async #load(): Promise<Works> {
    try {
      const needed = this.#parts.map((part) => part.load())
      const [part] = await Promise.all([works.load(), ...needed])
      return this.#make(part)
    } catch (error) {
      this.#starting = null
      throw error
    }
  }

  /** The same, and a part that is needed beside it. */
  async with<T>(part: Part<T>): Promise<T> {
    const [found] = await Promise.all([part.load(), this.start()])
    return found
  }

  /** The works, if they are there, and nobody who waited for them has still to be woken: he comes first. */
  get #now(): Works | null {
    return this.#first === 0 ? this.#works : null
  }

  async #later<T>(call: (it: Works) => Promise<T>): Promise<T> {
    this.#first++
    try {
      await this.start()
    } finally {
      this.#first--
    }
    return call(this.#works!)
  }

  // Of what is there once something was asked.

  get node(): Nodes {
    return this.#works!.node
  }

  get queue(): Queue {
    return this.#works!.queue
  }

  get renewer(): Renewer {
    return this.#works!.renewer
  }

  get eviction(): EvictionWatch {
    return this.#works!.eviction
  }

  get recorder(): Recorder | null {
    return this.#works!.recorder
  }

  adopt(terms: Terms, grant: Grant): Lease {
    return this.#works!.adopt(terms, grant)
  }

  again(tenure: Tenure): Lock {
    return this.#works!.again(tenure)
  }

  changing<T>(change: Promise<T>): Promise<T> {
    return this.#works!.changing(change)
  }

  /** A lock asked for a history of its own, or for none. @throws ERR_INVALID_ARGUMENT */
  keepHistory(name: string, option: HistoryOption | undefined): HistoryStream | undefined {
    const own = option === undefined ? null : ownHistory(option, name, this.prefix)
    if (own) {
      this.#records = true
      this.#works?.record()
    }
    return own ?? undefined
  }

  get orphans(): Orphans {
    return this.#works!.orphans
  }

  settings(options: LockOptions & HandoverOptions, type: LockType = 'mutex'): Settings {
    const { ttl = Math.min(DEFAULT_TTL_MS, this.longest) } = options
    const settings = settingsOf(this.options, { ...options, ttl }, this.several, type)
    this.checkLease('options.ttl', settings.ttl + settings.lockDelay)
    this.checkLease('options.holdAtLeast', settings.holdAtLeast)
    return settings
  }

  /** What a call of a lock asks for; once for all calls without options of their own. */
  asking({ name, mode, type, history }: Lasting, options: LockOptions & HandoverOptions): Asking {
    const settings = this.settings(options, type)
    const key = this.prefix + name
    if (history) return new Asking(name, key, mode, { ...settings, history })
    if (!this.#lately || !same(this.#lately, settings)) this.#lately = settings
    return new Asking(name, key, mode, this.#lately)
  }

  /** A lease must not outlive the quarantine of a server that forgot it. @throws ERR_INVALID_ARGUMENT */
  checkLease(what: string, ms: number): void {
    if (ms <= this.longest) return
    const expected = `at most ${this.longest} ms (with lockDelay), so that it is over before a server that forgot it grants again: see the option quarantine of Holdfast`
    throw invalid(what, ms, expected)
  }

  /** Several servers, of which a majority decides. */
  get several(): boolean {
    return this.#clients.length > 1
  }

  get closed(): boolean {
    return this.#closing !== null
  }

  /** @throws ERR_CLOSED */
  assertOpen(): void {
    if (this.#closing) throw closed()
  }

  /**
   * Not asynchronous itself, because each waiting call would keep the frame: what it throws, its caller
   * rejects with.
   *
   * @param held what the caller holds at any moment, and does not let go while it waits.
   */
  acquire(asked: Asked, held?: () => readonly Hold[]): Promise<Lock> {
    this.assertOpen()
    // Whoever listens is told of each call by itself.
    const wish = asked instanceof Asking && told() ? asked.anew() : asked
    const since = tellRequested(this.clock, wish)
    const lock = this.#now?.acquire(wish, held) ?? this.#later((it) => it.acquire(wish, held))
    const heard = since === null ? lock : tellFailed(this.clock, [wish], since, lock)
    return heard.then(this.#unlessClosed)
  }

  /** Closed in the turn of the grant: then it was released with all that was held. */
  readonly #unlessClosed = <T>(held: T): T => {
    this.assertOpen()
    return held
  }

  /** Several names, all or nothing: their locks, in this order. */
  acquireAll(all: readonly Wanted[], held?: () => readonly Hold[]): Promise<LockSet> {
    const set = this.#now?.acquireAll(all, held) ?? this.#later((it) => it.acquireAll(all, held))
    return set.then(this.#unlessClosed)
  }

  /** Goes on with a tenure that another process handed over. */
  async takeOver(token: unknown, options: TakeOverOptions): Promise<Lock> {
    this.assertOpen()
    checkTakeOver(options)
    const { name, mode, owner } = decodeToken(token, this.prefix)
    const settings = this.settings(options, TYPES[mode])
    const terms: Terms = { ...settings, name, key: this.prefix + name, mode }
    return (await this.start()).takeOver(owner, terms).then(this.#unlessClosed)
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing
    let end!: (closed: Promise<void>) => void
    // Before anything ends: whoever hears of it may call again.
    this.#closing = new Promise((resolve) => (end = resolve))
    end(this.#close())
    return this.#closing
  }

  async #close(): Promise<void> {
    const made = this.#works ?? (await this.#starting?.catch(() => null))
    if (made) return made.close(closed())
    for (const end of this.closing) end()
    // Through a client nothing was opened yet; a port may have opened something by itself.
    for (const one of this.#clients) if (one.is === 'port') await one.client.close()
  }
}

function closed(): HoldfastError {
  return new HoldfastError('ERR_CLOSED', 'this Holdfast was closed')
}
