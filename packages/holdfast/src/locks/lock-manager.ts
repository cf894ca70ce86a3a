import { HoldfastError, type Holder } from '../base/errors.js'
import type { HeldBy, WaitingFor } from './inspect.js'
import { checkName } from '../kernel/names.js'
import { wishOf } from '../line/wish.js'
import { holdsHere, Scope } from './context.js'
import type { Engine } from './engine.js'
import { force, inspect } from './inspect.js'
import { list } from './list.js'
import type { Lock } from './lock.js'
import type { HandoverOptions, LockOptions } from './options.js'
import { Taker } from './taker.js'

/** Of every runtime that Holdfast runs on; the types of Node leave it out. */
declare const DOMException: new (message: string, name: string) => Error

/** Exclusive: one holder, and nobody beside it. Shared: many, and no exclusive one. */
export type LockManagerMode = 'exclusive' | 'shared'

/** Options of `LockManager.request`. */
export interface LockRequestOptions {
  /** Default `exclusive`. The two are the sides of the read/write lock of the name. */
  readonly mode?: LockManagerMode | undefined
  /** One try: when it is taken the callback is given null. Default false. */
  readonly ifAvailable?: boolean | undefined
  /**
   * Ends whoever holds the name, and comes before all who wait. Default false. A holder that is ended
   * may not know it yet and still work: only `fence` protects then.
   */
  readonly steal?: boolean | undefined
  /** Ends the wait: rejects with `signal.reason`. Not looked at any more once the lock is granted. */
  readonly signal?: AbortSignal | undefined
}

/** What the callback of `request` is given: what the specification says, and two things of ours. */
export interface GrantedLock {
  readonly name: string
  readonly mode: LockManagerMode
  /** Aborts before the lease can no longer be proved: see `Lock.signal`. */
  readonly signal: AbortSignal
  /** The fencing token: see `Lock.fence`. */
  readonly fence: number
}

/** A holder or a waiter, in what `query` gives. */
export interface LockManagerInfo {
  readonly name: string
  readonly mode: LockManagerMode
  /** One for each Holdfast; missing for a holder of another library. */
  readonly clientId?: string
}

/** What `query` gives. */
export interface LockManagerSnapshot {
  /** At most 100 of each name. */
  readonly held: LockManagerInfo[]
  /** In the order of the line, at most 100 of each name. */
  readonly pending: LockManagerInfo[]
}

type Callback<Given, T> = (lock: Given) => T | Promise<T>

/**
 * Locks in the shape of the Web Locks API, `navigator.locks`: across processes and machines where the
 * browser's are across the tabs of an origin. https://w3c.github.io/web-locks/
 *
 * ```ts
 * const manager = locks.lockManager()
 * await manager.request('invoice:42', async ({ signal, fence }) => { ... })
 * ```
 */
export class LockManager {
  readonly #engine: Engine
  readonly #options: LockOptions & HandoverOptions

  /** @internal */
  constructor(engine: Engine, options: LockOptions) {
    engine.settings(options)
    this.#engine = engine
    // Each request has a place of its own: `query` shows them all.
    this.#options = { ...options, localHandovers: 0 }
  }

