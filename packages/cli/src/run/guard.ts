import { setTimeout as sleep } from 'node:timers/promises'
import type { Lock } from 'holdfast'
import type { Child, Ended } from './child.js'
import type { Plan } from './plan.js'
import type { Teller } from './teller.js'

/** What becomes of a command whose lock is lost, or asked for: `--on-lost`. */
export type OnLost = 'kill' | 'warn' | 'ignore'

/** Why a command was stopped. */
export interface Stop {
  readonly reason: 'lost' | 'max-hold' | 'revoked'
  /** Of a loss. `unrenewed`: it was about to come. */
  readonly cause?: string
}

export interface Guarded {
  readonly lock: Pick<Lock, 'name' | 'signal' | 'revoked' | 'validFor'>
  readonly child: Child
  readonly plan: Plan
  readonly onLost: OnLost
  readonly signal: NodeJS.Signals
  readonly teller: Teller
}

interface Stopping extends Stop {
  readonly killAt: number
}

/** Clocks may jump, which no timer tells of. */
const LOOK_MS = 1000
const POLL_MS = 20
/** How long the rest of a group that got SIGKILL is waited for. */
const DYING_MS = 2000

/**
 * Looks after a command until it has ended, and stops it in time: the signal, the grace, and SIGKILL, all
 * before the lease can be over.
 *
 * @returns how it ended, and whether and why it was stopped.
 */
export class Guard {
  readonly #of: Guarded
  readonly #begun = performance.now()
  #stop: Stopping | null = null
  #killed = false
  #warned = false
  #timer: NodeJS.Timeout | undefined
  /** When the lease counts as lost, by both clocks: one stands still while the machine sleeps. */
  #ends: readonly [monotonic: number, wall: number] = [0, 0]
  readonly #look = (): void => this.#check()

  constructor(of: Guarded) {
    this.#of = of
  }

  async untilEnd(): Promise<{ readonly ended: Ended; readonly stop: Stop | null }> {
    const { lock, child } = this.#of
    lock.signal.addEventListener('abort', this.#look)
    lock.revoked.addEventListener('abort', this.#look)
    // After a stop of this process time has passed.
    process.on('SIGCONT', this.#look)
    try {
      this.#check()
      const ended = await child.ended
      if (this.#stop) await this.#rest()
      return { ended, stop: this.#stop }
    } finally {
      clearTimeout(this.#timer)
      process.off('SIGCONT', this.#look)
      lock.signal.removeEventListener('abort', this.#look)
      lock.revoked.removeEventListener('abort', this.#look)
    }
  }

  /** What it has started, and left behind when it was told to end. */
  async #rest(): Promise<void> {
    const { child } = this.#of
    let until = Infinity
    while (child.alive && performance.now() < until) {
      if (this.#killed && until === Infinity) until = performance.now() + DYING_MS
      await sleep(POLL_MS)
    }
  }

  #check(): void {
    clearTimeout(this.#timer)
    const { lock, plan, onLost } = this.#of
    const now = performance.now()
    const valid = lock.validFor
    const lost = lossOf(lock)
    if (lost === null) this.#ends = [now + valid, Date.now() + valid]
    // What is forced is ours until then, and is not renewed any more.
    const ours = lost === null || lost === 'forced'
    const left = ours ? Math.min(this.#ends[0] - now, this.#ends[1] - Date.now()) : 0
    const end = this.#begun + plan.maxHold
    const stopAt = plan.grace + plan.lead
    if (!this.#stop) {
      const wanted = this.#wanted(lost, left <= stopAt)
      if (wanted && onLost === 'kill') this.#begin(wanted)
      else if (wanted && onLost === 'warn' && !this.#warned && wanted.cause !== 'unrenewed') {
        this.#warned = true
        this.#of.teller.warn(wanted.reason, { name: lock.name, cause: wanted.cause })
      }
      if (!this.#stop && now >= end) this.#begin({ reason: 'max-hold' })
    }
    // Of what was taken away there is no safe time left, and the grace is for cleaning up.
    const over = ours ? left <= plan.lead : lost === 'expired'
    const stop = this.#stopping
    if (stop && !this.#killed && (now >= stop.killAt || (onLost === 'kill' && over))) this.#kill()
    if (this.#killed) return
    const next = stop
      ? Math.min(stop.killAt - now, ours ? left - plan.lead : LOOK_MS)
      : Math.min(end - now, lost === null ? left - stopAt : LOOK_MS)
    // A lease that nobody minds losing is renewed, or lost, without us.
    const due = next > 0 ? Math.ceil(next) : POLL_MS
    this.#timer = setTimeout(this.#look, Math.min(due, LOOK_MS))
  }

  /** As it is by now: a check may have begun it. */
  get #stopping(): Stopping | null {
    return this.#stop
  }

  #wanted(lost: string | null, soon: boolean): Stop | null {
    if (lost !== null) return { reason: 'lost', cause: lost }
    if (soon) return { reason: 'lost', cause: 'unrenewed' }
    if (this.#of.lock.revoked.aborted) return { reason: 'revoked' }
    return null
  }

  #begin(stop: Stop): void {
    const { child, plan, signal, teller } = this.#of
    this.#stop = { ...stop, killAt: performance.now() + plan.grace }
    teller.tell('stopping', { ...stop, signal, graceMs: plan.grace })
    child.stop(signal)
  }

  #kill(): void {
    this.#killed = true
    this.#of.teller.tell('killing', { signal: 'SIGKILL' })
    this.#of.child.kill()
  }
}

/** Why the lease was lost; null while it is not. */
export function lossOf({ signal }: Pick<Lock, 'signal'>): string | null {
  if (!signal.aborted) return null
  const { reason } = signal.reason as { reason?: string }
  return reason ?? 'expired'
}
