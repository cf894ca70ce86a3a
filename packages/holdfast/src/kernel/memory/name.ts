/** The line of one name and its hand-over: the twin of `kernel/lua/_line.lua`. */
import type { Reply } from '../../clients/port.js'
import { channelOf, tell } from './call.js'
import { ownerOf } from './permits.js'
import {
  lingers,
  askedState,
  bareInfo,
  claimedState,
  isClaimed,
  parseRecord,
  type TenureRecord,
} from './record.js'
import type { Scored } from './sorted-set.js'
import { clientOf, isOwner, State, steps } from './state.js'

const askSpacingMs = 500
const lineTailMs = 10_000

/** One name, during one call. */
export class Name extends State {
  /**
   * The one hand-over: lets in from the head of the line who fits. The caller, if it is among
   * them, gets its full lease in this reply; the others get a claim and a message.
   *
   * @param moved - the head of the line has already changed.
   */
  advance(caller: string | null, moved = false): Reply[] | null {
    const { space, us, now, run, quarantined } = this.call
    // Who waits for a vote is not made a holder.
    if (quarantined !== null || this.votes) return null
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
      const dead = (): boolean => this.dead(head, r!) || clientOf(head) === suspect
      if (r === null || (head !== caller && !excess && dead())) this.forget(head)
      else if (excess) {
        // It is told to ask, and hears why.
        this.forget(head)
        tell(this.call, 'first', head, us, now, run)
      } else if (head === caller) {
        granted = this.enter(head, r, now + r.ttl)
        if (this.waiting > 0) this.want()
      } else {
        const ends = now + Math.min(r.claim, r.ttl)
        this.enter(head, r, ends, claimedState)
        pushed = clientOf(head)
        this.permits.claim = String(ends)
        tell(this.call, 'grant', head, r.token, us, ends, run)
        if (this.waiting > 0) this.want()
      }
      // Nobody fits beside it.
      if (r !== null && this.value === head) break
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
      tell(this.call, 'first', told, us, free, run)
    }
    return granted
  }

  /** Gives line, meta and shared the life they need: as long as the last of those they serve. */
  settle(): void {
    const { space, now } = this.call
    const { waiting } = this
    // Somebody deleted K under its shared holders.
    if (this.value === null && this.sharing > 0) this.shadow()
    const { sharing } = this
    if (waiting === 0 && sharing === 0) {
      const { value } = this
      if (!this.looked || (value !== null && !isOwner(value))) return
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
        this.wrote = true
      } else life = lives
    }
    if (this.wrote || sharing > 0) space.expireAt(this.meta, life)
    if (sharing > 0) space.expireAt(this.shared, life)
  }

  /** A holder whose process may keep the name when it has let go is told that somebody wants it. */
  want(): void {
    const { exclusive } = this
    if (exclusive === null || !isOwner(exclusive)) return
    const sub = this.record(exclusive)?.sub ?? ''
    if (sub.startsWith(lingers)) tell(this.call, 'wanted', exclusive, String(this.call.us))
  }

  /** Who holds: kind, owner, expiry or -1, info. Kind is x, s, p, f (of another library) or -. */
  holder(mode?: string, weight = 1): Reply[] {
    const { exclusive } = this
    if (exclusive !== null) {
      const ends = String(this.expiry)
      if (!isOwner(exclusive)) return ['f', '', ends, '']
      return ['x', exclusive, ends, bareInfo(this.record(exclusive)?.info ?? '')]
    }
    const last = this.sharing > 0 ? this.permits.awaited(mode, weight) : null
    if (last === null) return ['-', '', '-1', '']
    const owner = ownerOf(last.member)
    const kind = this.permits.pool ? 'p' : 's'
    return [kind, owner, String(last.score), bareInfo(this.record(owner)?.info ?? '')]
  }

  /** Those who hold: how many, and at most 100 of them as owner, expiry, record. */
  holders(): readonly [count: number, list: Reply[]] {
    const { exclusive } = this
    if (exclusive !== null) {
      const text = this.exclusiveRecord(exclusive) ?? ''
      return [1, [isOwner(exclusive) ? exclusive : '', String(this.expiry), text]]
    }
    if (this.sharing === 0) return [0, []]
    const [found, count] = this.permits.sharers(100, this.call.now)
    return [count, this.listed(found)]
  }

  /** Members with their scores and records, as the lists of a reply have them. */
  listed(all: readonly Scored[]): Reply[] {
    const { records } = this
    return all.flatMap(({ member, score }) => [member, String(score), records.get(member) ?? ''])
  }

  /** Whoever asks for its claim is alive. */
  confirm(owner: string, r: TenureRecord | null): void {
    if (r === null || !isClaimed(r.state)) return
    this.write(owner, { ...r, state: r.state === claimedState ? '0' : askedState })
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
    if (ran && isClaimed(parseRecord(text ?? null)?.state)) this.lapsed = who
    const owner = this.lapsed
    if (owner === null) return null
    if (caller === null || clientOf(caller) !== clientOf(owner)) return clientOf(owner)
    this.lapsed = null
    return null
  }

  /** The first in line who is not of this client, near the head. */
  #other(client: string): string | null {
    const near = this.call.space.zset(this.line).slice(0, steps)
    return near.find(({ member }) => clientOf(member) !== client)?.member ?? null
  }

  /** No subscriber means dead only where the waiter was seen to be subscribed on this run. */
  dead(owner: string, r: TenureRecord): boolean {
    const { run } = this.call
    return (
      run !== '' &&
      (r.sub === run || r.sub === `${lingers}${run}`) &&
      this.call.subscribers(channelOf(owner)) === 0
    )
  }
}
