import { milliseconds, type Duration } from '../base/duration.js'
import { invalid } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { isWellFormed } from '../kernel/names.js'
import { MOST_LIMIT } from '../kernel/protocol.js'
import type { HistoryOption, Recorded } from './history-options.js'

/** Options of a call. */
export interface AcquireOptions {
  /** How long to wait, from the call on. Default 10 s; 0 is one try; Infinity must be asked for. */
  readonly wait?: Duration | undefined
  /** Ends the wait: the call rejects with `signal.reason`, and its place in line is given up. */
  readonly signal?: AbortSignal | undefined
  /** The lease asked for. Default 10 s; at least 300 ms with renewal, 50 ms without. */
  readonly ttl?: Duration | undefined
}

/** What to do when calls wait in a circle, each for what another one of them holds. */
export type OnDeadlock = 'break' | 'report' | 'off'

/** Options of a lock. */
export interface LockOptions extends AcquireOptions {
  /** Whether the lease is renewed at a third of it until the release. Default true. */
  readonly renew?: boolean | undefined
  /** From the grant on: then the signal aborts and the lock is released. Default none. */
  readonly maxHold?: Duration | undefined
  /**
   * From the grant on: if it is held for longer, `holdfast:long-hold` is published, once. Nothing else
   * happens. Default that of the Holdfast; of an election, none.
   */
  readonly expectedHold?: Duration | undefined
  /**
   * From the grant on: a release before that time is done at once, but the server keeps the name from
   * others until then, even if this process ends. A process that dies before it releases keeps the name
   * until its lease ends and no longer, so the `ttl` is the limit then. Default 0.
   */
  readonly holdAtLeast?: Duration | undefined
  /**
   * After an involuntary loss (the lease ran out, the process died, `maxHold` passed) nobody else gets
   * the name for so long, so that requests of the old holder that are under way can arrive first. The
   * server keeps it for so long beyond the lease, which `inspect` shows. A release, `close` and
   * `forceRelease` do not wait. Default 0.
   */
  readonly lockDelay?: Duration | undefined
  /**
   * How long before its deadline a lease counts as lost. Default max(50 ms, 5 % of the lease), at
   * most a quarter of the lease.
   */
  readonly margin?: Duration | undefined
  /** The first lease of a grant that is pushed to a waiter. Default 2 s, at most the ttl. */
  readonly claim?: Duration | undefined
  /** Shown to whoever inspects the name or is refused. At most 256 characters. */
  readonly label?: string | undefined
  /** Of waits for this lock; as for the whole Holdfast, whose setting is the default. */
  readonly deadlock?: OnDeadlock | undefined
}

/** How a lock is handed on in one process. */
export interface HandoverOptions {
  /**
   * How often, for one grant of the server, who releases may hand the lock to the next exclusive call of
   * the same Holdfast without asking the server. Then it goes to whoever waits elsewhere, and these calls
   * are behind them. 0: never, so that all wait in one order, first come, first served. Default 16; at
   * most 63, on a quorum 31. Never where `renew` is false, `holdAtLeast` is set, or the call holds
   * another lock.
   */
  readonly localHandovers?: number | undefined
  /** For how long after a grant of the server that may be done. Default the `ttl`. */
  readonly localHandoverMs?: Duration | undefined
  /**
   * For how long this process keeps the lock when it is released and nobody waits: then the next call takes
   * it without asking the server. Whoever wants it elsewhere makes this process give it back, by a
   * message; but a single try there is refused. At most 1 s, and never longer than the lease; not on a
   * quorum. Default 0. A release says `released: true` all the same.
   */
  readonly linger?: Duration | undefined
}

/** Options of a lock that is taken over: it never waits. Nothing of them is carried over. */
export type TakeOverOptions = Omit<LockOptions, 'wait' | 'signal' | 'claim' | 'deadlock'>

/** Options of a call of a semaphore. */
export interface PermitOptions extends AcquireOptions {
  /** How many permits, all or none. Default 1; at most `limit`, and at most 1000. */
  readonly permits?: number | undefined
}

/** Options of a semaphore. */
export interface SemaphoreOptions extends LockOptions, Recorded {
  /** How many permits there are in all: 1 to 1,000,000. The same for all who use it at one time. */
  readonly limit: number
}

