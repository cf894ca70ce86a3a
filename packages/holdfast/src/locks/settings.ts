import { hostname } from 'node:os'
import { milliseconds } from '../base/duration.js'
import { invalid } from '../base/errors.js'
import type { LockType } from '../base/events.js'
import { encodeInfo, MOST_PERMITS } from '../kernel/protocol.js'
import { BLOCK } from '../quorum/ballot-clock.js'
import {
  aSignal,
  checkDeadlock,
  checkHandovers,
  checkLabel,
  type HandoverOptions,
  type HoldfastOptions,
  type LockOptions,
  type OnDeadlock,
  type PermitOptions,
} from './options.js'

const LEAST_TTL_MS = 50
const LEAST_RENEWED_TTL_MS = 300
const MOST_LINGER_MS = 1000

/** All options of a lock with their defaults filled in; durations are ms. */
export interface Settings {
  readonly wait: number
  readonly signal: AbortSignal | undefined
  readonly ttl: number
  readonly renew: boolean
  readonly maxHold: number
  readonly holdAtLeast: number
  readonly lockDelay: number
  readonly margin: number | undefined
  readonly claim: number
  readonly timeout: number
  readonly info: string
  readonly expectedHold: number
  readonly type: LockType
  /** Of a semaphore; else 1 and 0. */
  readonly permits: number
  readonly limit: number
  readonly deadlock: OnDeadlock
  /** 0 where none are possible. */
  readonly localHandovers: number
  readonly localHandoverMs: number
  readonly linger: number
}

/**
 * Puts options and defaults together.
 *
 * @param several servers, of which a majority decides.
 * @throws ERR_INVALID_ARGUMENT */
export function settingsOf(
  all: HoldfastOptions,
  options: LockOptions & HandoverOptions & PermitOptions & { readonly limit?: number },
  several: boolean,
  type: LockType,
): Settings {
  // Undefined is the default; null may be a mistake, and is refused.
  const { renew = true, signal, label = all.label, ttl: lease = 10_000 } = options
  if (typeof renew !== 'boolean') throw invalid('options.renew', renew, 'true or false')
  aSignal(signal)
  checkLabel(label)
  const { deadlock = all.deadlock ?? 'break' } = options
  checkDeadlock(deadlock)
  const least = renew ? LEAST_RENEWED_TTL_MS : LEAST_TTL_MS
  const ttl = milliseconds('options.ttl', lease, least)
  const { permits = 1, limit = 0 } = options
  const most = Math.min(limit || 1, MOST_PERMITS)
  if (!(Number.isInteger(permits) && permits >= 1 && permits <= most)) {
    const of = most === limit ? `, the limit` : ''
    throw invalid('options.permits', permits, `a whole number from 1 to ${most}${of}`)
  }
  const { claim = Math.min(ttl, 2000), maxHold = Infinity, margin, wait = 10_000 } = options
  const { holdAtLeast = 0, lockDelay = 0 } = options
  // A leader holds for days: what is expected of all other locks says nothing of it.
  const { expectedHold = (type === 'leader' ? undefined : all.expectedHold) ?? Infinity } = options
  const { localHandovers = all.localHandovers ?? 16, localHandoverMs = ttl, linger = 0 } = options
  checkHandovers(localHandovers)
  const shares = renew && holdAtLeast === 0 && localHandovers > 0
  const lingers = milliseconds('options.linger', linger, 0)
  if (lingers > MOST_LINGER_MS || (lingers > 0 && (several || !shares))) {
    const expected =
      'at most 1 s, of one server, with renew and localHandovers, and without holdAtLeast'
    throw invalid('options.linger', linger, expected)
  }
  return {
    ttl,
    renew,
    signal,
    claim: Math.min(milliseconds('options.claim', claim, LEAST_TTL_MS), ttl),
    wait: milliseconds('options.wait', wait, 0, true),
    maxHold: milliseconds('options.maxHold', maxHold, 1, true),
    holdAtLeast: milliseconds('options.holdAtLeast', holdAtLeast, 0),
    lockDelay: milliseconds('options.lockDelay', lockDelay, 0),
    margin: margin === undefined ? undefined : milliseconds('options.margin', margin, 1),
    timeout:
      all.nodeTimeout === undefined
        ? Math.min(500, Math.max(50, ttl / 10))
        : milliseconds('options.nodeTimeout', all.nodeTimeout, 1),
    info: infoOf(label, type === 'leader'),
    expectedHold: milliseconds('options.expectedHold', expectedHold, 1, true),
    type,
    permits,
    limit,
    deadlock,
    // Who does not renew wants the whole lease, and who holds at least so long keeps it from these calls too.
    localHandovers: shares ? Math.min(localHandovers, several ? BLOCK - 1 : Infinity) : 0,
    linger: lingers,
    localHandoverMs: milliseconds('options.localHandoverMs', localHandoverMs, 1),
  }
}

const host = hostname()
/** By label: of elections, and of all other locks. */
const infos = [
  new Map<string | undefined, string>(),
  new Map<string | undefined, string>(),
] as const

/** What inspect shows of us: the same few texts again and again. */
function infoOf(label: string | undefined, election: boolean): string {
  const known = infos[election ? 0 : 1]
  let info = known.get(label)
  if (info === undefined) {
    const kind = election ? { election } : {}
    info = encodeInfo({
      host,
      pid: process.pid,
      ...(label === undefined ? {} : { label }),
      ...kind,
    })
    if (known.size > 1000) known.clear()
    known.set(label, info)
  }
  return info
}
