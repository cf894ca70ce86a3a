import type { Duration } from '../base/duration.js'
import { invalid } from '../base/errors.js'
import type { Engine } from './engine.js'
import type { Lock, ReleaseResult } from './lock.js'
import { Mutex } from './mutex.js'
import { LaterObservation } from './observe-later.js'
import type { Leader } from './observe.js'
import { checkCall, checkSignal, type AcquireOptions, type LockOptions } from './options.js'

// An announcement that failed is sent again, for the observers of a leader who stays.
const RETRY_MS = 1000
const TRIES = 5
// Whose function returns at once does not ask for the servers to be asked as often as they can answer.
const SHORTEST_REIGN_MS = 100

/** What the function of `lead` is given. */
export interface LeadContext {
  /** Aborts when leadership is lost, or when the signal given to `lead` does. */
  readonly signal: AbortSignal
  /** The fencing token of this leadership. */
  readonly fence: number
  /** Aborts when somebody asks this leader to let go: see `Holdfast.revoke`. */
  readonly revoked: AbortSignal
}

/** To be the leader: an exclusive lock, whose changes are told to those who observe. */
export class Leadership implements AsyncDisposable {
  readonly #lock: Lock
  readonly #announce: () => Promise<unknown>
  #resigned: Promise<ReleaseResult> | null = null

  /** For this library only. */
  constructor(lock: Lock, announce: () => Promise<unknown>) {
    this.#lock = lock
    this.#announce = announce
  }

  /** The election's name. */
  get name(): string {
    return this.#lock.name
  }

  /** The owner id of this leadership, as observers and `inspect` show it. */
  get owner(): string {
    return this.#lock.owner
  }

  /** The fencing token: larger than that of every earlier leader. */
  get fence(): number {
    return this.#lock.fence
  }

  /** Aborts before leadership can no longer be proved; not at `resign`. See `Lock.signal`. */
  get signal(): AbortSignal {
    return this.#lock.signal
  }

  /** Aborts when somebody asks the leader to step down. See `Lock.revoked`. */
  get revoked(): AbortSignal {
    return this.#lock.revoked
  }

  /** By the clock, without asking. */
  get isLeader(): boolean {
    return this.#lock.validFor > 0
  }

  /** For how many ms leadership is surely held without another renewal. See `Lock.validFor`. */
  get validFor(): number {
    return this.#lock.validFor
  }

  /**
   * Throws unless this leads, by the clock. Costs nothing: call it before each step.
   *
   * @throws ERR_LOST; also after `resign`.
   */
  assertHeld(): void {
    this.#lock.assertHeld()
  }

  /** Asks the server whether this still leads, and renews. @throws as `Lock.verify`. */
  verify(): Promise<void> {
    return this.#lock.verify()
  }

  /** Sets what the lease has left, and what renewals ask for. @throws as `Lock.extend`. */
  extend(ms: Duration): Promise<void> {
    return this.#lock.extend(ms)
  }

  /**
   * Hands over to the next candidate: one command. Never throws; calling it again gives the same
   * result.
   */
  resign(): Promise<ReleaseResult> {
    this.#resigned ??= this.#resign()
    return this.#resigned
  }

  async #resign(): Promise<ReleaseResult> {
    const result = await this.#lock.release()
    if (result.released) void this.#announce()
    return result
  }

  /** `resign`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign()
  }
}

/**
 * Chooses one leader among many processes: a mutex, whose holder is the leader, whose line are the
 * candidates, and whose changes can be observed.
 */
export class Election {
  /** As it was given, without the prefix. */
  readonly name: string
  readonly #engine: Engine
  readonly #mutex: Mutex
  readonly #key: string
  readonly #wait: LockOptions['wait']
  readonly #timeout: number

  /** For this library only. */
  constructor(engine: Engine, name: string, options: LockOptions) {
    this.name = name
    this.#engine = engine
    this.#mutex = new Mutex(engine, name, { ...options, localHandovers: 0 }, 'leader')
    this.#key = engine.prefix + name
    this.#wait = options.wait ?? Infinity
    this.#timeout = engine.settings(options).timeout
  }

  /**
   * Stands for election, and resolves when elected; waits for as long as it takes unless `wait` says
   * otherwise. An aborted campaign leaves no place in the line.
   *
   * @throws as `acquire` of a mutex; `signal.reason` when aborted.
   */
  async campaign(options: AcquireOptions = {}): Promise<Leadership> {
    // Before they are spread: a signal has no key of its own, and would be ignored in silence.
    checkCall(options, false)
    const { wait = this.#wait } = options
    const lock = await this.#mutex.acquire({ ...options, wait })
    const announce = (): Promise<unknown> => this.#announce()
    void this.#announceElected(lock)
    // A lost leadership was given back a moment ago: observers need not wait for its lease to end.
    // A turn later, because `close` aborts before it releases.
    const lost = (): void => void Promise.resolve().then(announce)
    lock.signal.addEventListener('abort', lost, { once: true })
    return new Leadership(lock, announce)
  }

  /** Tells observers who leads now, whoever it is. @returns whether it was sent. Never throws. */
  #announce(): Promise<boolean> {
    const asked = this.#engine.node.ask('announce', this.#key, this.#timeout, () => [])
    return asked.then(
      ({ verdict }) => verdict[0] === 'announced',
      () => false,
    )
  }