  /**
   * Takes the lock, runs the callback, and releases the lock, however the callback ends. Waits without
   * limit, first come, first served.
   *
   * It rejects with an `AbortError` at once when the lock is lost or stolen while the callback runs (an
   * ERR_LOST error, its `cause`, says why): the callback is not stopped, and is to watch `signal`.
   *
   * @returns what the callback gives.
   * @throws the callback's own error; `signal.reason` when aborted. DOMExceptions: `AbortError`;
   * `NotSupportedError` for options that exclude each other, and for a name that begins with `-` or that
   * no lock can have. TypeError for an argument of a wrong kind, and for an option that does not exist.
   * ERR_DEADLOCK when a callback or `use` around the call holds the lock, and when it was the last of
   * those that wait in a circle; ERR_CONFIG, ERR_CLOSED; ERR_UNAVAILABLE with `ifAvailable` or `steal`.
   */
  request<T>(name: string, callback: Callback<GrantedLock, T>): Promise<T>
  /** The same with options. Without `ifAvailable` the callback always has a lock. */
  request<T>(
    name: string,
    options: LockRequestOptions & { readonly ifAvailable?: false | undefined },
    callback: Callback<GrantedLock, T>,
  ): Promise<T>
  /** The same with options. With `ifAvailable` the callback is given null where the name is taken. */
  request<T>(
    name: string,
    options: LockRequestOptions,
    callback: Callback<GrantedLock | null, T>,
  ): Promise<T>
  async request<T>(...given: readonly unknown[]): Promise<T> {
    const asked = read<T>(given, this.#engine.prefix)
    const lock = await this.#take(asked)
    return lock ? this.#run(lock, asked) : asked.callback(null)
  }

  #take({ name, mode, ifAvailable, steal, signal }: Asked): Promise<Lock | null> {
    if (steal) return this.#steal(name)
    const [how, type] = mode === 'shared' ? (['s', 'read'] as const) : (['x', 'mutex'] as const)
    const taker = new Taker(this.#engine, name, how, this.#options, type)
    return ifAvailable ? taker.tryAcquire() : taker.acquire({ signal, wait: Infinity })
  }

  /**
   * The name is taken from those who hold it when this request stands in line, before all others: so it
   * goes to nobody else, and who comes later is spared. Two who steal at once follow one another.
   */
  async #steal(name: string): Promise<Lock> {
    const engine = this.#engine
    const given = new AbortController()
    let queued = false
    const ahead = (owner: string, holder: Holder | null): void => {
      // Once: those who hold the name when it stands there again came later.
      if (queued) return
      queued = true
      rob(engine, name, owner, holder).catch((error: unknown) => given.abort(error))
    }
    const options = { ...this.#options, wait: Infinity, signal: given.signal }
    const wish = wishOf({ ...engine.settings(options), ahead }, name, 'x', engine.prefix + name)
    return engine.acquire(wish, holdsHere(undefined))
  }

  #run<T>(lock: Lock, { name, mode, callback }: Asked<T>): Promise<T> {
    const place = { engine: this.#engine, name, mode: mode === 'shared' ? 's' : 'x' } as const
    const scope = new Scope({ ...place, reentrant: false }, lock)
    const { signal, fence } = lock
    return new Promise<T>((resolve, reject) => {
      const lost = (): void => reject(aborted(name, signal.reason))
      if (signal.aborted) lost()
      signal.addEventListener('abort', lost, { once: true })
      scope.run(() => callback({ name, mode, signal, fence })).then(resolve, reject)
    })
  }

  /**
   * Who holds and who waits, of all names under the prefix that somebody holds, whatever they were taken
   * by. A name that is only waited for (for the moment between the end of a lease and the next grant) is
   * missing; holders of permits are `shared`, one of another library is `exclusive`. By a SCAN in steps,
   * and one question for each name: for people, not for programs that run often.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
   */
  async query(): Promise<LockManagerSnapshot> {
    const held: LockManagerInfo[] = []
    const pending: LockManagerInfo[] = []
    for await (const { name, holders, waiters } of list(this.#engine, '*', { from: 'scan' })) {
      held.push(...holders.map((one) => infoOf(name, one)))
      pending.push(...waiters.map((one) => infoOf(name, one)))
    }
    return { held, pending }
  }
}

/**
 * Ends the holders of a name, while this owner waits for it: then none of them is this owner.
 *
 * @param was who held it when this owner came to stand in line.
 */
async function rob(engine: Engine, name: string, owner: string, was: Holder | null): Promise<void> {
  const state = await inspect(engine, name)
  if (!state.waiters.some((one) => one.owner === owner)) return
  // Only another one that steals comes before this one: it is followed, and not ended.
  const later = ({ mode, owner: now }: HeldBy): boolean =>
    mode === 'exclusive' && now !== was?.owner
  if (!state.holders.some(later)) await force(engine, state, true)
}

function infoOf(name: string, { mode, owner }: HeldBy | WaitingFor): LockManagerInfo {
  const side = mode === 'exclusive' || mode === 'foreign' ? 'exclusive' : 'shared'
  return { name, mode: side, ...(owner === null ? {} : { clientId: owner.split('.')[0]! }) }
}

/** The arguments of a request. */
interface Asked<T = unknown> {
  readonly name: string
  readonly mode: LockManagerMode
  readonly ifAvailable: boolean
  readonly steal: boolean
  readonly signal: AbortSignal | undefined
  readonly callback: Callback<GrantedLock | null, T>
}

const OPTIONS = ['mode', 'ifAvailable', 'steal', 'signal']

/** Reads the arguments, and refuses them as the specification does, in its order. */
function read<T>(given: readonly unknown[], prefix: string): Asked<T> {
  const [name, second, third] = given
  if (given.length < 2) throw new TypeError('request needs a name and a callback')
  const [options, callback] = given.length === 2 ? [{}, second] : [second ?? {}, third]
  if (typeof name !== 'string') throw new TypeError('the name is not a string')
  if (typeof callback !== 'function') throw new TypeError('the callback is not a function')
  if (typeof options !== 'object') throw new TypeError('the options are not an object')
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key)) {
      throw new TypeError(`there is no option ${JSON.stringify(key)}, but ${OPTIONS.join(', ')}`)
    }
  }
  const { mode = 'exclusive', ifAvailable, steal, signal } = options as LockRequestOptions
  if (mode !== 'exclusive' && mode !== 'shared') {
    throw new TypeError(`the mode is ${String(mode)}, and not "exclusive" or "shared"`)
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError('the signal is not an AbortSignal')
  }
  if (name.startsWith('-')) throw unsupported('a name may not begin with "-"')
  if (steal && ifAvailable) throw unsupported('steal and ifAvailable exclude each other')
  if (steal && mode === 'shared') throw unsupported('only an exclusive lock can be stolen')
  if (signal && (steal || ifAvailable)) {
    throw unsupported('a signal ends a wait, and there is none with steal or ifAvailable')
  }
  try {
    checkName(name, prefix)
  } catch (cause) {
    throw unsupported((cause as HoldfastError).message, cause)
  }
  const once = { ifAvailable: !!ifAvailable, steal: !!steal }
  return { name, mode, ...once, signal, callback: callback as Asked<T>['callback'] }
}

function exception(name: string, message: string, cause: unknown): Error {
  // Not every runtime takes it as an argument.
  return Object.defineProperty(new DOMException(message, name), 'cause', { value: cause })
}

function unsupported(message: string, cause?: unknown): Error {
  return exception('NotSupportedError', message, cause)
}

function aborted(name: string, cause: unknown): Error {
  const why =
    cause instanceof HoldfastError ? cause.message : `the lock ${JSON.stringify(name)} was lost`
  return exception('AbortError', why, cause)
}
