import type { Runtime, Timer } from '../../src/base/runtime.js'
import { ManualClock } from '../../src/testing/manual-clock.js'

/** When the world begins, ms since the epoch. */
export const EPOCH = 1_700_000_000_000

/** The world's time, and what happens in it. */
export type WorldClock = Pick<ManualClock, 'monotonic' | 'setTimer'>

export interface ClientClockOptions {
  /** How fast this client's clocks run: 1.01 gains a hundredth. */
  readonly rate?: number
  /** What its wall clock is ahead of the world's, ms. */
  readonly ahead?: number
  readonly seed?: number
}

interface Pending {
  readonly callback: () => void
  /** By this client's monotonic clock. */
  readonly at: number
  timer: Timer | null
}

/**
 * The clocks of one process, on the world's: they may run at another rate and from another zero. The
 * process may be frozen: then nothing of it runs, and what arrives waits until it is thawed.
 */
export class ClientClock implements Runtime {
  readonly #world: WorldClock
  readonly #rate: number
  readonly #random: ManualClock
  readonly #zero: number
  readonly #pending = new Set<Pending>()
  readonly #inbox: (() => void)[] = []
  #wall: number
  #frozen: 'asleep' | 'stopped' | null = null
  #sleptAt = 0
  #slept = 0

  constructor(world: WorldClock, options: ClientClockOptions = {}) {
    const { rate = 1, ahead = 0, seed = 1 } = options
    this.#world = world
    this.#rate = rate
    this.#random = new ManualClock({ seed })
    this.#zero = 1000 * seed
    this.#wall = EPOCH + ahead
  }

  #elapsed(): number {
    return this.#world.monotonic() * this.#rate
  }

  monotonic(): number {
    const at = this.#frozen === 'asleep' ? this.#sleptAt : this.#elapsed()
    return this.#zero + at - this.#slept
  }

  wall(): number {
    return this.#wall + this.#elapsed()
  }

  boot(): number {
    return this.#elapsed()
  }

  random(): number {
    return this.#random.random()
  }

  randomHex(count: number): string {
    return this.#random.randomHex(count)
  }

  setTimer(callback: () => void, ms: number): Timer {
    const pending: Pending = { callback, at: this.monotonic() + Math.max(0, ms), timer: null }
    this.#pending.add(pending)
    if (this.#frozen === null) this.#arm(pending)
    return {
      cancel: () => {
        this.#pending.delete(pending)
        pending.timer?.cancel()
      },
    }
  }

  #arm(pending: Pending): void {
    const ms = Math.max(0, pending.at - this.monotonic()) / this.#rate
    const fire = (): void => {
      this.#pending.delete(pending)
      pending.callback()
    }
    pending.timer = this.#world.setTimer(fire, ms)
  }

  /** How many timers this process has set. */
  get timers(): number {
    return this.#pending.size
  }

  /** The wall clock is set, forward or back. */
  step(ms: number): void {
    this.#wall += ms
  }

  /** The machine sleeps (the monotonic clock stands still), or the process alone is stopped. */
  freeze(how: 'asleep' | 'stopped'): void {
    this.#frozen = how
    this.#sleptAt = this.#elapsed()
    for (const { timer } of this.#pending) timer?.cancel()
  }

  /** Goes on: what is overdue runs late, then what has arrived is read. */
  thaw(): void {
    if (this.#frozen === 'asleep') this.#slept += this.#elapsed() - this.#sleptAt
    this.#frozen = null
    for (const pending of this.#pending) this.#arm(pending)
    for (const read of this.#inbox.splice(0)) queueMicrotask(read)
  }

  /** Something has arrived for this process: read now, or when it runs again. */
  receive(read: () => void): void {
    if (this.#frozen === null) queueMicrotask(read)
    else this.#inbox.push(read)
  }
}