  async #announceElected(lock: Lock, tries = TRIES): Promise<void> {
    if ((await this.#announce()) || tries === 1) return
    await this.#pause(RETRY_MS, false)
    if (lock.validFor > 0) await this.#announceElected(lock, tries - 1)
  }

  /**
   * Campaigns again and again, and runs the function whenever elected, until the signal aborts: then
   * it resolves, after the function has ended. The function should run for as long as it wants to
   * lead; when it returns it resigns, and campaigns anew behind the others, 100 ms after it was elected at
   * the earliest.
   *
   * @throws the function's own error; else as `campaign`. An error that is the reason of the
   * function's own signal is none: it has stopped because it was told to.
   */
  async lead(
    fn: (context: LeadContext) => unknown,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    if (typeof fn !== 'function') throw invalid('fn', fn, 'a function')
    const signal = checkSignal(options)
    while (!signal?.aborted) {
      let leadership: Leadership
      try {
        leadership = await this.campaign({ signal })
      } catch (error) {
        if (signal?.aborted && error === signal.reason) return
        throw error
      }
      const { clock } = this.#engine
      const elected = clock.now()
      await this.#reign(leadership, fn, signal)
      await this.#pause(elected + SHORTEST_REIGN_MS - clock.now(), true, signal)
    }
  }

  /** It ends with the signal, and with this Holdfast. */
  async #pause(ms: number, keepAlive: boolean, signal?: AbortSignal): Promise<void> {
    const { closed, closing, runtime } = this.#engine
    if (ms <= 0 || signal?.aborted || closed) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        closing.delete(end)
        resolve()
      }
      const timer = runtime.setTimer(end, ms, keepAlive)
      signal?.addEventListener('abort', end)
      closing.add(end)
    })
  }

  async #reign(
    leadership: Leadership,
    fn: (context: LeadContext) => unknown,
    outer: AbortSignal | undefined,
  ): Promise<void> {
    const { signal, done } = joined(leadership.signal, outer)
    try {
      const { fence } = leadership
      // Made only where somebody looks.
      await fn({
        signal,
        fence,
        get revoked(): AbortSignal {
          return leadership.revoked
        },
      })
    } catch (error) {
      if (!signal.aborted || !stopped(error, signal.reason)) throw error
    } finally {
      done()
      await leadership.resign()
    }
  }

  /**
   * Who leads: the present leader first (null: nobody), then each change. It ends with `return()`,
   * `break`, the signal, or `close()`, and leaves nothing behind. Changes come by message; when the
   * leader's lease should have ended, as last told, the server is asked.
   *
   * @throws ERR_UNAVAILABLE when the first look or the subscription fails, ERR_CONFIG.
   */
  observe(
    options: { signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<Leader | null> {
    this.#engine.assertOpen()
    return new LaterObservation(this.#engine, this.#key, this.#timeout, checkSignal(options))
  }
}

/** Whether a function that was told to stop ended for that reason. */
function stopped(error: unknown, reason: unknown): boolean {
  return (
    error === reason || (error instanceof Error && error.cause === reason && reason !== undefined)
  )
}

/** A signal that aborts with either, and reads the clock as that of the lease does. */
function joined(
  lease: AbortSignal,
  outer: AbortSignal | undefined,
): { signal: AbortSignal; done: () => void } {
  if (!outer) return { signal: lease, done: () => undefined }
  const controller = new AbortController()
  const { signal } = controller
  const watch = (from: AbortSignal): (() => void) => {
    const pass = (): void => controller.abort(from.reason)
    if (from.aborted) pass()
    else from.addEventListener('abort', pass)
    return () => from.removeEventListener('abort', pass)
  }
  const ends = [watch(lease), watch(outer)]
  // To look at the lease's signal ends a lease that is over, and with it this one.
  const get = (): boolean => lease.aborted || Reflect.get(AbortSignal.prototype, 'aborted', signal)
  Object.defineProperty(signal, 'aborted', { get, configurable: true })
  const throwIfAborted = (): void => {
    if (get()) throw signal.reason
  }
  Object.defineProperty(signal, 'throwIfAborted', { value: throwIfAborted, configurable: true })
  return { signal, done: () => ends.forEach((end) => end()) }
}
