import type { ErrorFacts, Holder, Revoker } from '../base/errors.js'
import type { Reply } from '../clients/port.js'
import { splitEdges, type Edge } from './edges.js'

/** The version that every request names first. docs/protocol.md */
export const PROTOCOL = '1'

/** The most items that one script call carries. */
export const BATCH = 100

/** The most permits of one request, and the largest limit of a semaphore. */
export const MOST_PERMITS = 1000
export const MOST_LIMIT = 1_000_000

/** How a name is held: exclusively, beside others who share, or by permits up to a limit. */
export type Mode = 'x' | 's' | 'p'

export type ModeName = 'exclusive' | 'shared' | 'permits'

const modeNames: Readonly<Record<Mode, ModeName>> = { x: 'exclusive', s: 'shared', p: 'permits' }

export function modeName(mode: Mode): ModeName {
  return modeNames[mode]
}

/** The channel on which a client is told of grants. */
export function channelOf(client: string): string {
  return `lock:client:${client}`
}

/** What an acquire asks for; `info` is free text that `inspect` shows. */
export interface Request {
  readonly mode: Mode
  readonly ttl: number
  readonly claim: number
  /** Asked for beyond both, and not believed in. */
  readonly lockDelay?: number
  readonly info: string
  /** The call that asks: its trace is shown, too. */
  readonly call?: { readonly trace?: string | undefined } | undefined
  /** Of mode `p`: how many permits, of how many in all. */
  readonly permits?: number
  readonly limit?: number
  /** Of mode `x`: how many fencing tokens are reserved beside its own, unless that is said by itself. */
  readonly localHandovers?: number
  /** Of mode `x`, ms: beside 0 the holder is to be told when others want the name. */
  readonly linger?: number
}

/** Until when a request may be carried out, by the clock of one server run. */
export interface NotAfter {
  readonly ms: string
  readonly run: string
}

/** The same limit, `early` ms sooner; a negative `early` changes nothing. */
export function sooner({ ms, run }: NotAfter, early: number): NotAfter {
  return early <= 0 ? { ms, run } : { ms: String(Math.max(0, Number(ms) - Math.ceil(early))), run }
}

export function acquireFields(
  owner: string,
  request: Request,
  stand: boolean,
  ticket: string,
  notAfter: NotAfter,
  reserve: number = request.localHandovers ?? 0,
): string[] {
  const { mode, ttl, claim, lockDelay = 0, permits = 1, limit = '' } = request
  const { linger = 0 } = request
  const info = traced(request.info, request.call?.trace)
  const wait = stand ? '1' : '0'
  const ballot = ''
  return [
    owner,
    mode,
    String(mode === 'x' ? reserve + 1 : permits),
    String(ttl + lockDelay),
    String(claim + lockDelay),
    wait,
    ticket,
    notAfter.ms,
    notAfter.run,
    ballot,
    info,
    mode === 'p' ? String(limit) : mode === 'x' && linger > 0 ? 'linger' : '',
  ]
}

/** `least`: for how many ms from its grant on a tenure keeps the name, although it is released. */
export function releaseFields(owner: string, least: number): string[] {
  return [owner, least > 0 ? String(least) : '']
}

export function renewFields(owner: string, ttl: number, notAfter: NotAfter): string[] {
  return [owner, String(ttl), notAfter.ms, notAfter.run]
}

/** `info`: what `inspect` shows of the heir; empty: what it shows of the owner. */
export function turnFields(
  owner: string,
  heir: string,
  mode: Mode,
  ttl: number,
  notAfter: NotAfter,
  info: string,
): string[] {
  return [owner, heir, mode, String(ttl), notAfter.ms, notAfter.run, info]
}

/**
 * The fields of all items of a call. Most items of one call differ in their owner ids alone, so of each
 * behind the first it is said, by letters, which of its fields differ from the item before; and these.
 */
