import type { LocalClock } from '../base/clock.js'
import type { HoldfastError, LossReason } from '../base/errors.js'
import { events } from '../base/events.js'
import type { Runtime } from '../base/runtime.js'
import { portOfKnown } from '../clients/recognise.js'
import type { Known } from '../clients/shapes.js'
import { atMost } from '../lease/deadline.js'
import { Lease, type Grant, type Host, type Terms } from '../lease/lease.js'
import { Renewer } from '../lease/renewer.js'
import { eventOf } from '../line/claim.js'
import type { Take } from '../line/member.js'
import type { Orphans } from '../line/orphans.js'
import { Queue } from '../line/queue.js'
import { wishOf, type Wish } from '../line/wish.js'
import { Node } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import type { Asked } from './asked.js'
import type { Hold } from './context.js'
import { acquireWatched } from './deadlock.js'
import type { Engine } from './engine.js'
import { EvictionWatch } from './eviction.js'
import { guardOf } from './guard.js'
import { prefixHistory } from './history-options.js'
import { LockSet } from './lock-set.js'
import { Lock } from './lock.js'
import { majority } from './parts.js'
import { Recorder } from './recorder.js'
import type { Wanted } from './taker.js'
import { tellFailed, tellRequested, watchHold } from './telling.js'
import type { Tenure } from './tenure.js'
import { takeOver } from './turn.js'

/**
 * What takes and holds the locks of one Holdfast: node, queue, renewer. Of the engine the part that is loaded
 * when something is first asked.
 */
export class Works implements Host {
  /** One server, or several as one. */
  readonly node: Nodes
  readonly queue: Queue
  readonly renewer: Renewer
  readonly eviction: EvictionWatch
  readonly clock: LocalClock
  /** Null while nobody has asked for a history. */
  recorder: Recorder | null = null
  readonly #engine: Engine
  readonly #runtime: Runtime
  readonly #changes = new Set<Promise<unknown>>()

  /** @param records a lock asked for a history of its own. */
  constructor(engine: Engine, clients: readonly Known[], records: boolean) {
    this.#engine = engine
    const { options, clock, runtime, drift } = engine
    this.clock = clock
    this.#runtime = runtime
    const guard = guardOf(options, clients.length)
    const { replicas = 0 } = options
    const ports = clients.map(portOfKnown)
    const nodes = ports.map((port) => new Node(port, clock, runtime, drift, guard, replicas))
    this.node = nodes.length === 1 ? nodes[0]! : new majority.loaded!.Quorum(nodes, clock, runtime)
    this.queue = new Queue(this.node, clock, runtime, drift)
    this.renewer = new Renewer(this.node, clock, runtime, drift)
    this.queue.onGivenBack = (lease) => this.renewer.remove(lease)
    this.queue.renew = (lease) => this.renewer.renew(lease)
    const asker = { prefix: engine.prefix, node: this.node, queue: this.queue }
    this.eviction = new EvictionWatch(asker, options.checkEviction ?? true)
    const all = prefixHistory(options.history, engine.prefix)
    if (all) this.recorder = new Recorder(engine, all)
    if (records) this.record()
  }

  /** A lock asks for a history of its own. */
  record(): void {
    this.recorder ??= new Recorder(this.#engine, null)
  }

  get orphans(): Orphans {
    return this.queue.orphans
  }

  /** @param held what the caller holds at any moment, and does not let go while it waits. */
  acquire(wish: Asked, held: (() => readonly Hold[]) | undefined): Promise<Lock> {
    return this.#wait(wish, held, this.#taken)
  }

  #wait<T>(wish: Asked, held: (() => readonly Hold[]) | undefined, take: Take<T>): Promise<T> {
    const ask = (noted: Take<T>): Promise<T> => acquireWatched(this.#engine, wish, held, noted)
    return this.recorder ? this.recorder.waits(wish, take, ask) : ask(take)
  }

