import { LocalClock } from '../base/clock.js'
import { HoldfastError, invalid, type LossReason } from '../base/errors.js'
import { events, type LockType } from '../base/events.js'
import { systemRuntime, type Runtime } from '../base/runtime.js'
import type { Port } from '../clients/port.js'
import { atMost } from '../lease/deadline.js'
import { Lease, type Grant, type Host, type Terms } from '../lease/lease.js'
import type { Mode } from '../kernel/protocol.js'
import { Renewer } from '../lease/renewer.js'
import { eventOf } from '../line/claim.js'
import type { Take } from '../line/member.js'
import type { Orphans } from '../line/orphans.js'
import { Queue } from '../line/queue.js'
import { wishOf, type Wish } from '../line/wish.js'
import { assertAcknowledges } from '../quorum/acknowledged.js'
import { Node } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import { Quorum } from '../quorum/quorum.js'
import { Asking, same, type Asked, type Lasting } from './asked.js'
import type { Hold } from './context.js'
import { acquireWatched } from './deadlock.js'
import { EvictionWatch } from './eviction.js'
import { guardOf, longestOf } from './guard.js'
import { ownHistory, prefixHistory, type HistoryOption } from './history-options.js'
import { Lock } from './lock.js'
import {
  checkTakeOver,
  type HandoverOptions,
  type HoldfastOptions,
  type LockOptions,
  type TakeOverOptions,
} from './options.js'
import type { HistoryStream } from './outbox.js'
import { Recorder } from './recorder.js'
import { settingsOf, type Settings } from './settings.js'
import type { Wanted } from './taker.js'
import { decodeToken } from './token.js'
import { told, tellFailed, tellRequested, watchHold } from './telling.js'
import { takeOver } from './turn.js'

const DEFAULT_TTL_MS = 10_000

/** What a lock is taken to be of which only the mode is known. */
const TYPES: Readonly<Record<Mode, LockType>> = { x: 'mutex', s: 'read', p: 'semaphore' }

/** What all locks of one Holdfast share, put together once: node, queue, renewer. */
export class Engine implements Host {
  readonly options: HoldfastOptions
  readonly prefix: string
  readonly drift: number
  readonly runtime: Runtime
  readonly clock: LocalClock
  /** One server, or several as one. */
  readonly node: Nodes
  /** The longest lease that may be asked for, ms. */
  readonly longest: number
  readonly queue: Queue
  readonly renewer: Renewer
  readonly eviction: EvictionWatch
  /** Null while nobody has asked for a history. */
  recorder: Recorder | null = null
  readonly #changes = new Set<Promise<unknown>>()
  /** Those of the last lock that was made: the next is on the same terms, as a rule. */
  #lately: Settings | null = null
  /** What else is to end with this Holdfast. */
  readonly closing: Set<() => void> = new Set()
  #closing: Promise<void> | null = null

  constructor(ports: readonly Port[], options: HoldfastOptions) {
    this.options = options
    this.prefix = options.prefix ?? 'lock:'
    this.drift = options.drift ?? 0.01
    this.runtime = options.runtime ?? systemRuntime
    this.clock = new LocalClock(this.runtime)
    const guard = guardOf(options, ports.length)
    this.longest = longestOf(guard, this.drift)
    const { replicas = 0 } = options
    if (replicas > 0) assertAcknowledges(ports[0]!)
    const { clock, runtime, drift } = this
    const nodes = ports.map((port) => new Node(port, clock, runtime, drift, guard, replicas))
    this.node = nodes.length === 1 ? nodes[0]! : new Quorum(nodes, this.clock, this.runtime)
    this.queue = new Queue(this.node, this.clock, this.runtime, this.drift)
    this.renewer = new Renewer(this.node, this.clock, this.runtime, this.drift)
    this.queue.onGivenBack = (lease) => this.renewer.remove(lease)
    this.eviction = new EvictionWatch(this, options.checkEviction ?? true)
    const all = prefixHistory(options.history, this.prefix)
    if (all) this.recorder = new Recorder(this, all)
  }

  /** A lock asked for a history of its own, or for none. @throws ERR_INVALID_ARGUMENT */
  keepHistory(name: string, option: HistoryOption | undefined): HistoryStream | undefined {
    const own = option === undefined ? null : ownHistory(option, name, this.prefix)
    if (own) this.recorder ??= new Recorder(this, null)
    return own ?? undefined
  }

  get orphans(): Orphans {
    return this.queue.orphans
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
    return this.node.members.length > 1
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
    const lock = this.#wait(wish, held, this.#taken)
    const heard = since === null ? lock : tellFailed(this.clock, [wish], since, lock)
    return heard.then(this.#unlessClosed)
  }

  /** Closed in the turn of the grant: then it was released with all that was held. */
  readonly #unlessClosed = (lock: Lock): Lock => {
    this.assertOpen()
    return lock
  }