/** Options of a mutex. */
export interface MutexOptions extends LockOptions, HandoverOptions, Recorded {
  /**
   * Whether who holds the lock may take it again: a `use` inside of a `use`, and an `acquire` by the
   * same `owner`. Default false: then a `use` inside of a `use` is ERR_DEADLOCK.
   */
  readonly reentrant?: boolean | undefined
}

/** Options of a read/write lock; the hand-over is that of its writers. */
export interface ReadWriteOptions extends LockOptions, HandoverOptions, Recorded {}

/** Options of an election. */
export interface ElectionOptions extends LockOptions, Recorded {}

/** Options of a Holdfast. */
export interface HoldfastOptions {
  /** Put before every name to make its key. Default `lock:`; may be empty. */
  readonly prefix?: string | undefined
  /** The error of clock rates allowed for, as a part: 0.01 is the default. 2 ms are added. */
  readonly drift?: number | undefined
  /** Time limit of one command. Default a tenth of the ttl, between 50 and 500 ms. */
  readonly nodeTimeout?: Duration | undefined
  /** The label of locks that have none of their own. */
  readonly label?: string | undefined
  /** Of locks that have none of their own, but elections. Default none. */
  readonly expectedHold?: Duration | undefined
  /**
   * Whether to look, once and after the first grant, if the server may evict locks (a
   * `maxmemory-policy` other than `noeviction`), and to warn of it. Default true. It costs one
   * command for each process and server.
   */
  readonly checkEviction?: boolean | undefined
  /**
   * When calls wait in a circle, each for what another one of them holds: `break` (the default) ends
   * the one that came last, by ERR_DEADLOCK; `report` only publishes `holdfast:deadlock`; `off` neither
   * looks for circles nor tells others what they need to find one.
   */
  readonly deadlock?: OnDeadlock | undefined
  /**
   * When the release of a lock is forced (`forceRelease` without `now`): `release` (the default) gives it away as
   * soon as this process hears of it, and its `signal` aborts; `keep` leaves it until its lease ends, which is not
   * renewed any more, or until `Holdfast.release(name, owner)`: for who has to end first what it does.
   */
  readonly forced?: 'release' | 'keep' | undefined
  /** Of mutexes and writers that have no setting of their own: see there. Default 16. */
  readonly localHandovers?: number | undefined
  /**
   * Of several servers, or with `strictFailover`: for how long a server that lost its memory, or was
   * restarted, grants nothing, so that no lease that it forgot can live. Default 60 s. No `ttl` may be
   * longer. The same for all who use these servers. 0: never, for tests: then a restart may break the
   * promise of exclusion.
   */
  readonly quarantine?: Duration | undefined
  /**
   * Of several servers, or with `strictFailover`: which version of the set of servers this is; a larger
   * one shuts out whoever has a smaller one, and begins with a quarantine. Default 0. See
   * docs/operations.md, changing the servers.
   */
  readonly epoch?: number | undefined
  /**
   * Of one server with replicas: whether a failover (any other run of the server) begins with a
   * quarantine, so that leases of the old primary have ended before the new one grants. Default false.
   * docs/guarantees.md says what the servers have to be set to.
   */
  readonly strictFailover?: boolean | undefined
  /**
   * How many replicas must have acknowledged a grant, or a renewal, before it counts: then it survives the
   * failover to one of those. By a `WAIT` behind each request, on one more connection. Of one server
   * with replicas, which may be found by Sentinel. Default 0: nothing is waited for.
   */
  readonly replicas?: number | undefined
  /**
   * Whether a history of this prefix is kept on the server (granted, waited, released, lost, by whom), and an
   * index of the names that are held or waited for, with which `list` needs no SCAN. One command for all that
   * happens in a tenth of a second, beside the locks; they never depend on it. Default false. All who use
   * the prefix should have the same.
   */
  readonly history?: HistoryOption | undefined
  /** Clocks, timers and randomness, for tests. */
  readonly runtime?: Runtime | undefined
}

