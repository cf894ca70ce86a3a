import { inOurWords, refusedInOurWords } from './said.js'

/**
 * What `holdfast` exits with, where it is not the command's own code: of sysexits.h and of coreutils'
 * `timeout`. A command that a signal ended gives 128 and the signal's number.
 */
export const EXIT = {
  /** A mistake on the command line. */
  usage: 64,
  /** No server can be reached, or those that can refuse: rights, a key of another type, no quorum. */
  unavailable: 69,
  /** The lock is held by somebody else. */
  notAcquired: 75,
  /** The lease was lost, or `--max-hold` passed; the command was stopped. */
  lost: 124,
  /** A mistake of this program. */
  internal: 125,
  /** The command cannot be executed. */
  cannotExecute: 126,
  /** There is no such command. */
  notFound: 127,
} as const

/** What a reason line says beside its reason, code and message. */
export type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>

/** An end with a code and a reason, of which one line is printed. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number
  readonly reason: string
  readonly facts: Facts

  constructor(code: number, reason: string, message: string, facts: Facts = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.facts = facts
  }
}

/** An end without a word: it was said before, or there is nothing to say. */
export class Silent extends Error {
  readonly code: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

/** For a command line that cannot be right. */
export function usage(message: string): Exit {
  return new Exit(EXIT.usage, 'usage', message)
}

const CODES: Readonly<Record<string, readonly [code: number, reason: string]>> = {
  ERR_TAKEN: [EXIT.notAcquired, 'taken'],
  ERR_TIMEOUT: [EXIT.notAcquired, 'timeout'],
  ERR_DEADLOCK: [EXIT.notAcquired, 'deadlock'],
  ERR_LOST: [EXIT.lost, 'lost'],
  ERR_UNAVAILABLE: [EXIT.unavailable, 'unavailable'],
  ERR_NO_QUORUM: [EXIT.unavailable, 'no-quorum'],
  ERR_CONFIG: [EXIT.unavailable, 'config'],
  ERR_INVALID_ARGUMENT: [EXIT.usage, 'usage'],
}

/** Which option is missing, where the server is of another kind than it was taken for, or the programs have one. */
const HINTS: readonly (readonly [said: RegExp, hint: string])[] = [
  [/\bMOVED \d+ /, '; here: --cluster'],
  [/unknown command .?evalsha/i, '; of a Sentinel: --sentinel <primary>'],
  [
    /the epoch of this node is \d+, and not/,
    '; give that of the programs: --epoch or HOLDFAST_EPOCH',
  ],
  [
    /the quarantine of this node is \d+ ms, and not/,
    '; give that of the programs: --quarantine or HOLDFAST_QUARANTINE',
  ],
]

/** The end that an error means. Told by its code: a class may come in two copies. */
export function exitOf(error: unknown): Exit | Silent {
  if (error instanceof Exit || error instanceof Silent) return error
  const { code, message, lock, reason, remaining, holder } = error as Partial<FailedCall>
  const known = typeof code === 'string' ? CODES[code] : undefined
  if (known === undefined) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return new Exit(EXIT.internal, 'internal', text)
  }
  const hint = HINTS.find(([said]) => said.test(message ?? ''))?.[1] ?? ''
  const words = known[1] === 'usage' ? refusedInOurWords : inOurWords
  return new Exit(known[0], known[1], `${words(message ?? '')}${hint}`, {
    name: lock,
    ...(known[1] === 'lost' ? { cause: reason } : {}),
    ...(remaining === undefined ? {} : { remaining }),
    ...(holder
      ? { owner: holder.owner, label: holder.label, host: holder.host, pid: holder.pid }
      : {}),
  })
}

/** What is read of a HoldfastError. */
interface FailedCall {
  readonly code: string
  readonly message: string
  readonly lock?: string
  readonly reason?: string
  readonly remaining?: number | null
  readonly holder?: {
    readonly owner: string | null
    readonly label?: string
    readonly host?: string
    readonly pid?: number
  } | null
}
