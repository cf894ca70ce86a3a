import type { Reply } from '../clients/port.js'
import { decodeRecord, PROTOCOL, type StoredRecord } from './protocol.js'

/** Who leads an election, as a message or a look at the server says. */
export interface News {
  /** Null for nobody. */
  readonly owner: string | null
  /** The last token that was granted; 0 if it is not known. */
  readonly token: number
  /** What the lease had left then, ms. */
  readonly left: number
  readonly record: StoredRecord | null
  /** Local time when it came. */
  readonly at?: number
}

/** The channel of an election. `k` is its key as the server has it. */
export function electionChannel(k: string): string {
  return `lock:election:${k}`
}

/** Reads a message of `announce`; null for one of another version or kind. */
export function decodeNews(message: string): News | null {
  const [version, kind, owner = '', token, us, expiry, ...record] = message.split(' ')
  if (version !== PROTOCOL) return null
  if (kind === 'nobody') return { owner: null, token: Number(token), left: 0, record: null }
  if (kind !== 'leader') return null
  const left = Number(expiry) - Number(us) / 1000
  return { owner, token: Number(token), left, record: decodeRecord(record.join(' ')) }
}

/** The same from a reply of `inspect`. Who shares, and another library's holder, leads nothing. */
export function newsOf([status, last, , , holders]: readonly Reply[], now: number): News {
  if (status !== 'state') throw new Error(String(last))
  const token = Number(last)
  const [owner = '', expiry, text = ''] = Array.isArray(holders) ? holders.map(String) : []
  const record = decodeRecord(text)
  if (owner === '' || (record && record.mode !== 'x'))
    return { owner: null, token, left: 0, record: null }
  return { owner, token, left: Number(expiry) - now, record }
}
