/**
 * The keys of one name: the twin of `kernel/lua/_state.lua`. The Lua reads each key once and keeps
 * count; here the keys are asked each time, which is as cheap and says the same.
 */
import type { Reply } from '../../clients/port.js'
import type { Call } from './call.js'
import { Permits, permitsMarker, spread } from './permits.js'
import {
  forcedState,
  formatRecord,
  parseRecord,
  splitExclusive,
  tokensOf,
  type TenureRecord,
} from './record.js'
import { ServerError } from './store.js'

/** What K holds while shared holders live. */
const marker = 'hf:shared'
/** A field of meta: everybody who shares the name was asked to go. */
const withheld = 'withheld'
/** The most heads, or dead shared holders, that one call works off. */
export const steps = 64

export const fenceMs = 600_000

/** The five keys of a name. */
export type Keys = readonly [k: string, fence: string, line: string, shared: string, meta: string]

/** Is this value of K an owner id of ours? */
export function isOwner(value: string): boolean {
  return /^[0-9a-f]{32}\.\d+$/i.test(value)
}

/** The client that an owner id belongs to. */
export function clientOf(owner: string): string {
  return /^[^.]*/.exec(owner)![0]
}

/** The keys of one name, during one call. */
export class State {
  readonly k: string
  readonly line: string
  readonly shared: string
  readonly meta: string
  /** The highest fencing token ever granted. */
  last: number
  /** The owner id whose claim last ran out. */
  lapsed: string | null
  /** The last exclusive holder and its record. */
  top: readonly [owner: string, text: string] | null
  /** How many wait behind the claim that this call gave away by a message. */
  behind = 0
  /** When the shared holder ended whom this call took out. */
  freed: number | null = null
  /** Of a node of a quorum: the ballot that this item is of. */
  ballot: string | null = null
  readonly permits: Permits
  readonly fence: string
  readonly call: Call
  /** Whether somebody waits or shares, or is to: only then meta counts. */
  protected looked = false
  protected shares = false
  /** Whether a record was written to meta. */
  protected wrote = false

  /** Visits the keys that it needs, so that one of a wrong type is found before anything is written. */
  constructor(call: Call, [k, fence, line, shared, meta]: Keys) {
    this.call = call
    this.k = k
    this.fence = fence
    this.line = line
    this.shared = shared
    this.meta = meta
    const { space } = call
    space.get(k)
    const noted = space.get(fence) ?? '0'
    space.zset(line)
    const parts = /^(\d+) (\S+) (.*)$/s.exec(noted) ?? /^(\d+)$/.exec(noted)
    if (!parts) throw new ServerError(`WRONGTYPE the fence key does not hold a number: ${fence}`)
    const [, token, lapsed = '-', top = ''] = parts
    this.last = Number(token)
    this.lapsed = lapsed === '-' ? null : lapsed
    this.top = splitExclusive(top)
    if (this.waiting > 0 || this.exclusive === null) this.share()
    if (this.waiting > 0 || (this.shares && space.zset(shared).size > 0)) this.look()
    this.permits = new Permits(this, space)
    this.permits.mend()
  }

  /** Counts the shared holders: not beside an exclusive one. */
  share(): void {
    this.call.space.zset(this.shared)
    this.shares = true
  }

  /** Before the first write, for the type of meta. */
  look(): void {
    this.call.space.hash(this.meta)
    this.looked = true
  }

  get value(): string | null {
    return this.call.space.get(this.k)
  }

  /** K, where it is neither free nor a marker. */
  get exclusive(): string | null {
    const { value } = this
    return value === marker || value === permitsMarker ? null : value
  }

  get waiting(): number {
    return this.call.space.zset(this.line).size
  }

  /**
   * How many shared holders live. The sorted set is the truth, and K only its shadow; but beside an
   * exclusive holder nobody shares.
   */
  get sharing(): number {
    if (!this.shares || this.exclusive !== null) return 0
    const members = this.call.space.zset(this.shared)
    return members.size - members.below(this.call.now)
  }

  /** The first in line. */
  get head(): string | null {
    return this.call.space.zset(this.line).at(0)?.member ?? null
  }

  /** When K ends: null without K, -1 for a foreign key that never ends. */
  get expiry(): number | null {
    return this.value === null ? null : (this.call.space.expiry(this.k) ?? -1)
  }

  /** The text of the last exclusive holder's record, if that was this owner. */
  exclusiveRecord(owner: string): string | null {
    return this.top?.[0] === owner ? this.top[1] : null
  }

  /** Of waiters and shared holders. */
  get records(): ReadonlyMap<string, string> {
    return this.looked ? this.call.space.hash(this.meta) : new Map()
  }

  record(owner: string): TenureRecord | null {
    const own = this.exclusiveRecord(owner)
    if (own !== null) return parseRecord(own)
    return parseRecord(this.records.get(owner) ?? null)
  }

  /** @param ttl - with a token that was just minted. */
  write(owner: string, r: TenureRecord, ttl?: number): void {
    const text = formatRecord(r)
    if (r.mode === 'x' && r.token !== '0') {
      this.top = [owner, text]
      this.note(ttl)
      return
    }
    this.call.space.hset(this.meta, owner, text)
    this.wrote = true
    if (ttl === undefined) return
    this.top = null
    this.note(ttl)
  }

