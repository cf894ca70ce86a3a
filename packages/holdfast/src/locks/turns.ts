import { type ErrorFacts, type HoldfastError } from '../base/errors.js'
import { Limit } from '../line/pace.js'
import { refusal } from '../line/refusal.js'
import type { Engine } from './engine.js'
import type { Tenure } from './tenure.js'

/** How long a call is willing to wait here. */
export interface Patience {
  readonly engine: Engine
  readonly name: string
  /** ms from the call on, as it was asked for. */
  readonly wait: number
  /** The local time at which they are over. */
  readonly end: number
  readonly signal: AbortSignal | undefined
}

interface Waiting {
  readonly signal: AbortSignal | undefined
  /** Ends the wait: with the turn, or without and then to look again. */
  resolve(mine: boolean): void
  reject(reason: unknown): void
}

/**
 * One at a time, first come, first served, without the server: for calls that share one owner, whom
 * the server cannot tell apart.
 */
export class Turns {
  #taken = false
  #over = false
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()

  /** Whether nobody has the turn. */
  get idle(): boolean {
    return !this.#taken
  }

  /**
   * Waits for the turn; a free one is the caller's in this very moment, so that it does not lose its
   * place to a call that comes after it.
   *
   * @param tenure whom to name in a refusal; null if that is not known yet.
   * @returns whether the turn is the caller's, who passes it on. If not, things have changed: look again.
   * @throws ERR_TAKEN, ERR_TIMEOUT; `signal.reason`.
   */
  take(patience: Patience, tenure: Tenure | null): boolean | Promise<boolean> {
    if (this.#over) return false
    if (this.#taken) {
      if (patience.wait === 0) throw refused('ERR_TAKEN', patience, tenure)
      return this.#wait(patience, tenure)
    }
    this.#taken = true
    return true
  }

  #wait(patience: Patience, tenure: Tenure | null): Promise<boolean> {
    const { engine, end, signal } = patience
    return new Promise((resolve, reject) => {
      const passed = (): void => waiting.reject(refused('ERR_TIMEOUT', patience, tenure))
      const limit = end === Infinity ? null : new Limit(engine, end, { passed })
      const stop = (): void => {
        limit?.cancel()
        this.#leave(waiting)
      }
      const waiting: Waiting = {
        signal,
        resolve: (mine) => {
          stop()
          resolve(mine)
        },
        reject: (reason) => {
          stop()
          reject(reason as Error)
        },
      }
      this.#waiting.add(waiting)
      // The same listener for all, which counts once for each signal: Node warns of more than ten.
      signal?.addEventListener('abort', this.#aborted)
    })
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting)
    const { signal } = waiting
    if (!signal) return
    for (const other of this.#waiting) if (other.signal === signal) return
    signal.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => {
    for (const waiting of this.#waiting) {
      if (waiting.signal?.aborted) waiting.reject(waiting.signal.reason)
    }
  }

  /** The one who had the turn is done: the next has it. */
  pass(): void {
    const [next] = this.#waiting
    this.#taken = next !== undefined
    next?.resolve(true)
  }

  /** Those who wait look again. */
  stir(): void {
    for (const waiting of this.#waiting) waiting.resolve(false)
  }

  /** Nobody gets the turn any more. */
  close(): void {
    this.#over = true
    this.stir()
  }
}

function refused(
  code: 'ERR_TAKEN' | 'ERR_TIMEOUT',
  patience: Patience,
  tenure: Tenure | null,
): HoldfastError {
  return refusal(code, patience, contention(patience, tenure))
}

function contention({ engine, name }: Patience, tenure: Tenure | null): ErrorFacts {
  if (!tenure) return { lock: name, holder: null, remaining: null }
  const { owner, ends } = tenure.lease
  const remaining = Math.max(0, Math.round(ends - engine.clock.now()))
  return { lock: name, holder: { mode: 'exclusive', owner }, remaining }
}
