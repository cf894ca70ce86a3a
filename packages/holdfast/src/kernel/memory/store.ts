import { SortedSet } from './sorted-set.js'
import { Stream, type StreamEntry } from './stream.js'

/** What a key can hold. */
export type Value = string | SortedSet | Stream | Map<string, string>

interface Entry {
  readonly value: Value
  /** Server milliseconds, or null for a key that never ends. */
  expiry: number | null
}

/** A server's error: the reply of an operation carries its message. */
export class ServerError extends Error {}

/** A key is of another type than the operation needs. */
export class WrongType extends ServerError {}

function wrongType(key: string, value: Value, expected: string): WrongType {
  const found = typeOf(value)
  return new WrongType(`WRONGTYPE the key ${key} is a ${found} and not a ${expected}`)
}

function typeOf(value: Value): string {
  if (typeof value === 'string') return 'string'
  if (value instanceof SortedSet) return 'zset'
  return value instanceof Stream ? 'stream' : 'hash'
}

/** Before this many visits it does not pay to look for keys whose time is up. */
const leastVisits = 1000

/** The keys of one server, with just what the kernel asks of Redis. */
export class Keyspace {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number
  #visits = 0

  /** @param now - server milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  get(key: string): string | null {
    const value = this.peek(key)
    if (value !== null && typeof value !== 'string') throw wrongType(key, value, 'string')
    return value
  }

  /** Of a name's five keys the first that is of a wrong type: what the Lua says, whichever it met. */
  mismatch([k, fence, line, shared, meta]: readonly [string, string, string, string, string]):
    | string
    | null {
    const looks = [
      () => this.get(k),
      () => this.get(fence),
      () => this.zset(line),
      () => this.zset(shared),
      () => this.hash(meta),
    ]
    for (const look of looks) {
      try {
        look()
      } catch (error) {
        return (error as WrongType).message
      }
    }
    return null
  }

  /** Like SET, with PXAT if there is an expiry. */
  set(key: string, value: string, expiry: number | null = null): void {
    this.#entries.set(key, { value, expiry })
  }

  /** The sorted set of this key: an empty one if there is no such key. */
  zset(key: string): SortedSet {
    const value = this.peek(key) ?? new SortedSet()
    if (!(value instanceof SortedSet)) throw wrongType(key, value, 'zset')
    return value
  }

  zadd(key: string, score: number, member: string): void {
    const set = this.zset(key)
    set.put(member, score)
    if (set.size === 1) this.#keep(key, set)
  }

  zrem(key: string, member: string): void {
    const set = this.zset(key)
    set.take(member)
    if (set.size === 0) this.del(key)
  }

  /** The stream of this key: an empty one if there is no such key. */
  stream(key: string): Stream {
    const value = this.peek(key) ?? new Stream()
    if (!(value instanceof Stream)) throw wrongType(key, value, 'stream')
    return value
  }

  /** Like XADD, with an id that comes after all that are there. */
  xadd(key: string, entry: StreamEntry): void {
    const stream = this.stream(key)
    stream.add(entry)
    this.#keep(key, stream)
  }

  /** The fields of this hash: an empty map if there is no such key. */
  hash(key: string): ReadonlyMap<string, string> {
    return this.#hash(key)
  }

  hset(key: string, field: string, value: string): void {
    const hash = this.#hash(key)
    hash.set(field, value)
    if (hash.size === 1) this.#keep(key, hash)
  }

  hdel(key: string, field: string): void {
    const hash = this.#hash(key)
    hash.delete(field)
    if (hash.size === 0) this.del(key)
  }

  del(key: string): void {
    this.#entries.delete(key)
  }

  /** Server milliseconds; null for a key that never ends, and for one that is not there. */
  expiry(key: string): number | null {
    return this.#live(key)?.expiry ?? null
  }

  /** Like PEXPIREAT: a time that is not in the future deletes the key. */
  expireAt(key: string, expiry: number): void {
    const entry = this.#live(key)
    if (entry === null) return
    if (expiry <= this.#now()) this.del(key)
    else entry.expiry = expiry
  }

  /** What a key holds, whatever its type is; null if there is no such key. */
  peek(key: string): Value | null {
    return this.#live(key)?.value ?? null
  }

  keys(): readonly string[] {
    return [...this.#entries.keys()].filter((key) => this.#live(key) !== null)
  }

  clear(): void {
    this.#entries.clear()
  }

  #hash(key: string): Map<string, string> {
    const value = this.peek(key) ?? new Map<string, string>()
    if (!(value instanceof Map)) throw wrongType(key, value, 'hash')
    return value
  }

  #keep(key: string, value: Value): void {
    if (this.peek(key) !== value) this.#entries.set(key, { value, expiry: null })
  }

  /** A key is there while its expiry is not over, the expiry itself included. */
  #live(key: string): Entry | null {
    this.#sweep()
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    if (entry.expiry === null || this.#now() <= entry.expiry) return entry
    this.#entries.delete(key)
    return null
  }

  /** Drops what nobody asks for any more: as many visits pay for it as there are keys. */
  #sweep(): void {
    if (++this.#visits < leastVisits + this.#entries.size) return
    this.#visits = 0
    const now = this.#now()
    for (const [key, { expiry }] of this.#entries) {
      if (expiry !== null && now > expiry) this.#entries.delete(key)
    }
  }
}
