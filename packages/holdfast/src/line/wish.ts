import type { ErrorFacts, Holder } from '../base/errors.js'
import type { Mode } from '../kernel/protocol.js'
import type { Grant, Terms } from '../lease/lease.js'

/** What a call asks for, beside the lease's terms. */
export interface Wish extends Terms {
  readonly claim: number
  /** Of a semaphore: how many permits, of how many in all. */
  readonly permits: number
  readonly limit: number
  /** ms; 0 is one try, Infinity no limit. */
  readonly wait: number
  readonly signal: AbortSignal | undefined
  /** How often a grant may be handed on in this process, and for how long, ms. 0: not at all. */
  readonly localHandovers: number
  readonly localHandoverMs: number
  /** For how long this process keeps a lock when nobody waits, ms; 0: not at all. */
  readonly linger: number
  /** Of one who comes before all others: told of each answer that it stands in line, and who holds. */
  readonly ahead?: (owner: string, holder: Holder | null) => void
  /** The ticket of its place, kept from one wait to the next of the same call; 0: none. */
  readonly place?: { ticket: number }
  /** Who holds the name, if that is known before the server is asked. */
  readonly contention?: ErrorFacts
}

/** Whether the lease of one would do for the other, as it is by now. */
export function sameTerms(one: Wish, other: Wish): boolean {
  return (
    one === other ||
    (one.ttl === other.ttl &&
      one.claim === other.claim &&
      one.lockDelay === other.lockDelay &&
      one.timeout === other.timeout &&
      one.margin === other.margin &&
      one.localHandovers === other.localHandovers &&
      one.localHandoverMs === other.localHandoverMs &&
      one.linger === other.linger &&
      one.info === other.info)
  )
}

/** Several calls for which one asks. */
export interface Group {
  /** When the last of them ends, local time. */
  readonly until: number
  /** How many tokens a grant reserves beside its own, if not as many as `localHandovers`. */
  readonly reserve: number | undefined
}

/** Who is told what comes of it. */
export interface Caller {
  granted(grant: Grant): void
  failed(reason: unknown): void
}

type Settings = Omit<Wish, 'name' | 'mode' | 'key'>

/** What a call asks for. Written out: to spread an object costs more than all the rest of a call. */
export function wishOf<S extends Settings & { readonly deadlock?: unknown }>(
  settings: S,
  name: string,
  mode: Mode,
  key: string,
): Wish & Pick<S, 'deadlock'> {
  const { ahead, place, contention } = settings
  // Rare ones, of an election or of several names.
  if (ahead || place || contention) return { ...settings, name, mode, key }
  return {
    name,
    key,
    mode,
    type: settings.type,
    ttl: settings.ttl,
    renew: settings.renew,
    margin: settings.margin,
    maxHold: settings.maxHold,
    holdAtLeast: settings.holdAtLeast,
    lockDelay: settings.lockDelay,
    timeout: settings.timeout,
    expectedHold: settings.expectedHold,
    call: undefined,
    claim: settings.claim,
    info: settings.info,
    permits: settings.permits,
    limit: settings.limit,
    wait: settings.wait,
    signal: settings.signal,
    localHandovers: settings.localHandovers,
    localHandoverMs: settings.localHandoverMs,
    linger: settings.linger,
    deadlock: settings.deadlock,
  }
}
