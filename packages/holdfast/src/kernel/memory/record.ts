import { mostTokens } from './permits.js'

/** Somebody asked for the end of this tenure. */
export const forcedState = '1'
/** Granted by a message, and not renewed yet. */
export const claimedState = '2'
/** Asked to let go; and the same of a tenure that is claimed as well. */
export const askedState = '3'
export const askedClaimedState = '4'

/** Of a waiter on a node of a quorum: it was told that it may come in. Its claim is then when that ends. */
export const offeredState = '5'

/** Begins the `sub` of an exclusive record whose process may keep the name when its holder has let go. */
export const lingers = '+'

/** Granted by a message, and not renewed yet, whether or not it was asked to let go. */
export function isClaimed(state: string | undefined): boolean {
  return state === claimedState || state === askedClaimedState
}

/** What is written down about a holder or a waiter: see docs/protocol.md, Records. */
export interface TenureRecord {
  readonly mode: string
  readonly weight: string
  readonly ttl: number
  readonly claim: number
  /** The server run on which this waiter was seen to be subscribed, or `-`. */
  readonly sub: string
  /** The fencing token of a holder; `0` for a waiter. */
  token: string
  /** Server milliseconds. */
  since: string
  /** `0`, or one of the states above. */
  state: string
  readonly info: string
}

// Only what Lua counts as a space; `\s` would take others out of the free text at the end.
const layout = /^([a-z]) (\d+) (\d+) (\d+) ([^ \t\n\v\f\r]+) (\d+) (\d+) (\d) ([\s\S]*)$/i
const exclusive = /^([^ \t\n\v\f\r]+) ([\s\S]*)$/

/** Reads a record; null where there is none, or none that can be understood. */
export function parseRecord(text: string | null): TenureRecord | null {
  const found = layout.exec(text ?? '')
  if (found === null) return null
  const [mode, weight, ttl, claim, sub, token, since, state, info] = found.slice(1) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return { mode, weight, ttl: Number(ttl), claim: Number(claim), sub, token, since, state, info }
}

/** How many fencing tokens a request, or a record of it, takes. */
export function tokensOf({ mode, weight }: Pick<TenureRecord, 'mode' | 'weight'>): number {
  return mode === 'x' ? Math.min(Number(weight), mostTokens) : 1
}

/** Writes a record down. */
export function formatRecord(r: TenureRecord): string {
  const { mode, weight, ttl, claim, sub, token, since, state, info } = r
  return [mode, weight, ttl, claim, sub, token, since, state, info].join(' ')
}

/** The owner and the record text of field `x`, which is of the exclusive holder. */
export function splitExclusive(text: string | undefined): readonly [string, string] | null {
  const found = exclusive.exec(text ?? '')
  return found === null ? null : [String(found[1]), String(found[2])]
}

/** What a record's info says of its process; behind the first newline stand the edges of a holder. */
export function bareInfo(info: string): string {
  return info.split('\n', 1)[0]!
}
