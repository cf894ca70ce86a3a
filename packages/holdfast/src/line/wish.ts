import type { Terms } from '../lease/lease.js'

/** What a call asks for, beside the lease's terms. */
export interface Wish extends Terms {
  readonly claim: number
  readonly info: string
  /** ms; 0 is one try, Infinity no limit. */
  readonly wait: number
  readonly signal: AbortSignal | undefined
}
