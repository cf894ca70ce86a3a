/** A node of a quorum: the twin of `kernel/lua/_ballot.lua`. */
import type { Reply } from '../../clients/port.js'
import { tell } from './call.js'
import { aheadUs, slackUs } from './guard.js'
import type { Name } from './name.js'
import { ownerOf } from './permits.js'
import { offeredState, type TenureRecord } from './record.js'
import { fenceMs, steps } from './state.js'

export const mostSlots = 1000
/** An offer that is made once more stands for at least so long. */
const reofferMs = 1000

/** A ballot as a request says it; null for anything else. */
export function ballotOf(text: string): number | null {
  return /^\d{1,16}$/.test(text) ? Number(text) : null
}

/** The slots that a record holds, as text. */
export function slotsOf(r: TenureRecord | null): string {
  if (r?.mode !== 'p') return ''
  return /^\d+\/(\d[\d,]*)$/.exec(r.sub)?.[1] ?? ''
}

/** Which slots are held by others than this owner. */
export function takenSlots(n: Name, but: string): Set<number> {
  const taken = new Set<number>()
  if (!n.permits.pool || n.sharing === 0) return taken
  for (const { member } of n.permits.sharers(mostSlots, n.call.now)[0]) {
    if (member === but) continue
    const slots = slotsOf(n.record(ownerOf(member)))
    for (const slot of slots.match(/\d+/g) ?? []) taken.add(Number(slot))
  }
  return taken
}

export function listed(taken: ReadonlySet<number>): string {
  return [...taken].toSorted((a, b) => a - b).join(',')
}

/** The slots of a request: those it names, if all are free, or the lowest free ones; null if it cannot be. */
export function choose(
  taken: ReadonlySet<number>,
  weight: number,
  limit: number,
  wanted: string,
): string | null {
  const chosen = new Set<number>()
  if (wanted !== '') {
    for (const text of wanted.match(/\d+/g) ?? []) {
      const slot = Number(text)
      if (taken.has(slot) || chosen.has(slot) || slot >= limit) return null
      chosen.add(slot)
    }
  } else {
    for (let slot = 0; slot < limit && chosen.size < weight; slot++) {
      if (!taken.has(slot)) chosen.add(slot)
    }
  }
  return chosen.size === weight ? listed(chosen) : null
}

/** The ballots of one name, during one item. */
export class Ballots {
  /** The marks: the highest ballot granted, and granted exclusively, not known to have failed; 0: unknown. */
  all: number
  x: number
  readonly #n: Name

  /** @param ballot - the one that this item is of. */
  constructor(n: Name, ballot: string | null) {
    this.#n = n
    n.ballot = ballot
    const { space, us, floor } = n.call
    const [, all, x] = /^m(\d+)\/(\d+)$/.exec(n.lapsed ?? '') ?? []
    if (space.get(n.fence) !== null) {
      this.all = Number(all ?? n.last)
      this.x = Number(x ?? n.last)
      return
    }
    // Expired, or lost with the rest: no ballot that was granted before can be above this.
    this.all = this.x = 0
    n.last = Math.max(floor, us - fenceMs * 1000 + aheadUs + slackUs)
  }

  keep(): void {
    this.#n.lapsed = `m${this.all}/${this.x}`
  }

  /** Makes the highest ballot at least this. @returns whether that changed it. */
  lift(least: number): boolean {
    if (least <= this.#n.last) return false
    this.#n.last = least
    return true
  }

  /** The marks after a grant of this ballot. */
  raise(mode: string, t: number): void {
    this.all = Math.max(this.all, t)
    if (mode === 'x') this.x = Math.max(this.x, t)
    this.keep()
  }

  subOf(mode: string, slots: string | null): string {
    return `${this.all}/${mode === 'x' ? this.x : mode === 'p' ? slots : '-'}`
  }

  /** Makes the owner a holder with the ballot of this item. */
  vote(owner: string, r: TenureRecord, ends: number, slots: string | null, state = '0'): Reply[] {
    const record = { ...r, sub: this.subOf(r.mode, slots) }
    this.raise(r.mode, Number(this.#n.ballot))
    return this.#n.enter(owner, record, ends, state)
  }

  #drop(owner: string): void {
    this.#n.call.space.zrem(this.#n.line, owner)
    this.#n.forget(owner)
  }

  outstanding(r: TenureRecord): boolean {
    return r.state === offeredState && this.#n.call.now <= r.claim
  }

  /**
   * Tells those at the head of the line who fit that the name is free for them, for a claim: until
   * then nobody else comes in. An offer that nobody took costs its waiter the place.
   */
  offer(caller: string | null, anew = false): void {
    const n = this.#n
    const { us, now, run, space, quarantined } = n.call
    if (quarantined !== null) return
    let at = 0
    let weights = 0
    let mode: string | null = null
    for (let step = 1; step <= steps && n.waiting > at; step++) {
      const line = space.zset(n.line)
      const head = line.at(at)!.member
      const second = line.at(at + 1)?.member
      const r = n.record(head)
      const expired = r?.state === offeredState && !this.outstanding(r)
      if (r === null || (expired && head !== caller && !anew)) this.#drop(head)
      else if (n.permits.excess(r)) {
        // It is told to ask, and hears why.
        this.#drop(head)
        tell(n.call, 'first', head, us, now, run, n.last)
      } else if ((mode ?? r.mode) !== r.mode || !n.fits(r.mode, weights + Number(r.weight))) {
        if (at > 0 || n.freed === null) return
        // It will be free earlier than the first in line was told.
        const ends = n.holder(r.mode, Number(r.weight))[2]
        if (Number(ends) < n.freed) tell(n.call, 'first', head, us, String(ends), run, n.last)
        return
      } else if (head !== caller && n.dead(head, r)) this.#drop(head)
      else {
        if (!this.outstanding(r) || anew) {
          const again = r.state === offeredState
          // The length of an offer is no longer known where one was made.
          const left = again ? Math.max(0, r.claim - now) : r.claim
          const claim = now + (again && anew ? Math.max(left, reofferMs) : left)
          n.write(head, { ...r, state: offeredState, claim })
          if (head !== caller) tell(n.call, 'first', head, us, now, run, n.last)
          // Should the first be gone, the second knows when to ask.
          if (r.mode === 'x' && second !== undefined) {
            tell(n.call, 'first', second, us, claim, run, n.last)
          }
        }
        if (r.mode === 'x') return
        mode = r.mode
        weights += Number(r.weight)
        at++
      }
    }
  }

  /** May this owner come in before those who stand in line? */
  invited(owner: string): boolean {
    const n = this.#n
    if (n.waiting === 0) return true
    const rank = n.call.space.zset(n.line).rank(owner)
    if (rank === 0) return true
    const r = rank === null ? null : n.record(owner)
    // Beside others who were invited together; but of those who want it alone the first comes first.
    return r !== null && r.mode !== 'x' && this.outstanding(r)
  }
}