/** One more is the token of the grant itself. */
const MOST_HANDOVERS = 63
const TRY = ['signal', 'ttl'] as const
const CALL = ['wait', ...TRY] as const
const OWN = [
  'renew',
  'maxHold',
  'holdAtLeast',
  'lockDelay',
  'margin',
  'label',
  'expectedHold',
] as const
const LOCK = [...CALL, ...OWN, 'claim', 'deadlock'] as const
/** Of a lock that one call of a process can hand to the next. */
export const HANDOVER = ['localHandovers', 'localHandoverMs', 'linger'] as const
const HOLDFAST = [
  'prefix',
  'drift',
  'nodeTimeout',
  'label',
  'expectedHold',
  'checkEviction',
  'deadlock',
  'forced',
  'localHandovers',
  'quarantine',
  'epoch',
  'strictFailover',
  'replicas',
  'history',
  'runtime',
] as const
const DEADLOCK: readonly unknown[] = ['break', 'report', 'off']
const RUNTIME = ['monotonic', 'wall', 'boot', 'setTimer', 'random', 'randomHex'] as const
const MOST_REPLICAS = 1000

/**
 * Refuses what is no option: a misspelt `ttl` must not become a default in silence. Nor must a signal,
 * its controller or a promise that stands where the options do: none has a key of its own.
 *
 * @throws ERR_INVALID_ARGUMENT
 */
export function known(what: string, options: unknown, names: readonly string[]): void {
  const all = names.join(', ')
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw invalid(what, options, `an object of options (${all})`)
  }
  for (const key of Object.keys(options as object)) {
    if (names.includes(key)) continue
    const where = placeOf(key, names)
    const hint = where === undefined ? '' : ` (${key} is an option of ${where})`
    throw invalid(`${what}.${key}`, key, `one of ${all}${hint}`)
  }
}

const ELSEWHERE: Readonly<Record<string, string>> = {
  history: 'new Holdfast(), mutex(), readWrite(), semaphore() and election()',
  limit: 'semaphore()',
  localHandovers: 'mutex(), readWrite() and new Holdfast()',
  localHandoverMs: 'mutex() and readWrite()',
  linger: 'mutex() and readWrite()',
  owner: 'acquire() and tryAcquire()',
  permits: 'each call of a semaphore',
  reentrant: 'mutex()',
}

/** Where an option belongs that is none here; undefined if there is none of the name, or it is no use. */
function placeOf(key: string, names: readonly string[]): string | undefined {
  if (Object.hasOwn(ELSEWHERE, key)) return ELSEWHERE[key]
  const lock: readonly string[] = key === 'wait' ? [] : LOCK
  if (lock.includes(key) && !names.includes('renew')) return 'the lock, where it is made'
  const holdfast: readonly string[] = HOLDFAST
  return holdfast.includes(key) && !names.includes('prefix') ? 'new Holdfast()' : undefined
}

