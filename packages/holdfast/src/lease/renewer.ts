import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { BATCH, revokerOfInfo, renewFields, sooner } from '../kernel/protocol.js'
import type { Answer } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import { classify, isConfig } from '../quorum/replies.js'
import { deadlineOfReply } from './deadline.js'
import type { Lease } from './lease.js'

// Leases due within this part of their third are renewed together with the one that is due now.
const TOGETHER = 0.1
const LEAST_RETRY_MS = 20
// So many at once, in a full call; the rest when the event loop has come round: it is not to be held up.
const MOST_AT_ONCE = BATCH

/**
 * Renews all leases of one node: one timer, and all that are due in one script call (about 100).
 * A failure is retried with what the lease has left; it delays nobody else. (Design, section 4.)
 */
export class Renewer {
  readonly #node: Nodes
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #drift: number
  readonly #leases = new Set<Lease>()
  #timer: { at: number; keepAlive: boolean; timer: Timer } | null = null
  /** Those that are due, and were not renewed in this turn of the event loop yet; and the timer of the next. */
  #due: Lease[] = []
  #turn: Timer | null = null

  constructor(node: Nodes, clock: LocalClock, runtime: Runtime, drift: number) {
    this.#node = node
    this.#clock = clock
    this.#runtime = runtime
    this.#drift = drift
    // Timers do not count what the clock has jumped over.
    clock.onJump(() => this.#rearm())
  }

  get leases(): ReadonlySet<Lease> {
    return this.#leases
  }

  add(lease: Lease): void {
    this.#leases.add(lease)
    this.arm(lease)
  }

  remove(lease: Lease): void {
    if (this.#leases.delete(lease)) this.rest()
  }

  /** Nobody waits for this timer any more: it must not keep the process alive. */
  rest(): void {
    const set = this.#timer
    if (!set || (this.#leases.size > 0 && !set.keepAlive)) return
    for (const lease of this.#leases) if (lease.keepAlive) return
    this.#disarm()
    if (this.#leases.size > 0) this.#arm(set.at, false)
  }

  /** Sets the timer no later than this lease needs it. */
  arm(lease: Lease): void {
    if (lease.ended) return
    const at = Math.min(lease.renewAt, lease.lostAt)
    this.#arm(at, lease.keepAlive)
  }

  #arm(at: number, keepAlive: boolean): void {
    if (at === Infinity) return
    const set = this.#timer
    if (set && set.at <= at && (set.keepAlive || !keepAlive)) return
    set?.timer.cancel()
    const due = Math.min(at, set?.at ?? at)
    const alive = keepAlive || (set?.keepAlive ?? false)
    const ms = Math.max(0, Math.ceil(due - this.#clock.now()))
    const timer = this.#runtime.setTimer(() => this.#tick(), ms, alive)
    this.#timer = { at: due, keepAlive: alive, timer }
  }

  #rearm(): void {
    const set = this.#timer
    this.#disarm()
    if (set) this.#arm(set.at, set.keepAlive)
  }

  #disarm(): void {
    this.#timer?.timer.cancel()
    this.#timer = null
  }

  #tick(): void {
    this.#timer = null
    this.#clock.checkBoot()
    const now = this.#clock.now()
    let next = Infinity
    let keepAlive = false
    for (const lease of this.#leases) {
      // Losing removes it from the set, which iteration allows.
      if (!lease.check()) continue
      if (now >= lease.renewAt - (lease.ttl / 3) * TOGETHER) {
        lease.renewAt = Infinity
        this.#due.push(lease)
      }
      next = Math.min(next, lease.renewAt, lease.lostAt)
      keepAlive ||= lease.keepAlive
    }
    this.#arm(next, keepAlive)
    if (!this.#turn) this.#renewDue()
  }

  #renewDue(): void {
    this.#turn = null
    // Whoever has the lock by now.
    for (const { latest } of this.#due.splice(0, MOST_AT_ONCE)) {
      if (!latest.ended) void this.renew(latest)
    }
    if (this.#due.length === 0) return
    const keepAlive = this.#due.some((lease) => lease.latest.keepAlive)
    this.#turn = this.#runtime.setTimer(() => this.#renewDue(), 0, keepAlive)
  }

  /**
   * Renews one lease now. Never throws: the outcome is on the lease.
   *
   * @returns null when it was renewed, else what stood in the way.
   */
  async renew(lease: Lease, tries = 2): Promise<HoldfastError | null> {
    lease.renewAt = Infinity
    const { key, timeout, lockDelay } = lease.terms
    try {
      const answer = await this.#node.ask('renew', key, timeout, (notAfter) => {
        // H25: nothing is renewed once its end has begun, nor carried out after the deadline.
        const { ended, owner, ttl, deadline } = lease.latest
        if (ended) return null
        const early = timeout - (deadline - this.#clock.now())
        return renewFields(owner, ttl + lockDelay, sooner(notAfter, early))
      })
      // Not carried out, because of another server run: the reply brought a sample of this one.
      if (answer.verdict[0] === 'late' && tries > 0 && lease.latest.check()) {
        return await this.renew(lease.latest, tries - 1)
      }
      return this.#answered(lease.latest, answer)
    } catch (error) {
      // The call was for many leases; its error is for this one.
      const trouble = classify(error, 'the client', lease.terms.name)
      lease.latest.doubt(trouble, this.#retryAt(lease.latest))
      return trouble
    } finally {
      this.arm(lease.latest)
    }
  }

  #answered(lease: Lease, answer: Answer): HoldfastError | null {
    const [status, detail = '', , waiters, asked] = answer.verdict
    if (status === 'renewed') {
      const remaining = Number(detail) - answer.now - lease.terms.lockDelay
      const deadline = deadlineOfReply(answer.sent, remaining, this.#drift)
      lease.renewed(answer.sent, remaining, deadline, answer.replicas)
      if (Number(waiters) > 0) lease.wanted()
      if (asked !== undefined) lease.revoke(revokerOfInfo(asked))
      return lease.lost
    }
    const unsure = status === 'late' || status === 'unacknowledged'
    const definite = !unsure && (status !== 'error' || isConfig(detail))
    // A verdict that is not later than the grant cannot contradict it (review S13). Times of two runs
    // cannot be compared: what another one says came after a restart or failover.
    if (definite && (answer.run !== lease.run || answer.now > lease.serverTime)) {
      lease.lose(status === 'forced' ? 'forced' : 'gone')
      return lease.lost
    }
    const message = `the lease was not renewed: the server answered ${detail || status}`
    const trouble = new HoldfastError('ERR_UNAVAILABLE', message, { lock: lease.terms.name })
    lease.doubt(trouble, this.#retryAt(lease))
    return lease.lost ?? trouble
  }

  #retryAt(lease: Lease): number {
    const now = this.#clock.now()
    const part = (lease.lostAt - now) / 8
    return now + Math.max(LEAST_RETRY_MS, part * (0.9 + 0.2 * this.#runtime.random()))
  }

  close(): void {
    this.#turn?.cancel()
    this.#due = []
    this.#disarm()
  }
}
