import type { ErrorFacts, Holder } from '../base/errors.js'
import type { NameKeys } from '../kernel/names.js'
import type { Mode } from '../kernel/protocol.js'
import type { Terms } from '../lease/lease.js'

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
  /** How many tokens a grant reserves beside its own, if not as many as `localHandovers`. */
  reserve?: number | undefined
  /** Of one who asks for several calls: when the last of them ends, local time. */
  readonly until?: (() => number) | undefined
  /** Of one who comes before all others: told of each answer that it stands in line, and who holds. */
  readonly ahead?: (owner: string, holder: Holder | null) => void
  /** The ticket of its place, kept from one wait to the next of the same call; 0: none. */
  readonly place?: { ticket: number }
  /** Who holds the name, if that is known before the server is asked. */
  readonly contention?: ErrorFacts
}

type Settings = Omit<Wish, 'name' | 'mode' | 'keys'>

/**
 * What a call asks for. Written out: to spread an object costs more than all the rest of a call.
 *
 * @param until of one who asks for several calls, each with an end of its own.
 */
export function wishOf<S extends Settings & { readonly deadlock?: unknown }>(
  settings: S,
  name: string,
  mode: Mode,
  keys: NameKeys,
  until?: () => number,
): Wish & Pick<S, 'deadlock'> {
  const { ahead, place, contention } = settings
  // Rare ones, of an election or of several names.
  if (ahead || place || contention) return { ...settings, name, mode, keys }
  return {
    name,
    keys,
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
    wait: until ? Infinity : settings.wait,
    signal: until ? undefined : settings.signal,
    localHandovers: settings.localHandovers,
    localHandoverMs: settings.localHandoverMs,
    linger: settings.linger,
    reserve: settings.reserve,
    until,
    deadlock: settings.deadlock,
  }
}