  /** Writes the fence key: for as long as a new grant needs, or as long as it lives already. */
  note(ttl?: number): void {
    const { space, now } = this.call
    const text = `${this.last} ${this.lapsed ?? '-'} ${this.top?.join(' ') ?? ''}`
    const lives = space.get(this.fence) === null ? null : space.expiry(this.fence)
    const kept = ttl === undefined && space.get(this.fence) !== null
    space.set(this.fence, text, kept ? lives : now + Math.max(fenceMs, ttl ?? 0))
  }

  forget(owner: string): void {
    if (!this.looked) return
    this.call.space.hdel(this.meta, owner)
  }

  /** Removes shared holders whose time is up, a bounded number of them, with their records. */
  purge(): void {
    const { space, now } = this.call
    if (!this.shares) return
    const members = space.zset(this.shared)
    for (const { member } of members.slice(0, Math.min(steps, members.below(now)))) {
      space.zrem(this.shared, member)
      this.forget(member)
    }
  }

  /** Makes K agree with the shared holders: the marker until the last of them ends, or gone. */
  shadow(): void {
    if (this.exclusive !== null) return
    const { space, now } = this.call
    const last = space.zset(this.shared).at(-1)
    const { pool } = this.permits
    if (last !== null && last.score >= now) {
      space.set(this.k, pool ? permitsMarker : marker, last.score)
    } else space.del(this.k)
  }

  /** May a holder of this mode enter beside those who are in? */
  fits(mode: string | undefined, weight = 1): boolean {
    if (this.exclusive !== null) return false
    const { sharing, permits } = this
    // Beside those who were asked to go nobody comes in, or they would never be gone.
    if (this.withheld) return false
    if (mode === 'p') return (permits.pool || sharing === 0) && sharing + weight <= permits.capacity
    return sharing === 0 || (mode === 's' && !permits.pool)
  }

  /** Was everybody who shares the name asked to go? */
  get withheld(): boolean {
    return this.sharing > 0 && this.records.has(withheld)
  }

  /** Asks everybody who shares the name to go; nobody comes in before they have. */
  withhold(): void {
    this.call.space.hset(this.meta, withheld, '1')
  }

  /** Did somebody ask for the end of this owner's tenure? Of those who share, all were asked at once. */
  forced(owner: string, r: TenureRecord | null): boolean {
    if (r?.state === forcedState) return true
    return this.value !== owner && this.records.has(withheld)
  }

  /** Until when this owner holds the name, or null. */
  held(owner: string): number | null {
    if (this.value === owner) return this.expiry
    // A stranger in K has taken the name from the shared holders, whatever the set says.
    if (this.exclusive !== null) return null
    const score = this.call.space.zset(this.shared).score(owner)
    return score !== null && score >= this.call.now ? score : null
  }

  /** Writes this owner's expiry, as a new holder or a prolonged one. */
  hold(owner: string, mode: string, ends: number, weight = 1): void {
    const { space } = this.call
    if (mode !== 'x') {
      this.permits.pool = mode === 'p'
      for (const member of spread(owner, weight)) space.zadd(this.shared, ends, member)
      this.shadow()
    } else if (this.value === owner) space.expireAt(this.k, ends)
    else space.set(this.k, owner, ends)
  }

  /** Until when the lease of a holder runs that asks for this end. It is never made shorter. */
  prolong(owner: string, r: TenureRecord | null, mine: number, ends: number): number {
    const { permits } = this
    const { space, now } = this.call
    if (mine >= ends) {
      // Something is written all the same: see the Lua.
      if (this.value === owner) space.expireAt(this.fence, Math.max(now + fenceMs, mine))
      return mine
    }
    if (this.value !== owner) {
      this.hold(owner, permits.pool ? 'p' : 's', ends, permits.weigh(owner, r))
      return ends
    }
    this.hold(owner, 'x', ends)
    // The record is there for as long as the tenure that it is of.
    space.expireAt(this.fence, Math.max(now + fenceMs, ends))
    return ends
  }

  /** Has a quorum ever been granted this name here? */
  get votes(): boolean {
    return this.lapsed?.startsWith('m') ?? false
  }

  /**
   * A fencing token larger than every earlier one of this name, and those behind it that are reserved with
   * it: so many in all. Of a quorum the ballot.
   */
  mint(many: number): string {
    if (this.ballot !== null) {
      this.last = Math.max(this.last, Number(this.ballot))
      return this.ballot
    }
    const token = Math.max(this.call.us, this.last + 1)
    this.last = token + Math.max(1, many) - 1
    return String(token)
  }

  /** Makes the owner a holder. */
  enter(owner: string, r: TenureRecord, ends: number, state = '0'): Reply[] {
    const alone = this.sharing === 0
    this.hold(owner, r.mode, ends, Number(r.weight))
    if (r.mode === 'p') this.permits.keep()
    if (r.mode === 'x' && this.waiting > 0) this.forget(owner)
    if (r.mode !== 'x' && alone) this.forget(withheld)
    r.token = this.mint(tokensOf(r))
    r.since = String(this.call.now)
    r.state = state
    this.write(owner, r, r.ttl)
    return ['granted', r.token, String(ends)]
  }
}
