import { invalid } from '../base/errors.js'

/** The keys of one name, in the order in which every script takes them. */
export type NameKeys = readonly [
  k: string,
  fence: string,
  line: string,
  shared: string,
  meta: string,
]

const SIDE_KEY = /^\{[^}]*\}:hf:/
const LONGEST_NAME = 1024
const encoder = new TextEncoder()

/**
 * Checks a lock's name.
 *
 * @throws ERR_INVALID_ARGUMENT
 */
export function checkName(name: unknown, prefix: string): asserts name is string {
  const expected = insteadOf(name, prefix)
  if (expected !== null) throw invalid('name', name, expected)
}

/** What is expected instead of this name; null when it can be one. */
export function insteadOf(name: unknown, prefix: string): string | null {
  const usual = 'a non-empty string of at most 1 KiB in UTF-8'
  if (typeof name !== 'string' || name === '') return usual
  // The server would see U+FFFD for a lone surrogate: two names would share one lock.
  if (!isWellFormed(name)) return 'a string without lone surrogates'
  if (name.length > LONGEST_NAME / 4 && encoder.encode(name).length > LONGEST_NAME) return usual
  if (SIDE_KEY.test(prefix + name)) {
    return "a name whose key does not look like one of Holdfast's side keys"
  }
  return null
}

/** Whether a text has no lone surrogates. */
export function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text)
}

/** The keys of a name: K itself, and the side keys in its cluster slot. docs/protocol.md, "Keys". */
export function keysOf(name: string, prefix: string): NameKeys {
  return keysAt(prefix + name)
}

/** Those that were asked for lately, which are asked for again. All else knows a name by its K alone. */
const lately = new Map<string, NameKeys>()
const MOST_LATELY = 1000

/** The same, by K. */
export function keysAt(k: string): NameKeys {
  const known = lately.get(k)
  if (known) return known
  if (lately.size >= MOST_LATELY) lately.clear()
  const keys = made(k)
  lately.set(k, keys)
  return keys
}

function made(k: string): NameKeys {
  const side = `{${tagOf(k)}}:hf:`
  return [k, `${side}fence:${k}`, `${side}line:${k}`, `${side}shared:${k}`, `${side}meta:${k}`]
}

function hashTag(key: string): string | null {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : null
}

export function tagOf(k: string): string {
  const own = hashTag(k)
  if (own !== null) return own
  // A key with a stray brace has no tag of its own, and cannot be one: '}' would end it early.
  return k.includes('{') || k.includes('}') ? tagOfSlot(slotOf(k)) : k
}

const tags = new Map<number, string>()

/** The smallest decimal number that hashes to this slot: the same in every client. */
function tagOfSlot(slot: number): string {
  let tag = tags.get(slot)
  for (let i = 0; tag === undefined; i++) {
    if (crc16(encoder.encode(String(i))) % 16384 === slot) tag = String(i)
  }
  tags.set(slot, tag)
  return tag
}

/** The cluster slot of a key (Redis Cluster specification: CRC16 of the hash tag, modulo 16384). */
export function slotOf(key: string): number {
  return crc16(encoder.encode(hashTag(key) ?? key)) % 16384
}

// CRC-16/XMODEM.
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
    }
  }
  return crc
}

/** Whether it is of the form of an owner id: `<client>.<sequence>`. */
export function isOwnerId(owner: unknown): owner is string {
  return typeof owner === 'string' && /^[0-9a-f]{32}\.\d+$/.test(owner)
}
