import type { ErrorFacts, Holder } from '../base/errors.js'
import type { Terms } from '../lease/lease.js'

/** What a call asks for, beside the lease's terms. */
export interface Wish extends Terms {
  readonly claim: number
  readonly info: string
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
  reserve?: number
  /** Of one who asks for several calls: when the last of them ends, local time. */
  readonly until?: () => number
  /** Of one who comes before all others: told of each answer that it stands in line, and who holds. */
  readonly ahead?: (owner: string, holder: Holder | null) => void
  /** The ticket of its place, kept from one wait to the next of the same call; 0: none. */
  readonly place?: { ticket: number }
  /** Who holds the name, if that is known before the server is asked. */
  readonly contention?: ErrorFacts
}