  #wait<T>(wish: Asked, held: (() => readonly Hold[]) | undefined, take: Take<T>): Promise<T> {
    const ask = (noted: Take<T>): Promise<T> => acquireWatched(this, wish, held, noted)
    return this.recorder ? this.recorder.waits(wish, take, ask) : ask(take)
  }

  /** Several names, all or nothing: their locks, in this order. */
  async acquireAll(all: readonly Wanted[], held?: () => readonly Hold[]): Promise<readonly Lock[]> {
    const wishes = all.map(({ name, mode, settings }) => {
      // Nobody is handed one of several, so each is waited for by itself.
      const own = { ...settings, localHandovers: 0, linger: 0 }
      return wishOf(own, name, mode, this.prefix + name)
    })
    const { deadlock } = all[0]!.settings
    const stand = (wish: Wish): Promise<Grant> =>
      this.#wait({ ...wish, deadlock }, held, (grant) => this.queue.keep(grant))
    const since = wishes.map((wish) => tellRequested(this.clock, wish))[0] ?? null
    const together = this.queue.acquireAll(wishes, stand)
    const asked = this.recorder ? this.recorder.together(together) : together
    const grants = await (since === null ? asked : tellFailed(this.clock, wishes, since, asked))
    if (this.#closing) await this.#tooLate(wishes, grants)
    return wishes.map((wish, i) => this.#taken(grants[i]!, wish))
  }

  readonly #taken = (grant: Grant, terms: Terms): Lock => {
    this.eviction.granted(this.node, terms.timeout)
    const lease = this.adopt(terms, grant)
    // By whoever was told of the grant: too early for this lease to be seen there.
    if (this.#closing) void this.#end(lease)
    return new Lock(this, lease)
  }

  /** Because of `close`. */
  #end(lease: Lease): Promise<unknown> {
    const { key, timeout, holdAtLeast } = lease.terms
    lease.lose('closed')
    return this.orphans.release(lease.owner, key, timeout, 0, holdAtLeast)
  }

  /** This Holdfast was closed meanwhile. @throws ERR_CLOSED */
  async #tooLate(all: readonly Terms[], grants: readonly Grant[]): Promise<never> {
    const releases = all.map(({ key, timeout }, i) =>
      this.orphans.release(grants[i]!.owner, key, timeout, 0),
    )
    await Promise.all(releases)
    for (const [i, terms] of all.entries()) {
      const { owner, fence } = grants[i]!
      events.released({ ...eventOf(terms, owner), released: true, fence, held: 0 })
    }
    throw closed()
  }

  /** Goes on with a tenure that another process handed over. */
  async takeOver(token: unknown, options: TakeOverOptions): Promise<Lock> {
    this.assertOpen()
    checkTakeOver(options)
    const { name, mode, owner } = decodeToken(token, this.prefix)
    const settings = this.settings(options, TYPES[mode])
    const terms: Terms = { ...settings, name, key: this.prefix + name, mode }
    const lease = await takeOver(this, owner, terms)
    this.eviction.granted(this.node, terms.timeout)
    return new Lock(this, lease)
  }

  /** From a grant to a lease that is renewed and hears of its end. */
  adopt(terms: Terms, grant: Grant): Lease {
    const lease = new Lease(terms, grant, this)
    this.queue.mailbox.register(lease.owner, lease)
    this.renewer.add(lease)
    if (terms.expectedHold !== Infinity) watchHold(this.runtime, lease)
    if (this.recorder) this.recorder.granted(lease, grant)
    if (grant.follows) this.renewer.remove(grant.follows)
    if (grant.early?.wanted) lease.wanted()
    if (grant.early?.push) lease.pushed(grant.early.push)
    return lease
  }

  /** Lets `close` wait for what is about to end by itself and may still hold something. */
  async changing<T>(change: Promise<T>): Promise<T> {
    this.#changes.add(change)
    try {
      return await change
    } finally {
      this.#changes.delete(change)
    }
  }

  /** Nothing that was lost here may linger on the server, nor be waited for. */
  lost(lease: Lease, reason: LossReason): void {
    this.renewer.remove(lease)
    // `close` releases what it ends, and waits for it.
    if (reason === 'closed') return
    if (reason === 'gone') {
      this.queue.mailbox.unregister(lease.owner)
      return
    }
    const { key, timeout } = lease.terms
    const least = this.#keeps(lease, reason)
    // A renewal whose answer was lost may have prolonged it beyond the deadline that we know.
    const until = lease.ends + lease.ttl
    if (least !== null) void this.orphans.release(lease.owner, key, timeout, until, least)
    else this.queue.mailbox.unregister(lease.owner)
  }

  /**
   * For how long from its grant on the server is to keep a tenure that was lost here, whose function may
   * still run; null: until its lease there ends, which is late enough.
   */
  #keeps({ terms, begun }: Lease, reason: LossReason): number | null {
    const { holdAtLeast, lockDelay } = terms
    // Whoever forces it wants the name.
    if (reason === 'forced') return 0
    if (lockDelay === 0) return holdAtLeast
    const drained = Math.ceil(atMost(this.clock.now() - begun, this.drift)) + lockDelay
    return reason === 'expired' && drained >= holdAtLeast ? null : Math.max(drained, holdAtLeast)
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
    // Waits first: a release below would hand a name to a waiter of our own.
    this.queue.cancel(closed())
    for (const end of this.closing) end()
    const held = [...this.renewer.leases]
    await Promise.all(held.map((lease) => this.#end(lease)))
    await Promise.allSettled(this.#changes)
    await this.queue.mailbox.close()
    this.renewer.close()
    await this.orphans.close()
    await this.recorder?.close()
    await this.node.close()
  }
}

function closed(): HoldfastError {
  return new HoldfastError('ERR_CLOSED', 'this Holdfast was closed')
}
