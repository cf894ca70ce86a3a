import { randomBytes } from 'node:crypto'
import { uptime } from 'node:os'

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

// Node fires a longer timer after one millisecond; ours come early instead, and look at the clock.
const LONGEST_TIMER = 2 ** 31 - 1

/** The real thing. */
export const systemRuntime: Runtime = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  boot: () => uptime() * 1000,
  setTimer(callback, ms, keepAlive) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), LONGEST_TIMER))
    if (!keepAlive) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  random: () => Math.random(),
  randomHex: (count) => randomBytes(count).toString('hex'),
}
