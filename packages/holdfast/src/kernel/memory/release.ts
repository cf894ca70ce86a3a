import type { Operation } from './operations.js'
import type { Name } from './name.js'
import { spread } from './permits.js'
import { modeOf } from './please.js'
import { forcedState, type TenureRecord } from './record.js'

/** What the end of a tenure, or of a place in line, was. */
export interface LetGo {
  readonly verdict: string
  /** Whether the head of the line has changed. */
  readonly moved: boolean
  /** When it ends that is kept. */
  readonly kept: number | null
  /** The record from before. */
  readonly r: TenureRecord | null
  /** `top` from before, where an exclusive tenure was ended. */
  readonly was: Name['top'] | undefined
}

/** The twin of `let_go` in `kernel/lua/_release.lua`. */
export function letGo(n: Name, owner: string, least: number): LetGo {
  const { space, now } = n.call
  let verdict = 'gone'
  let moved = false
  let was: Name['top'] | undefined
  const rank = space.zset(n.line).rank(owner)
  const exclusive = n.value === owner
  const shares = !exclusive && space.zset(n.shared).score(owner) !== null
  if (shares) n.look()
  const mine = exclusive || shares ? n.held(owner) : null
  const r = n.record(owner)
  const kept = mine === null ? null : due(r, least, now)
  if (kept !== null) {
    verdict = 'kept'
    moved = kept > mine!
    retain(n, owner, r!, mine!, kept)
  } else if (exclusive) {
    verdict = 'released'
    space.del(n.k)
    n.permits.mend()
    was = n.top
    n.top = null
  } else if (shares) {
    if (mine !== null) verdict = 'released'
    for (const member of spread(owner, n.permits.weigh(owner, r))) space.zrem(n.shared, member)
    n.forget(owner)
    n.shadow()
    // The name may be free earlier than the first in line was told.
    n.freed = mine
  } else if (rank !== null) {
    verdict = 'left'
    space.zrem(n.line, owner)
    n.forget(owner)
    moved = rank === 0
  } else {
    // A record is left where somebody deleted the line.
    n.look()
    n.forget(owner)
  }
  return { verdict, moved, kept, r, was }
}

/** The twin of `kernel/lua/release.lua`. */
export const release: Operation = {
  fields: 2,
  brief: true,
  run(n, field) {
    const owner = field(1)
    // The twin of `kernel/lua/_quick_release.lua`.
    if (n.value === owner && n.waiting === 0 && field(2) === '' && n.record(owner))
      n.call.timeless++
    const { verdict, moved, kept, r, was } = letGo(n, owner, Number(field(2)))
    n.purge()
    n.advance(owner, moved)
    if (was !== undefined) n.retire(owner, was)
    n.settle()
    // The head is told when it ends; whoever released may look after those behind it.
    if (kept !== null && n.behind === 0) n.behind = Math.max(0, n.waiting - 1)
    // Who gives up is told whom it waited for.
    const left = verdict === 'left' ? r : null
    const [kind = '-', holds = '', last = '-1', info = ''] = n.holder(
      left?.mode,
      Number(left?.weight ?? 1),
    )
    const ends = kept === null ? [] : [String(kept)]
    // Of the permits, the claim is what whoever released looks after, and not the last to end.
    const watched = kind === 'p' ? (n.permits.claim ?? ends[0] ?? last) : last
    return [verdict, kind, holds, watched, info, n.behind, ...ends]
  },
}

/** When a tenure may end that is to end now; null: now. From the grant, by the server's clock. */
function due(r: TenureRecord | null, least: number, now: number): number | null {
  if (r === null || r.token === '0') return null
  // After a step of that clock never more than asked for.
  const ends = Math.min(Number(r.since), now) + least
  return ends > now ? ends : null
}

/** Makes a tenure end then, sooner or later than its lease would, and for good. */
function retain(n: Name, owner: string, r: TenureRecord, mine: number, ends: number): void {
  if (ends > mine) n.prolong(owner, r, mine, ends)
  else if (ends < mine) {
    n.hold(owner, modeOf(n, owner), ends, n.permits.weigh(owner, r))
    n.freed = mine
  }
  if (r.state !== forcedState) n.write(owner, { ...r, state: forcedState })
}
