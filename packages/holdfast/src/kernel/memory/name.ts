/**
 * The state machine of one name, as `kernel/lua/_name.lua` has it. The Lua reads each key once and
 * keeps count; here the keys are asked each time, which is as cheap and says the same.
 */
import type { Reply } from '../../clients/port.js'
import { channelOf, tell, type Call } from './call.js'
import {
  claimedState,
  formatRecord,
  parseRecord,
  splitExclusive,
  type TenureRecord,
} from './record.js'
import { ServerError } from './store.js'

/** What K holds while shared holders live. */
const marker = 'hf:shared'
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

/** NaN for a text that is no number, the empty one included. */
function toNumber(text: string): number {
  return text.trim() === '' ? NaN : Number(text)
}

/** One name, during one call. */
export class Name {
  readonly k: string
  readonly line: string
  readonly shared: string
  readonly meta: string
  /** The highest fencing token ever granted. */
  last: number
  readonly #fence: string
  readonly #call: Call
  /** Whose claim has just been seen to have run out. */
  #lapsed: string | null = null

  /** Visits all five keys, so that one of a wrong type is found before anything is written. */
  constructor(call: Call, [k, fence, line, shared, meta]: Keys) {
    this.#call = call
    this.k = k
    this.#fence = fence
    this.line = line
    this.shared = shared
    this.meta = meta
    const { space } = call
    space.get(k)
    this.last = toNumber(space.get(fence) ?? '0')
    space.zset(line)
    space.zset(shared)
    space.hash(meta)
    if (Number.isNaN(this.last)) {
      throw new ServerError(`WRONGTYPE the fence key does not hold a number: ${fence}`)
    }
  }

  get value(): string | null {
    return this.#call.space.get(this.k)
  }

  /** K, where it is neither free nor the marker. */
  get exclusive(): string | null {
    const { value } = this
    return value === marker ? null : value
  }

  get waiting(): number {
    return this.#call.space.zset(this.line).size
  }

