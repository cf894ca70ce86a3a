/**
 * The state machine of one name, as `kernel/lua/_name.lua` has it. The Lua reads each key once and
 * keeps count; here the keys are asked each time, which is as cheap and says the same.
 */
import type { Reply } from '../../clients/port.js'
import { channelOf, tell, type Call } from './call.js'
import { ownerOf, Permits, permitsMarker, spread } from './permits.js'
import {
  claimedState,
  forcedState,
  formatRecord,
  parseRecord,
  splitExclusive,
  type TenureRecord,
} from './record.js'
import { ServerError } from './store.js'

/** What K holds while shared holders live. */
const marker = 'hf:shared'
/** A field of meta: everybody who shares the name was asked to go. */
const withheld = 'withheld'
/** The most heads, or dead shared holders, that one call works off. */
export const steps = 64

const fenceMs = 600_000
const askSpacingMs = 500
const lineTailMs = 10_000

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

/** One name, during one call. */
export class Name {
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
  readonly permits: Permits
  readonly #fence: string
  readonly #call: Call
  /** Whether somebody waits or shares, or is to: only then meta counts. */
  #looked = false
  #shares = false
  /** Whether a record was written to meta. */
  #wrote = false

  /** Visits the keys that it needs, so that one of a wrong type is found before anything is written. */
  constructor(call: Call, [k, fence, line, shared, meta]: Keys) {
    this.#call = call
    this.k = k
    this.#fence = fence
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
    if (this.waiting > 0 || (this.#shares && space.zset(shared).size > 0)) this.look()
    this.permits = new Permits(this, space)
    this.permits.mend()
  }

  /** Counts the shared holders: not beside an exclusive one. */
  share(): void {
    this.#call.space.zset(this.shared)
    this.#shares = true
  }

  /** Before the first write, for the type of meta. */
  look(): void {
    this.#call.space.hash(this.meta)
    this.#looked = true
  }

  get value(): string | null {
    return this.#call.space.get(this.k)
  }

  /** K, where it is neither free nor a marker. */
  get exclusive(): string | null {
    const { value } = this
    return value === marker || value === permitsMarker ? null : value
  }

  get waiting(): number {
    return this.#call.space.zset(this.line).size
  }

  /**
   * How many shared holders live. The sorted set is the truth, and K only its shadow; but beside an
   * exclusive holder nobody shares.
   */
  get sharing(): number {
    if (!this.#shares || this.exclusive !== null) return 0
    const members = this.#call.space.zset(this.shared)
    return members.size - members.below(this.#call.now)
  }

  /** The first in line. */
  get head(): string | null {
    return this.#call.space.zset(this.line).at(0)?.member ?? null
  }

  /** When K ends: null without K, -1 for a foreign key that never ends. */
  get expiry(): number | null {
    return this.value === null ? null : (this.#call.space.expiry(this.k) ?? -1)
  }

  /** The text of the last exclusive holder's record, if that was this owner. */
  exclusiveRecord(owner: string): string | null {
    return this.top?.[0] === owner ? this.top[1] : null
  }

  /** Of waiters and shared holders. */
  get records(): ReadonlyMap<string, string> {
    return this.#looked ? this.#call.space.hash(this.meta) : new Map()
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
    this.#call.space.hset(this.meta, owner, text)
    this.#wrote = true
    if (ttl === undefined) return
    this.top = null
    this.note(ttl)
  }

  /** Writes the fence key: for as long as a new grant needs, or as long as it lives already. */
  note(ttl?: number): void {
    const { space, now } = this.#call
    const text = `${this.last} ${this.lapsed ?? '-'} ${this.top?.join(' ') ?? ''}`
    const lives = space.get(this.#fence) === null ? null : space.expiry(this.#fence)
    const kept = ttl === undefined && space.get(this.#fence) !== null
    space.set(this.#fence, text, kept ? lives : now + Math.max(fenceMs, ttl ?? 0))
  }

  forget(owner: string): void {
    if (!this.#looked) return
    this.#call.space.hdel(this.meta, owner)
  }

  /** Removes shared holders whose time is up, a bounded number of them, with their records. */
  purge(): void {
    const { space, now } = this.#call
    if (!this.#shares) return
    const members = space.zset(this.shared)
    for (const { member } of members.slice(0, Math.min(steps, members.below(now)))) {
      space.zrem(this.shared, member)
      this.forget(member)
    }
  }

  /** Makes K agree with the shared holders: the marker until the last of them ends, or gone. */
  shadow(): void {
    if (this.exclusive !== null) return
    const { space, now } = this.#call
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
    if (sharing > 0 && this.records.has(withheld)) return false
    if (mode === 'p') return (permits.pool || sharing === 0) && sharing + weight <= permits.capacity
    return sharing === 0 || (mode === 's' && !permits.pool)
  }

  /** Asks everybody who shares the name to go; nobody comes in before they have. */
  withhold(): void {
    this.#call.space.hset(this.meta, withheld, '1')
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
    const score = this.#call.space.zset(this.shared).score(owner)
    return score !== null && score >= this.#call.now ? score : null
  }

  /** Writes this owner's expiry, as a new holder or a prolonged one. */
  hold(owner: string, mode: string, ends: number, weight = 1): void {
    const { space } = this.#call
    if (mode !== 'x') {
      this.permits.pool = mode === 'p'
      for (const member of spread(owner, weight)) space.zadd(this.shared, ends, member)
      this.shadow()
    } else if (this.value === owner) space.expireAt(this.k, ends)
    else space.set(this.k, owner, ends)
  }

  /** Until when the lease of a holder runs that asks for this end. It is never made shorter. */
  prolong(owner: string, r: TenureRecord | null, mine: number, ends: number): number {
    if (mine >= ends) return mine
    const { permits } = this
    if (this.value !== owner) {
      this.hold(owner, permits.pool ? 'p' : 's', ends, permits.weigh(owner, r))
      return ends
    }
    this.hold(owner, 'x', ends)
    // The record is there for as long as the tenure that it is of.
    const { space, now } = this.#call
    space.expireAt(this.#fence, Math.max(now + fenceMs, ends))
    return ends
  }

  /** A fencing token larger than every earlier one of this name. */
  mint(): string {
    this.last = Math.max(this.#call.us, this.last + 1)
    return String(this.last)
  }

  /** Makes the owner a holder. */
  enter(owner: string, r: TenureRecord, ends: number, state = '0'): Reply[] {
    const alone = this.sharing === 0
    this.hold(owner, r.mode, ends, Number(r.weight))
    if (r.mode === 'p') this.permits.keep()
    if (r.mode === 'x' && this.waiting > 0) this.forget(owner)
    if (r.mode !== 'x' && alone) this.forget(withheld)
    r.token = this.mint()
    r.since = String(this.#call.now)
    r.state = state
    this.write(owner, r, r.ttl)
    return ['granted', r.token, String(ends)]
  }

  /**
   * The one hand-over: lets in from the head of the line who fits. The caller, if it is among
   * them, gets its full lease in this reply; the others get a claim and a message.
   *
   * @param moved - the head of the line has already changed.
   */
  advance(caller: string | null, moved = false): Reply[] | null {
    const { space, us, now, run } = this.#call
    let granted: Reply[] | null = null
    let pushed: string | null = null
    let stopped = false
    const suspect = this.waiting > 0 ? this.#silent(caller) : null
    for (let step = 1; ; step++) {
      const { head } = this
      if (head === null) break
      const r = this.record(head)
      const excess = r !== null && this.permits.excess(r)
      if (r !== null && !excess && !this.fits(r.mode, Number(r.weight))) break
      // What remains is done by the new head, which is told that the name is free now.
      if (step > steps) {
        stopped = true
        break
      }
      space.zrem(this.line, head)
      moved = true
      const dead = (): boolean => this.#dead(head, r!) || clientOf(head) === suspect
      if (r === null || (head !== caller && !excess && dead())) this.forget(head)
      else if (excess) {
        // It is told to ask, and hears why.
        this.forget(head)
        tell(this.#call, 'first', head, us, now, run)
      } else if (head === caller) granted = this.enter(head, r, now + r.ttl)
      else {
        const ends = now + Math.min(r.claim, r.ttl)
        this.enter(head, r, ends, claimedState)
        pushed = clientOf(head)
        this.permits.claim = String(ends)
        tell(this.#call, 'grant', head, r.token, us, ends, run)
      }
      // Nobody fits beside it.
      if (this.value === head) break
    }
    if (pushed !== null || stopped) this.behind = this.waiting
    const { head } = this
    if ((moved || this.freed !== null) && head !== null && head !== caller) {
      const r = this.record(head)
      const weight = Number(r?.weight ?? 1)
      const pooled = this.exclusive === null && this.permits.pool && r !== null
      const awaited = pooled ? this.permits.awaited(r.mode, weight)?.score : null
      const free = this.fits(r?.mode, weight) ? now : (awaited ?? this.expiry ?? now)
      // Of a shared holder that is gone: was the head told a later end than is true now?
      if (!moved && (this.freed ?? 0) <= free) return granted
      // If the one who was granted the name is dead, so are the others of its process.
      const told = clientOf(head) === pushed ? (this.#other(pushed) ?? head) : head
      tell(this.#call, 'first', told, us, free, run)
    }
    return granted
  }

  /** Gives line, meta and shared the life they need: as long as the last of those they serve. */
  settle(): void {
    const { space, now } = this.#call
    const { waiting } = this
    // Somebody deleted K under its shared holders.
    if (this.value === null && this.sharing > 0) this.shadow()
    const { sharing } = this
    if (waiting === 0 && sharing === 0) {
      const { value } = this
      if (!this.#looked || (value !== null && !isOwner(value))) return
      space.del(this.meta)
      space.del(this.shared)
      return
    }
    let life = Math.max(this.expiry ?? now, now)
    if (waiting > 0) {
      const lives = space.expiry(this.line) ?? -1
      life += waiting * askSpacingMs + lineTailMs
      if (life > lives) {
        space.expireAt(this.line, life)
        this.#wrote = true
      } else life = lives
    }
    if (this.#wrote || sharing > 0) space.expireAt(this.meta, life)
    if (sharing > 0) space.expireAt(this.shared, life)
  }

  /** Who holds: kind, owner, expiry or -1, info. Kind is x, s, p, f (of another library) or -. */
  holder(mode?: string, weight = 1): Reply[] {
    const { exclusive } = this
    if (exclusive !== null) {
      const ends = String(this.expiry)
      if (!isOwner(exclusive)) return ['f', '', ends, '']
      return ['x', exclusive, ends, this.record(exclusive)?.info ?? '']
    }
    const last = this.sharing > 0 ? this.permits.awaited(mode, weight) : null
    if (last === null) return ['-', '', '-1', '']
    const owner = ownerOf(last.member)
    const kind = this.permits.pool ? 'p' : 's'
    return [kind, owner, String(last.score), this.record(owner)?.info ?? '']
  }

  /** Whoever asks for its claim is alive. */
  confirm(owner: string, r: TenureRecord | null): void {
    if (r?.state === claimedState) this.write(owner, { ...r, state: '0' })
  }

  /**
   * An exclusive tenure was ended, and `top` was taken out meanwhile. Where nobody followed, its
   * record stays with the fence, so that a late copy of its acquire is refused.
   */
  retire(owner: string, was: Name['top']): void {
    if (this.value !== null || this.sharing > 0) return
    this.top = was
    // Its claim did not run out.
    this.confirm(owner, this.record(owner))
  }

  /**
   * The client that let its claim run out, as far as is known: it costs the others one claim, and
   * its other places none. Whoever of it is alive asks, and comes back to its old place.
   */
  #silent(caller: string | null): string | null {
    const [who, text] = this.top ?? []
    const ran = who !== undefined && this.value !== who
    if (ran && parseRecord(text ?? null)?.state === claimedState) this.lapsed = who
    const owner = this.lapsed
    if (owner === null) return null
    if (caller === null || clientOf(caller) !== clientOf(owner)) return clientOf(owner)
    this.lapsed = null
    return null
  }

  /** The first in line who is not of this client, near the head. */
  #other(client: string): string | null {
    const near = this.#call.space.zset(this.line).slice(0, steps)
    return near.find(({ member }) => clientOf(member) !== client)?.member ?? null
  }

  /** No subscriber means dead only where the waiter was seen to be subscribed on this run. */
  #dead(owner: string, r: TenureRecord): boolean {
    const { run } = this.#call
    return run !== '' && r.sub === run && this.#call.subscribers(channelOf(owner)) === 0
  }
}
