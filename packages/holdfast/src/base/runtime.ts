import { uptime } from 'node:os'
import { Timers } from './timers.js'

/** A timer that was set. `cancel` is idempotent. */
export interface Timer {
  cancel(): void
}

/**
 * Everything that Holdfast takes from its surroundings, so that tests can put virtual time and a
 * seeded random source in its place. Durations are milliseconds.
 */
export interface Runtime {
  /** A clock that never goes back, but may stand still while the machine sleeps. */
  monotonic(): number
  /** The wall clock, in ms since the epoch: it may be set forward or back at any time. */
  wall(): number
  /** Time since boot, sleep included; a costly call. */
  boot(): number
  /**
   * Calls back after `ms`, late rather than early.
   *
   * @param keepAlive whether the process stays alive for it: only while a caller's promise waits.
   */
  setTimer(callback: () => void, ms: number, keepAlive: boolean): Timer
  /** A number in [0, 1). */
  random(): number
  /** `count` random bytes as lower-case hex. */
  randomHex(count: number): string
}

const monotonic = (): number => performance.now()
/** Of all Holdfasts of this process. */
const timers = new Timers({
  monotonic,
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (native) => clearTimeout(native as NodeJS.Timeout),
})

/** The real thing. */
export const systemRuntime: Runtime = {
  monotonic,
  wall: () => Date.now(),
  boot: () => uptime() * 1000,
  setTimer: (callback, ms, keepAlive) => timers.set(callback, ms, keepAlive),
  random: () => Math.random(),
  // The global one: the module node:crypto would take a quarter of this package's import.
  randomHex: (count) => Buffer.from(crypto.getRandomValues(new Uint8Array(count))).toString('hex'),
}
