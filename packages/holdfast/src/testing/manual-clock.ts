import { milliseconds, type Duration } from '../base/duration.js'
import { invalid } from '../base/errors.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { known } from '../locks/options.js'
import { allAtOnce } from './at-once.js'

interface Entry extends Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/**
 * A clock that a test turns by hand, with the timers that hang on it: nothing waits for real time,
 * and the same test takes the same course every time.
 *
 * ```ts
 * const clock = new ManualClock()
 * const locks = Holdfast.inMemory({ clock })
 * const lock = await locks.mutex('a', { renew: false, ttl: '10s' }).acquire()
 * await clock.advance(10_000)
 * lock.signal.aborted // true
 * ```
 */
export class ManualClock implements Runtime {
  #elapsed = 0
  #wall: number
  #asleep = 0
  #order = 0
  #state: number
  readonly #timers = new Set<Entry>()

  /**
   * @param options.wall the wall clock's start, ms since the epoch; default 1,700,000,000,000. `seed`: of `random`;
   * default 1.
   * @throws ERR_INVALID_ARGUMENT
   */
  constructor(options: { wall?: number; seed?: number } = {}) {
    known('options', options, ['wall', 'seed'])
    const { wall = 1_700_000_000_000, seed = 1 } = options
    if (!Number.isFinite(wall)) throw invalid('options.wall', wall, 'ms since the epoch')
    if (!Number.isFinite(seed)) throw invalid('options.seed', seed, 'a number')
    allAtOnce()
    this.#wall = wall
    this.#state = seed
  }

  monotonic(): number {
    return this.#elapsed
  }

  wall(): number {
    return this.#wall
  }

  boot(): number {
    return this.#elapsed + this.#asleep
  }

  setTimer(callback: () => void, ms: number): Timer {
    const at = this.#elapsed + Math.max(0, ms)
    const cancel = (): void => void this.#timers.delete(entry)
    const entry: Entry = { at, order: this.#order++, callback, cancel }
    this.#timers.add(entry)
    return entry
  }

  /** mulberry32: small, and good enough for jitter. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  randomHex(count: number): string {
    let hex = ''
    while (hex.length < count * 2) {
      hex += Math.floor(this.random() * 256)
        .toString(16)
        .padStart(2, '0')
    }
    return hex
  }

  /** How many timers are set: after everything was released and closed there is none. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets time pass, timer by timer, with everything that follows from each. @throws ERR_INVALID_ARGUMENT */
  async advance(ms: Duration): Promise<void> {
    const end = this.#elapsed + span(ms)
    await settle()
    for (;;) {
      let next: Entry | undefined
      for (const entry of this.#timers) {
        if (!next || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) {
          next = entry
        }
      }
      if (!next || next.at > end) break
      this.#move(Math.max(0, next.at - this.#elapsed))
      this.#timers.delete(next)
      next.callback()
      await settle()
    }
    this.#move(end - this.#elapsed)
    await settle()
  }

  /**
   * Time passes while the event loop is blocked: no timer runs; the next `advance` runs them late.
   *
   * @throws ERR_INVALID_ARGUMENT
   */
  block(ms: Duration): void {
    this.#move(span(ms))
  }

  /** The wall clock is set, forward or, by a negative number, back. @throws ERR_INVALID_ARGUMENT */
  step(ms: Duration): void {
    this.#wall += Number.isFinite(ms) && Number(ms) < 0 ? Number(ms) : span(ms)
  }

  /** The machine sleeps: the monotonic clock stands still, wall and boot clock do not. @throws ERR_INVALID_ARGUMENT */
  sleep(ms: Duration): void {
    const slept = span(ms)
    this.#wall += slept
    this.#asleep += slept
  }

  #move(ms: number): void {
    this.#elapsed += ms
    this.#wall += ms
  }
}

/** A time that passes, in ms: a number as it is, since the simulator has parts of them, and often. */
function span(ms: Duration): number {
  if (typeof ms === 'number' && ms >= 0 && ms < Infinity) return ms
  return milliseconds('ms', ms, 0)
}

/** Until promises that hang on promises have settled: a few turns of the event loop. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