/** The same of one in memory, which calls its runtime a clock. @throws ERR_INVALID_ARGUMENT */
export function checkInMemory(
  options: Omit<HoldfastOptions, 'runtime'> & { clock?: unknown },
): void {
  checkAll(options, 'clock', options?.clock)
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkAll(
  options: HoldfastOptions,
  clock: 'runtime' | 'clock',
  runtime: unknown,
): void {
  known('options', options, [...HOLDFAST.slice(0, -1), clock])
  const { prefix, drift, nodeTimeout, label, checkEviction = true } = options
  // The server would see U+FFFD for a lone surrogate: two prefixes would share their locks.
  if (prefix !== undefined && !(typeof prefix === 'string' && isWellFormed(prefix))) {
    throw invalid('options.prefix', prefix, 'a string without lone surrogates')
  }
  const runs = runtime as Partial<Runtime> | null | undefined
  if (runs !== undefined && !RUNTIME.every((has) => typeof runs?.[has] === 'function')) {
    throw invalid(`options.${clock}`, runtime, `an object with ${RUNTIME.join(', ')}`)
  }
  if (drift !== undefined && !(typeof drift === 'number' && drift >= 0 && drift < 0.5)) {
    throw invalid('options.drift', drift, 'a number from 0 to below 0.5')
  }
  if (nodeTimeout !== undefined) milliseconds('options.nodeTimeout', nodeTimeout, 1)
  if (typeof checkEviction !== 'boolean') {
    throw invalid('options.checkEviction', checkEviction, 'true or false')
  }
  const { replicas = 0 } = options
  if (!(Number.isInteger(replicas) && replicas >= 0 && replicas <= MOST_REPLICAS)) {
    throw invalid('options.replicas', replicas, `a whole number from 0 to ${MOST_REPLICAS}`)
  }
  const { expectedHold } = options
  if (expectedHold !== undefined) milliseconds('options.expectedHold', expectedHold, 1, true)
  checkLabel(label)
  checkDeadlock(options.deadlock)
  const { forced = 'release' } = options
  if (forced !== 'release' && forced !== 'keep') {
    throw invalid('options.forced', forced, "'release' or 'keep'")
  }
  checkHandovers(options.localHandovers)
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkHandovers(localHandovers: unknown): void {
  const most = MOST_HANDOVERS
  if (localHandovers === undefined) return
  if (
    Number.isInteger(localHandovers) &&
    Number(localHandovers) >= 0 &&
    Number(localHandovers) <= most
  )
    return
  throw invalid('options.localHandovers', localHandovers, `a whole number from 0 to ${most}`)
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkDeadlock(deadlock: unknown): void {
  if (deadlock === undefined || DEADLOCK.includes(deadlock)) return
  throw invalid('options.deadlock', deadlock, "'break', 'report' or 'off'")
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkLabel(label: unknown): void {
  if (label === undefined || (typeof label === 'string' && label.length <= 256)) return
  throw invalid('options.label', label, 'a string of at most 256 characters')
}

/** Checks the options of a lock, at the call that makes it. @throws ERR_INVALID_ARGUMENT */
export function checkLock(options: LockOptions, more: readonly string[] = []): void {
  known('options', options, [...LOCK, ...more])
}

/** The same for locks whose calls alone say how long they wait. @throws ERR_INVALID_ARGUMENT */
export function checkLockManager(options: LockOptions): void {
  const names = LOCK.filter((name) => name !== 'wait' && name !== 'signal')
  known('options', options, names)
}

/** Checks the options of a semaphore, at the call that makes it. @throws ERR_INVALID_ARGUMENT */
export function checkSemaphore(options: SemaphoreOptions): void {
  known('options', options, [...LOCK, 'limit', 'history'])
  checkLimit('options.limit', options.limit)
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkLimit(what: string, limit: unknown): void {
  if (Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= MOST_LIMIT) return
  throw invalid(what, limit, `a whole number from 1 to ${MOST_LIMIT}`)
}

/** Checks the options of a call. @throws ERR_INVALID_ARGUMENT */
export function checkCall(options: PermitOptions, permits: boolean): void {
  ownerless(options)
  known('options', options, permits ? [...CALL, 'permits'] : CALL)
}

/** The same for a call that never waits, where a `wait` would be ignored in silence. */
export function checkTry(options: Omit<PermitOptions, 'wait'>, permits: boolean): void {
  ownerless(options)
  known('options', options, permits ? [...TRY, 'permits'] : TRY)
}

/** A `use` has its context; what an owner holds must not be passed over. */
function ownerless(options: AcquireOptions & { readonly owner?: unknown }): void {
  if (typeof options !== 'object' || options === null || !('owner' in options)) return
  const expected = 'none here: acquire and tryAcquire take one'
  throw invalid('options.owner', options.owner, expected)
}

/** Checks options that are a signal alone. @throws ERR_INVALID_ARGUMENT */
export function checkSignal(options: {
  signal?: AbortSignal | undefined
}): AbortSignal | undefined {
  known('options', options, ['signal'])
  return aSignal(options.signal)
}

// By shape: test runners and frames have an AbortSignal class of their own.
/** @throws ERR_INVALID_ARGUMENT */
export function aSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || typeof signal?.addEventListener === 'function') return signal
  throw invalid('options.signal', signal, 'an AbortSignal')
}

/** Checks the options of takeOver. @throws ERR_INVALID_ARGUMENT */
export function checkTakeOver(options: TakeOverOptions): void {
  known('options', options, ['ttl', ...OWN])
}

/** Checks the options of forceRelease. @throws ERR_INVALID_ARGUMENT */
export function checkForce(options: { now?: boolean }): void {
  known('options', options, ['now'])
  const { now = false } = options
  if (typeof now !== 'boolean') throw invalid('options.now', now, 'true or false')
}