export function packed(items: readonly (readonly string[])[]): string[] {
  const out: string[] = []
  let before: readonly string[] | undefined
  for (const fields of items) {
    if (before === undefined) out.push(...fields)
    else if (fields.length > 0) {
      const at = out.push('') - 1
      for (let j = 0; j < fields.length; j++) {
        if (fields[j] === before[j]) continue
        out[at] += LETTERS[j]!
        out.push(fields[j]!)
      }
    }
    before = fields
  }
  return out
}

/** What was packed, for items of so many fields. */
export function unpacked(
  args: readonly string[],
  count: number,
  fields: number,
): readonly (readonly string[])[] {
  const items = [args.slice(0, fields)]
  let at = fields
  while (items.length < count) {
    const own = [...items[items.length - 1]!]
    for (const letter of fields > 0 ? args[at++]! : '') own[LETTERS.indexOf(letter)] = args[at++]!
    items.push(own)
  }
  return items
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** One item's reply, as strings, whatever the client made of the numbers. */
export type Verdict = readonly string[]

/**
 * A script's reply, decoded. `now` is the server's time in ms, and `run` which run of it that is; NaN and empty
 * where the script had no need to look: then the reply is no sample of the server's clock.
 */
export interface Decoded {
  readonly now: number
  readonly run: string
  readonly pushFailure: string
  readonly items: readonly (readonly Reply[])[]
}

export function decode(reply: Reply): Decoded {
  if (!Array.isArray(reply) || reply.length < 3) {
    throw new TypeError(
      `a script answered ${JSON.stringify(reply)}, which is no reply of Holdfast's`,
    )
  }
  const [us, run, pushFailure, ...items] = reply as readonly Reply[]
  return {
    now: us === '' ? NaN : Number(us) / 1000,
    run: String(run),
    pushFailure: String(pushFailure),
    // A usual verdict of one name among several comes as one text.
    items: items.map((item) => {
      if (Array.isArray(item)) return item as Reply[]
      return typeof item === 'string' ? item.split(' ') : [item]
    }),
  }
}

/** Who holds, as four fields of a reply: kind, owner, expiry, info. */
function decodeHolder(fields: Verdict): { holder: Holder | null; ends: number | null } {
  const [kind, owner = '', expiry = '-1', info = ''] = fields
  const ends = Number(expiry) < 0 ? null : Number(expiry)
  if (kind === 'x' || kind === 's' || kind === 'p') {
    return { holder: { mode: modeName(kind), owner, ...decodeInfo(info) }, ends }
  }
  return { holder: kind === 'f' ? { mode: 'foreign', owner: null } : null, ends }
}

/** What a process says of itself to whoever inspects the name. */
export interface Info {
  readonly label?: string
  readonly host?: string
  readonly pid?: number
  /** A W3C `traceparent`. */
  readonly trace?: string
  /** It leads an election, or stands for it. */
  readonly election?: true
}

export function encodeInfo({ label, host, pid, election }: Info): string {
  return JSON.stringify([label ?? null, host ?? null, pid ?? null, ...(election ? [true] : [])])
}

/** With the trace behind the rest, where there is one: a client that knows nothing of it passes over it. */
function traced(info: string, trace: string | undefined): string {
  if (trace === undefined || !TRACE.test(trace)) return info
  return `${info.slice(0, -1)},"${trace}"]`
}

const TRACE = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

export function decodeInfo(text: string): Info {
  try {
    const [label, host, pid, ...more] = JSON.parse(text) as unknown[]
    const trace = more.find((one) => typeof one === 'string')
    return {
      ...(typeof label === 'string' ? { label } : {}),
      ...(typeof host === 'string' ? { host } : {}),
      ...(typeof pid === 'number' ? { pid } : {}),
      ...(trace === undefined ? {} : { trace }),
      ...(more.includes(true) ? { election: true } : {}),
    }
  } catch {
    // Written by another client: nothing that we know to read.
    return {}
  }
}

export function encodeRevoker({ label, reason, host, pid }: Revoker): string {
  return JSON.stringify([label ?? null, reason ?? null, host ?? null, pid ?? null])
}

function revoker(list: unknown): Revoker {
  const [label, reason, host, pid] = Array.isArray(list) ? (list as unknown[]) : []
  return {
    ...(typeof label === 'string' ? { label } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof host === 'string' ? { host } : {}),
    ...(typeof pid === 'number' ? { pid } : {}),
  }
}

export function decodeRevoker(text: string): Revoker {
  try {
    return revoker(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Whoever asked a holder to let go is put at the end of the list in its info. */
export function revokerOfInfo(info: string): Revoker {
  try {
    return revoker((JSON.parse(info) as unknown[]).findLast(Array.isArray))
  } catch {
    return {}
  }
}

/** A record as a node of a quorum takes up a lost tenure with it. docs/protocol.md, Records. */
export function encodeRecord(r: {
  readonly mode: Mode
  readonly permits: string
  readonly ttl: string
  readonly claim: string
  readonly sub: string
  readonly ballot: number
  readonly info: string
}): string {
  const { mode, permits, ttl, claim, sub, ballot, info } = r
  return [mode, permits, ttl, claim, sub, ballot, 0, 0, info].join(' ')
}

/** A record of the meta key. */
export interface StoredRecord extends Info {
  readonly mode: Mode
  readonly weight: number
  readonly ttl: number
  readonly since: number
  readonly token: number
  /** Somebody asked for the end of this tenure: it is not renewed any more. */
  readonly forced: boolean
  /** Of a holder: what it waits for meanwhile. */
  readonly edges: readonly Edge[]
}

export function decodeRecord(text: string): StoredRecord | null {
  const match = /^(x|s|p) (\d+) (\d+) \d+ \S+ (\d+) (\d+) (\d) (.*)$/s.exec(text)
  if (!match) return null
  const [info, edges] = splitEdges(match[7]!)
  return {
    mode: match[1] as Mode,
    weight: Number(match[2]),
    ttl: Number(match[3]),
    token: Number(match[4]),
    since: Number(match[5]),
    forced: match[6] === '1',
    edges,
    ...decodeInfo(info),
  }
}

/** A message to a client. Times are server ms. */
export type Push =
  | { kind: 'grant'; owner: string; token: number; now: number; ends: number; run: string }
  | {
      kind: 'first'
      owner: string
      now: number
      ends: number
      run: string
      /** Of a node of a quorum: the highest ballot there. */
      ballot?: number
    }
  | { kind: 'forced' | 'wanted'; owner: string; now: number }
  | { kind: 'revoked'; owner: string; now: number; by: Revoker }

/** A message of a majority: when the name may be free for whoever waits. Local ms. */
export function encodeFirst(owner: string, now: number, ends: number, run: string): string {
  return [PROTOCOL, 'first', owner, now * 1000, ends, run].join(' ')
}

/** Reads a message; null for one of another version or kind, which is then not for us. */
export function decodePush(message: string): Push | null {
  const [version, kind, owner = '', ...rest] = message.split(' ')
  if (version !== PROTOCOL) return null
  if (kind === 'grant') {
    const [token, us, ends, run = ''] = rest
    return {
      kind,
      owner,
      token: Number(token),
      now: Number(us) / 1000,
      ends: Number(ends),
      run,
    }
  }
  if (kind === 'first') {
    const [us, ends, run = '', ballot] = rest
    const first = { kind, owner, now: Number(us) / 1000, ends: Number(ends), run } as const
    return ballot === undefined ? first : { ...first, ballot: Number(ballot) }
  }
  if (kind === 'forced' || kind === 'wanted') {
    return { kind, owner, now: Number(rest[0]) / 1000 }
  }
  if (kind === 'revoked') {
    const [us, ...by] = rest
    return { kind, owner, now: Number(us) / 1000, by: decodeRevoker(by.join(' ')) }
  }
  return null
}

/** The facts of an error about a name that others hold. */
export function contention(name: string, fields: Verdict, now: number): ErrorFacts {
  const { holder, ends } = decodeHolder(fields)
  return {
    lock: name,
    holder,
    remaining: ends === null ? null : Math.max(0, Math.round(ends - now)),
  }
}