  /** How many shared holders live. The sorted set is the truth, and K only its shadow. */
  get sharing(): number {
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

  record(owner: string): TenureRecord | null {
    const fields = this.#call.space.hash(this.meta)
    const [who, text] = splitExclusive(fields.get('x')) ?? []
    return parseRecord((who === owner ? text : fields.get(owner)) ?? null)
  }

  /** The text of the exclusive record if it is this holder's, else nothing. */
  exclusiveRecord(owner: string): string {
    const [who, text] = splitExclusive(this.#call.space.hash(this.meta).get('x')) ?? []
    return who === owner ? String(text) : ''
  }

  write(owner: string, r: TenureRecord): void {
    const holds = r.mode === 'x' && r.token !== '0'
    const text = formatRecord(r)
    if (holds) this.#call.space.hset(this.meta, 'x', `${owner} ${text}`)
    else this.#call.space.hset(this.meta, owner, text)
  }

  forget(owner: string): void {
    this.#call.space.hdel(this.meta, owner)
  }

  /** Removes shared holders whose time is up, a bounded number of them, with their records. */
  purge(): void {
    const { space, now } = this.#call
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
    if (last !== null && last.score >= now) space.set(this.k, marker, last.score)
    else space.del(this.k)
  }

  /** May a holder of this mode enter beside those who are in? */
  fits(mode: string | undefined): boolean {
    if (this.exclusive !== null) return false
    return mode === 's' || this.sharing === 0
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
  hold(owner: string, mode: string, ends: number): void {
    const { space } = this.#call
    if (mode === 's') {
      space.zadd(this.shared, ends, owner)
      this.shadow()
    } else if (this.value === owner) space.expireAt(this.k, ends)
    else space.set(this.k, owner, ends)
  }

  /** Until when the lease of a holder runs that asks for this end. It is never made shorter. */
  prolong(owner: string, mine: number, ends: number): number {
    if (mine >= ends) return mine
    this.hold(owner, this.value === owner ? 'x' : 's', ends)
    return ends
  }

  /** A fencing token larger than every earlier one of this name. */
  mint(ttl: number): string {
    const { space, us, now } = this.#call
    this.last = Math.max(us, this.last + 1)
    space.set(this.#fence, String(this.last), now + Math.max(fenceMs, ttl))
    return String(this.last)
  }

  /** Makes the owner a holder. */
  enter(owner: string, r: TenureRecord, ends: number, state = '0'): Reply[] {
    this.hold(owner, r.mode, ends)
    if (r.mode !== 's') {
      // If nobody else is left here, whatever is written was left behind by the dead.
      const { space } = this.#call
      if (this.waiting === 0) space.del(this.meta)
      else {
        this.forget(owner)
        if (this.#lapsed !== null) space.hset(this.meta, 'l', this.#lapsed)
      }
    }
    r.token = this.mint(r.ttl)
    r.since = String(this.#call.now)
    r.state = state
    this.write(owner, r)
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
    const suspect = this.waiting > 0 ? this.#silent(caller) : null
    for (let step = 1; ; step++) {
      const { head } = this
      if (head === null) break
      const r = this.record(head)
      if (r !== null && !this.fits(r.mode)) break
      // What remains is done by the new head, which is told that the name is free now.
      if (step > steps) break
      space.zrem(this.line, head)
      moved = true
      if (r === null || (head !== caller && (this.#dead(head, r) || clientOf(head) === suspect)))
        this.forget(head)
      else if (head === caller) granted = this.enter(head, r, now + r.ttl)
      else {
        const ends = now + Math.min(r.claim, r.ttl)
        this.enter(head, r, ends, claimedState)
        pushed = clientOf(head)
        tell(this.#call, 'grant', head, r.token, us, ends, run)
      }
    }
    const { head } = this
    if (moved && head !== null && head !== caller) {
      const free = this.fits(this.record(head)?.mode)
      // If the one who was granted the name is dead, so are the others of its process.
      const told = clientOf(head) === pushed ? (this.#other(pushed) ?? head) : head
      tell(this.#call, 'first', told, us, free ? now : (this.expiry ?? now), run)
    }
    return granted
  }

  /** Gives line, meta and shared the life they need: as long as the last of those they serve. */
  settle(): void {
    const { space, now } = this.#call
    const { waiting } = this
    // Somebody deleted K under its shared holders.
    if (this.value === null && this.sharing > 0) this.shadow()
    if (waiting === 0 && this.value === null && this.sharing === 0) {
      space.del(this.meta)
      space.del(this.shared)
      return
    }
    let life = Math.max(this.expiry ?? now, now)
    if (waiting > 0) {
      life += waiting * askSpacingMs + lineTailMs
      life = Math.max(life, space.expiry(this.line) ?? 0)
      space.expireAt(this.line, life)
    }
    space.expireAt(this.meta, life)
    space.expireAt(this.shared, life)
  }

  /** Who holds: kind, owner, expiry or -1, info. Kind is x, s, f (of another library) or -. */
  holder(): Reply[] {
    const { exclusive } = this
    if (exclusive !== null) {
      const ends = String(this.expiry)
      if (!isOwner(exclusive)) return ['f', '', ends, '']
      return ['x', exclusive, ends, this.record(exclusive)?.info ?? '']
    }
    const last = this.sharing > 0 ? this.#call.space.zset(this.shared).at(-1) : null
    if (last === null) return ['-', '', '-1', '']
    return ['s', last.member, String(last.score), this.record(last.member)?.info ?? '']
  }

  /** Whoever asks for its claim is alive. */
  confirm(owner: string, r: TenureRecord | null): void {
    if (r?.state === claimedState) this.write(owner, { ...r, state: '0' })
  }

  /**
   * The client that let its claim run out, as far as is known: it costs the others one claim, and
   * its other places none. Whoever of it is alive asks, and comes back to its old place.
   */
  #silent(caller: string | null): string | null {
    const fields = this.#call.space.hash(this.meta)
    const [who, text] = splitExclusive(fields.get('x')) ?? []
    const ran = who !== undefined && this.value !== who
    if (ran && parseRecord(text ?? null)?.state === claimedState) this.#lapsed = who
    const owner = this.#lapsed ?? fields.get('l')
    if (owner === undefined) return null
    if (caller === null || clientOf(caller) !== clientOf(owner)) return clientOf(owner)
    this.#lapsed = null
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
