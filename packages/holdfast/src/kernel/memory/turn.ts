import type { Reply } from '../../clients/port.js'
import { Ballots, ballotOf, slotsOf } from './ballot.js'
import { late, type Call, type Field } from './call.js'
import { aheadUs } from './guard.js'
import type { Name } from './name.js'
import type { Operation } from './operations.js'
import { spread } from './permits.js'
import { modeOf } from './please.js'
import { askedClaimedState, askedState, bareInfo, type TenureRecord } from './record.js'

/** How the heir is made a holder; `before`: the record of the one who passes on. */
type Make = (
  heir: string,
  r: TenureRecord,
  ends: number,
  state: string,
  before: TenureRecord | null,
) => Reply[]

/** Passes a tenure on; `handOn`: what becomes of those who wait. */
function passOn(
  n: Name,
  field: Field,
  call: Call,
  make: Make,
  handOn: () => void,
): readonly Reply[] {
  const { space, now } = call
  const owner = field(1)
  const heir = field(2)
  const mode = field(3)
  if (late(call, field(5), field(6))) return ['late']
  // A late release of the first must not end the second.
  if (owner === heir) return ['error', 'a turn needs a new owner id']
  const ttl = Number(field(4))
  const ends = now + ttl
  const mine = n.held(owner)
  if (mine === null) {
    // Done before?
    const theirs = n.held(heir)
    if (theirs === null || modeOf(n, heir) !== mode) return ['gone']
    const r = n.record(heir)
    // Somebody deleted it: it has no token any more.
    if (r === null) return ['error', 'the record of the tenure was lost']
    if (n.forced(heir, r)) return ['forced']
    const later = n.prolong(heir, r, theirs, ends)
    n.settle()
    return ['turned', r.token, String(later), r.since]
  }

  const from = modeOf(n, owner)
  if (from !== mode && !(from === 'x' && mode === 's')) return ['gone']
  const r = n.record(owner)
  if (n.forced(owner, r)) return ['forced']
  n.look()
  if (n.held(heir) !== null || n.record(heir) !== null) return ['gone']
  const weight = from === 'x' ? 1 : n.permits.weigh(owner, r)
  if (from !== mode) {
    // For its type, before the first write.
    space.zset(n.shared)
    space.del(n.k)
    n.share()
  }
  // Whoever was asked to let go still is: its first renewal may be the first that tells it, and by whom.
  const asked = r?.state === askedState || r?.state === askedClaimedState
  // What its holder waits for is none of the heir's business.
  const info = asked || field(7) === '' ? bareInfo(r?.info ?? '') : field(7)
  const fresh = { mode, weight: String(weight), ttl, claim: ttl, sub: '-', token: '0', info }
  const record = { ...fresh, since: '', state: '0' }
  const granted = make(heir, record, ends, asked ? askedState : '0', r)
  if (from !== 'x') {
    for (const member of spread(owner, weight)) space.zrem(n.shared, member)
    n.forget(owner)
    n.shadow()
  }
  // The first in line may have been told of a later end.
  if (ends < mine) n.freed = mine
  n.purge()
  if (n.waiting > 0 || n.ballot === null) handOn()
  n.settle()
  return ['turned', granted[1]!, granted[2]!, String(now)]
}

/** The twin of `kernel/lua/turn.lua`. */
export const turn: Operation = {
  fields: 7,
  grants: true,
  run(n, field, call) {
    const make: Make = (heir, r, ends, state) => n.enter(heir, r, ends, state)
    return passOn(n, field, call, make, () => void n.advance(null))
  },
}

/** The twin of `kernel/lua/q_turn.lua`. */
export const qTurn: Operation = {
  fields: 8,
  grants: true,
  run(n, field, call) {
    const t = ballotOf(field(8))
    if (t === null) return ['error', 'this version knows no such ballot']
    const ballots = new Ballots(n, field(8))
    if (t > call.us + aheadUs) return ['ahead', String(n.last)]
    if (n.held(field(1)) !== null && t <= n.last) return ['stale', String(n.last)]
    const make: Make = (heir, r, ends, state, before) =>
      ballots.vote(heir, r, ends, slotsOf(before), state)
    const reply = passOn(n, field, call, make, () => ballots.offer(null))
    if (reply[0] !== 'turned' || reply[1] === n.ballot) return reply
    // Done before, with another ballot.
    const r = n.record(field(2))!
    if (t < Number(r.token) || (r.mode === 'x' && t <= n.last)) return ['stale', String(n.last)]
    n.mint(1)
    ballots.raise(r.mode, t)
    n.write(field(2), { ...r, token: field(8) }, r.ttl)
    return [reply[0], field(8), ...reply.slice(2)]
  },
}
