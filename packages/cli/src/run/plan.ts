import type { Duration } from 'holdfast'

/** When a command is stopped, so that it is over before the lease is. All ms. */
export interface Plan {
  readonly ttl: number
  /** How long before its provable end the library counts the lease as lost. */
  readonly margin: number
  /** Between the first signal and SIGKILL. */
  readonly grace: number
  /** What `--grace` asked for, if that is too long for the ttl. */
  readonly cutFrom: number | null
  /** SIGKILL comes so long before the lease counts as lost. */
  readonly lead: number
  /** For how long the lock may be held before the command is stopped. */
  readonly maxHold: number
}

export const DEFAULT_GRACE = '5s'

const LEAST_MARGIN_MS = 500
const MOST_LEAD_MS = 250

/**
 * The end of a command takes the second half of the lease at most: renewals begin at two thirds, and what
 * lies between is for what may go wrong with them. So the grace is cut where the ttl is too short for it.
 */
export function planOf(ttl: number, grace: number, maxHold: number): Plan {
  const margin = Math.floor(Math.min(ttl / 10, Math.max(LEAST_MARGIN_MS, ttl / 20)))
  const lead = Math.floor(Math.min(ttl / 20, MOST_LEAD_MS))
  const longest = Math.floor(ttl / 2) - margin - lead
  const cut = grace > longest
  return { ttl, margin, grace: cut ? longest : grace, cutFrom: cut ? grace : null, lead, maxHold }
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** Of a duration that has been checked. */
export function milliseconds(given: Duration): number {
  if (typeof given === 'number') return given
  const [, number, unit] = /^([\d.]+)([a-z]+)$/.exec(given)!
  return Number(number) * UNITS[unit as keyof typeof UNITS]
}
