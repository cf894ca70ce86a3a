import type { LossReason, Revoker } from '../base/errors.js'
import { tagOf } from './names.js'
import {
  decodeInfo,
  decodeRevoker,
  encodeRevoker,
  modeName,
  type Info,
  type Mode,
  type ModeName,
} from './protocol.js'

/** The key of a name's own stream, in the cluster slot of its other keys. docs/protocol.md, "History". */
export function historyKey(name: string, prefix: string): string {
  const k = prefix + name
  return `{${tagOf(k)}}:hf:history:${k}`
}

/** The keys of what is kept for all names of a prefix: one slot. */
export function prefixKeys(prefix: string): { readonly stream: string; readonly index: string } {
  const side = `{${tagOf(prefix === '' ? 'hf' : prefix)}}:hf:`
  return { stream: `${side}prefix-history:${prefix}`, index: `${side}prefix-index:${prefix}` }
}

/** A name in the index, of one client: nobody else's end takes it out. */
export function indexMember(client: string, name: string): string {
  return `${client.slice(0, 8)} ${name}`
}

/** What all entries say. */
interface Noted {
  /** Its place in the stream: later entries have larger ones. */
  readonly id: string
  /** When it happened, ms since 1970 by the server's clock. */
  readonly at: number
  /** Without the prefix. */
  readonly name: string
  readonly mode: ModeName
  /** Whose call or lock it is: label, host and process id, as far as known. */
  readonly who: Info
  /** The Holdfast whose it is: what its owner ids begin with. */
  readonly client: string
}

/** The same of a lock. */
interface NotedLock extends Noted {
  readonly owner: string
  readonly fence: number
}

/** Why a call ended without the lock: `failed` is any other error. */
export type GaveUpReason = 'timeout' | 'aborted' | 'deadlock' | 'closed' | 'failed'

/** One entry of a history. Durations are ms. */
export type HistoryEntry =
  /** A call waits, and has done so for `waited` by now: at least for 50. */
  | (Noted & { readonly event: 'waiting'; readonly waited: number })
  /** It ended without the lock. */
  | (Noted & { readonly event: 'gave-up'; readonly waited: number; readonly reason: GaveUpReason })
  /** `pushed`: by a hand-over, without asking; `local`: from another call of its process. */
  | (NotedLock & {
      readonly event: 'granted'
      readonly waited: number
      readonly pushed: boolean
      readonly local: boolean
    })
  /** `released` false: the lease was over, or the server could not be told. */
  | (NotedLock & { readonly event: 'released'; readonly held: number; readonly released: boolean })
  | (NotedLock & { readonly event: 'lost'; readonly held: number; readonly reason: LossReason })
  /** Somebody asked the holder to let go. */
  | (NotedLock & { readonly event: 'revoked'; readonly by: Revoker })
  /** A call was seen to wait in a circle, of these names. `broken`: it is given up. */
  | (Noted & {
      readonly event: 'deadlock'
      readonly broken: boolean
      readonly names: readonly string[]
    })
  /** So many entries of this process are lacking: too many at once, or the server could not be told. */
  | (Pick<Noted, 'id' | 'at' | 'who' | 'client'> & {
      readonly event: 'missed'
      readonly count: number
    })

/** What an entry is written from; `ms` is its duration, or a count. */
export interface Note {
  readonly event: HistoryEntry['event']
  readonly name?: string
  readonly mode?: Mode | ModeName
  /** Of what is no lock yet, the client alone. */
  readonly owner?: string
  readonly fence?: number
  readonly ms?: number
  readonly detail?: string
  /** As a record has it. */
  readonly info: string
}

/** The fields of an entry in the order of the script; `age`: how long ago it happened, ms. */
export function entryFields(note: Note, age: number): string[] {
  const { event, name = '', mode = '', owner = '', fence = '', ms = '', detail = '', info } = note
  const whole = (value: number | string): string =>
    typeof value === 'number' ? String(Math.max(0, Math.round(value))) : value
  return [event, name, mode[0] ?? '', owner, String(fence), whole(ms), detail, info, whole(age)]
}

/** So many names of a circle are told, and so many characters of them. */
const MOST_NAMES = 10
const MOST_TEXT = 1000

/** The details of entries that have some. */
export const details = {
  granted: (pushed: boolean, local: boolean): string => (pushed ? 'pushed' : local ? 'local' : ''),
  released: (released: boolean): string => (released ? '' : 'unsure'),
  revoked: (by: Revoker): string => encodeRevoker(by),
  deadlock(broken: boolean, names: readonly string[]): string {
    const told = names.slice(0, MOST_NAMES)
    while (told.join('').length > MOST_TEXT) told.pop()
    return JSON.stringify([broken ? 1 : 0, ...told])
  },
}

/** How many texts an entry has in a reply. */
const WIDTH = 10

/** Reads a reply of `past`; what a later version has written, and we do not know, is left out. */
export function decodeEntries(raw: readonly unknown[]): {
  readonly entries: readonly HistoryEntry[]
  /** The id of the last one, known or not. */
  readonly last: string | null
  readonly count: number
} {
  const entries: HistoryEntry[] = []
  const texts = raw.map(String)
  for (let i = 0; i + WIDTH <= texts.length; i += WIDTH) {
    const entry = decodeEntry(texts.slice(i, i + WIDTH))
    if (entry) entries.push(entry)
  }
  const count = Math.floor(texts.length / WIDTH)
  return { entries, count, last: count > 0 ? texts[WIDTH * (count - 1)]! : null }
}

function decodeEntry(texts: readonly string[]): HistoryEntry | null {
  const [
    id = '',
    event = '',
    name = '',
    letter,
    owner = '',
    fence,
    ms,
    detail = '',
    info = '',
    age,
  ] = texts
  const at = Number(id.split('-')[0]) - Number(age)
  const mode = letter === 's' || letter === 'p' ? modeName(letter) : modeName('x')
  const who = decodeInfo(info)
  const client = owner.split('.', 1)[0]!
  const noted = { id, at, name, mode, who, client }
  const lock = { ...noted, owner, fence: Number(fence) }
  const length = Number(ms)
  switch (event) {
    case 'waiting':
      return { ...noted, event, waited: length }
    case 'gave-up':
      return { ...noted, event, waited: length, reason: detail as GaveUpReason }
    case 'granted': {
      const how = { pushed: detail === 'pushed', local: detail === 'local' }
      return { ...lock, event, waited: length, ...how }
    }
    case 'released':
      return { ...lock, event, held: length, released: detail === '' }
    case 'lost':
      return { ...lock, event, held: length, reason: detail as LossReason }
    case 'revoked':
      return { ...lock, event, by: decodeRevoker(detail) }
    case 'deadlock':
      return { ...noted, event, ...decodeCircle(detail) }
    case 'missed':
      return { id, at, who, client, event, count: length }
    default:
      return null
  }
}

function decodeCircle(text: string): { broken: boolean; names: readonly string[] } {
  try {
    const [broken, ...names] = JSON.parse(text) as unknown[]
    return { broken: broken === 1, names: names.map(String) }
  } catch {
    return { broken: false, names: [] }
  }
}
