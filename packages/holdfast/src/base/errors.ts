/** The codes of every error that Holdfast throws. Compare `error.code`; `instanceof` is never needed. */
export type ErrorCode =
  /** The name is held by somebody else, and the call was not to wait (`wait: 0`). */
  | 'ERR_TAKEN'
  /** The wait limit passed while others held the name. */
  | 'ERR_TIMEOUT'
  /** The call would wait for itself, or waited in a circle with others and was the last to come. */
  | 'ERR_DEADLOCK'
  /** The lease was lost, or is about to end and can no longer be proved. */
  | 'ERR_LOST'
  /** The server could not be reached, or did not answer in time. */
  | 'ERR_UNAVAILABLE'
  /** Of several servers so few could be used that no majority can answer; `nodes` says why. */
  | 'ERR_NO_QUORUM'
  /** Somebody asked the holder to let go: the reason of `lock.revoked`, never thrown by itself. */
  | 'ERR_REVOKED'
  /** A resource refused a fencing token: a later one was there (`holdfast/fencing`). */
  | 'ERR_FENCED'
  /** `close()` was called on this Holdfast. */
  | 'ERR_CLOSED'
  /** A set-up that cannot work: a wrong client, missing rights, a key of another type, a cluster slot. */
  | 'ERR_CONFIG'
  /** An argument or option that cannot be right; `given` and `expected` say which and why. */
  | 'ERR_INVALID_ARGUMENT'

/** Who holds a name, as far as the server knows. Only `mode` is always there. */
export interface Holder {
  /** `foreign` is a holder of another library on the same key. */
  readonly mode: 'exclusive' | 'shared' | 'permits' | 'foreign'
  /** The owner id: one for each acquisition. It is no secret. Null for a foreign holder. */
  readonly owner: string | null
  /** The `label` of its lock or Holdfast. */
  readonly label?: string
  /** The name of its machine. */
  readonly host?: string
  /** Its process on that machine. */
  readonly pid?: number
  /** The W3C `traceparent` of the call that took it, if a tracer told one (`holdfast/otel`). */
  readonly trace?: string
  /** It leads an election, or stands for it. */
  readonly election?: true
}

/** Who asked a holder to let go, and why, as far as that was said. */
export interface Revoker {
  readonly label?: string
  readonly reason?: string
  readonly host?: string
  readonly pid?: number
}

/** One of those who wait in a circle: what it holds, and what it waits for meanwhile. */
export interface DeadlockLink extends Omit<Holder, 'mode' | 'owner'> {
  /** The name that it holds; with its prefix where that is not ours. */
  readonly name: string
  readonly mode: 'exclusive' | 'shared' | 'permits'
  /** The owner id that holds it. */
  readonly owner: string
  /** Since the grant, ms. */
  readonly heldFor: number
  /** What its `use`, or its owner, waits for: the name that the next in the circle holds. */
  readonly waitsFor: {
    readonly name: string
    readonly mode: 'exclusive' | 'shared' | 'permits'
    /** The owner id that stands in line. */
    readonly owner: string
    /** ms. */
    readonly waitedFor: number
  }
}

/** Why one of several servers could not be used. */
export interface NodeTrouble {
  /** Which one, counted from 1 in the order in which the clients were given, and what is known of it. */
  readonly node: string
  /** What went wrong there: its error, in words. */
  readonly reason: string
  readonly code: ErrorCode
}

/** The facts that an error carries beside its message. Which are present depends on the code. */
export interface ErrorFacts {
  /** The lock that it is about. */
  readonly lock?: string
  /** ERR_TAKEN, ERR_TIMEOUT: who held the name when the server last said so; null if unknown. */
  readonly holder?: Holder | null
  /** ERR_TAKEN, ERR_TIMEOUT: milliseconds that this holder's lease had left; null without one. */
  readonly remaining?: number | null
  /** ERR_DEADLOCK, at once: for how many ms the `use` around the call, or its owner, has held the name. */
  readonly held?: number
  /** ERR_DEADLOCK, after a wait: who waits in the circle. The last one waits for the first. */
  readonly cycle?: readonly DeadlockLink[]
  /** ERR_NO_QUORUM: what each server that could not be used said. */
  readonly nodes?: readonly NodeTrouble[]
  /** ERR_LOST: what ended the lease. */
  readonly reason?: LossReason
  /** ERR_REVOKED: who asked, and why, as far as it was said. */
  readonly by?: Revoker
  /** ERR_LOST from `use`: what the function returned all the same. */
  readonly result?: unknown
  /** ERR_FENCED: the highest token that has claimed the resource, and stands. */
  readonly stands?: number
  /** ERR_INVALID_ARGUMENT: what was given. ERR_FENCED: the token that was refused. */
  readonly given?: unknown
  /** ERR_INVALID_ARGUMENT: what would be right. */
  readonly expected?: string
}

/**
 * Why a lease ended before its release: `expired` (its time ran out unproved), `gone` (the server
 * says that it is not ours), `forced` (somebody called `forceRelease`), `max-hold` (the `maxHold`
 * of this lock passed), `closed` (`close()` of this Holdfast).
 */
export type LossReason = 'expired' | 'gone' | 'forced' | 'max-hold' | 'closed'

/** Every error that Holdfast throws: a `code`, a message for people, and the facts as fields. */
export class HoldfastError extends Error implements ErrorFacts {
  /** What it is; all that a program has to compare. */
  readonly code: ErrorCode
  declare readonly lock?: string
  declare readonly nodes?: readonly NodeTrouble[]
  declare readonly holder?: Holder | null
  declare readonly remaining?: number | null
  declare readonly held?: number
  declare readonly cycle?: readonly DeadlockLink[]
  declare readonly reason?: LossReason
  declare readonly by?: Revoker
  declare readonly result?: unknown
  declare readonly stands?: number
  declare readonly given?: unknown
  declare readonly expected?: string

  constructor(code: ErrorCode, message: string, facts: ErrorFacts & { cause?: unknown } = {}) {
    const { cause, ...rest } = facts
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'HoldfastError'
    this.code = code
    Object.assign(this, rest)
  }
}

/** Who that is, for people: its label and process, as far as they are known; else its owner id. */
export function who({ label, host, pid, owner }: Omit<Holder, 'mode'>): string {
  const where = host === undefined ? owner : `${host}:${pid}`
  return label === undefined ? String(where) : `${label} (${where})`
}

/** Shows a value in an error message: short, and never throwing. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value)
      ? `an array of ${value.length}`
      : `an object (${value.constructor?.name ?? 'no class'})`
  }
  return String(value)
}

/** An argument that cannot be right: what was given, and what is expected. */
export function invalid(what: string, given: unknown, expected: string): HoldfastError {
  const message = `${what}: expected ${expected}, but got ${show(given)}`
  const error = new HoldfastError('ERR_INVALID_ARGUMENT', message, { expected })
  // Printed with the error, a client that was given by mistake would show its password.
  const enumerable = typeof given !== 'object' || given === null
  return Object.defineProperty(error, 'given', { value: given, enumerable })
}
