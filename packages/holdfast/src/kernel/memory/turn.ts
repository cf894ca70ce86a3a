import { late } from './call.js'
import type { Operation } from './operations.js'
import { spread } from './permits.js'
import { modeOf } from './please.js'
import { askedClaimedState, askedState, bareInfo } from './record.js'

/** The twin of `kernel/lua/turn.lua`. */
export const turn: Operation = {
  fields: 7,
  run(n, field, call) {
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
    const granted = n.enter(
      heir,
      { ...fresh, since: '', state: '0' },
      ends,
      asked ? askedState : '0',
    )
    if (from !== 'x') {
      for (const member of spread(owner, weight)) space.zrem(n.shared, member)
      n.forget(owner)
      n.shadow()
    }
    // The first in line may have been told of a later end.
    if (ends < mine) n.freed = mine
    n.purge()
    n.advance(null)
    n.settle()
    return ['turned', granted[1]!, granted[2]!, String(now)]
  },
}
