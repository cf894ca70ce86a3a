import { HoldfastError, type Holder } from '../base/errors.js'
import { checkName } from '../kernel/names.js'
import { wishOf } from '../line/wish.js'
import { holdsHere, Scope } from './context.js'
import type { Engine } from './engine.js'
import { force, inspect, type HeldBy, type WaitingFor } from './inspect.js'
import { list } from './list.js'
import type {
  GrantedLock,
  LockManagerInfo,
  LockManagerMode,
  LockManagerSnapshot,
  LockRequestOptions,
} from './lock-manager.js'
import type { Lock } from './lock.js'
import type { HandoverOptions, LockOptions } from './options.js'
import { Taker } from './taker.js'

/** Of every runtime that Holdfast runs on; the types of Node leave it out. */
declare const DOMException: new (message: string, name: string) => Error

type Callback<Given, T> = (lock: Given) => T | Promise<T>

/** What a manager takes locks with, and how. */
interface Manager {
  readonly engine: Engine
  readonly options: LockOptions & HandoverOptions
}

/** See LockManager.request. */
export async function request<T>(manager: Manager, given: readonly unknown[]): Promise<T> {
  const { engine } = manager
  const asked = read<T>(given, engine.prefix)
  const lock = await take(manager, asked)
  return lock ? run(engine, lock, asked) : asked.callback(null)
}

function take(
  { engine, options }: Manager,
  { name, mode, ifAvailable, steal, signal }: Asked,
): Promise<Lock | null> {
  if (steal) return stolen({ engine, options }, name)
  const [how, type] = mode === 'shared' ? (['s', 'read'] as const) : (['x', 'mutex'] as const)
  const taker = new Taker(engine, name, how, options, type)
  return ifAvailable ? taker.tryAcquire() : taker.acquire({ signal, wait: Infinity })
}

/**
 * The name is taken from those who hold it when this request stands in line, before all others: so it
 * goes to nobody else, and who comes later is spared. Two who steal at once follow one another.
 */
async function stolen({ engine, options: all }: Manager, name: string): Promise<Lock> {
  const given = new AbortController()
  let queued = false
  const ahead = (owner: string, holder: Holder | null): void => {
    // Once: those who hold the name when it stands there again came later.
    if (queued) return
    queued = true
    rob(engine, name, owner, holder).catch((error: unknown) => given.abort(error))
  }
  const options = { ...all, wait: Infinity, signal: given.signal }
  const wish = wishOf({ ...engine.settings(options), ahead }, name, 'x', engine.prefix + name)
  return engine.acquire(wish, holdsHere(undefined))
}

function run<T>(engine: Engine, lock: Lock, { name, mode, callback }: Asked<T>): Promise<T> {
  const place = { engine, name, mode: mode === 'shared' ? 's' : 'x' } as const
  const scope = new Scope({ ...place, reentrant: false }, lock)
  const { signal, fence } = lock
  return new Promise<T>((resolve, reject) => {
    const lost = (): void => reject(aborted(name, signal.reason))
    if (signal.aborted) lost()
    signal.addEventListener('abort', lost, { once: true })
    scope.run(() => callback({ name, mode, signal, fence })).then(resolve, reject)
  })
}

/** See LockManager.query. */
export async function snapshot(engine: Engine): Promise<LockManagerSnapshot> {
  const held: LockManagerInfo[] = []
  const pending: LockManagerInfo[] = []
  for await (const { name, holders, waiters } of list(engine, '*', { from: 'scan' })) {
    held.push(...holders.map((one) => infoOf(name, one)))
    pending.push(...waiters.map((one) => infoOf(name, one)))
  }
  return { held, pending }
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