  /** Several names, all or nothing: their locks, in this order. */
  acquireAll(all: readonly Wanted[], held?: () => readonly Hold[]): Promise<LockSet> {
    // `close` waits for what it gives back.
    return this.changing(this.#acquireAll(all, held))
  }

  async #acquireAll(all: readonly Wanted[], held?: () => readonly Hold[]): Promise<LockSet> {
    const wishes = all.map(({ name, mode, settings }) => {
      // Nobody is handed one of several, so each is waited for by itself.
      const own = { ...settings, localHandovers: 0, linger: 0 }
      return wishOf(own, name, mode, this.#engine.prefix + name)
    })
    const { deadlock } = all[0]!.settings
    const stand = (wish: Wish): Promise<Grant> =>
      this.#wait({ ...wish, deadlock }, held, (grant) => this.queue.keep(grant))
    const since = wishes.map((wish) => tellRequested(this.clock, wish))[0] ?? null
    const together = this.queue.acquireAll(wishes, stand)
    const asked = this.recorder ? this.recorder.together(together) : together
    const grants = await (since === null ? asked : tellFailed(this.clock, wishes, since, asked))
    if (this.#engine.closed) await this.#tooLate(wishes, grants)
    return new LockSet(wishes.map((wish, i) => this.#taken(grants[i]!, wish)))
  }

  readonly #taken = (grant: Grant, terms: Terms): Lock => {
    this.eviction.granted(this.node, terms.timeout)
    const lease = this.adopt(terms, grant)
    // By whoever was told of the grant: too early for this lease to be seen there.
    if (this.#engine.closed) void this.#end(lease)
    return new Lock(this.#engine, lease)
  }

  /** Because of `close`. */
  #end(lease: Lease): Promise<unknown> {
    const { key, timeout, holdAtLeast } = lease.terms
    lease.lose('closed')
    return this.orphans.release(lease.owner, key, timeout, 0, holdAtLeast)
  }

  /** This Holdfast was closed meanwhile. @throws ERR_CLOSED */
  async #tooLate(all: readonly Terms[], grants: readonly Grant[]): Promise<void> {
    const releases = all.map(({ key, timeout }, i) =>
      this.orphans.release(grants[i]!.owner, key, timeout, 0),
    )
    await Promise.all(releases)
    for (const [i, terms] of all.entries()) {
      const { owner, fence } = grants[i]!
      events.released({ ...eventOf(terms, owner), released: true, fence, held: 0 })
    }
    this.#engine.assertOpen()
  }

  /** Goes on with a tenure that another process handed over. */
  async takeOver(owner: string, terms: Terms): Promise<Lock> {
    const lease = await takeOver(this.#engine, owner, terms)
    this.eviction.granted(this.node, terms.timeout)
    return new Lock(this.#engine, lease)
  }

  /** One more handle of what is held. */
  again(tenure: Tenure): Lock {
    return new Lock(this.#engine, tenure.lease, tenure)
  }

  /** From a grant to a lease that is renewed and hears of its end. */
  adopt(terms: Terms, grant: Grant): Lease {
    const lease = new Lease(terms, grant, this)
    this.queue.mailbox.register(lease.owner, lease)
    this.renewer.add(lease)
    if (terms.expectedHold !== Infinity) watchHold(this.#runtime, lease)
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
    if (reason === 'forced') return this.#engine.options.forced === 'keep' ? null : 0
    if (lockDelay === 0) return holdAtLeast
    const drained = Math.ceil(atMost(this.clock.now() - begun, this.#engine.drift)) + lockDelay
    return reason === 'expired' && drained >= holdAtLeast ? null : Math.max(drained, holdAtLeast)
  }

  async close(reason: HoldfastError): Promise<void> {
    // Waits first: a release below would hand a name to a waiter of our own.
    this.queue.cancel(reason)
    for (const end of this.#engine.closing) end()
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
