import { late } from './call.js'
import type { Operation } from './operations.js'
import { askedClaimedState, askedState, bareInfo } from './record.js'

/** The twin of `kernel/lua/downgrade.lua`. */
export const downgrade: Operation = {
  fields: 5,
  run(n, field, call) {
    const owner = field(1)
    const reader = field(2)
    if (late(call, field(4), field(5))) return ['late']
    // A late release of the first must not end the second.
    if (owner === reader) return ['error', 'a downgrade needs a new owner id']
    const ttl = Number(field(3))
    const ends = call.now + ttl
    if (n.value !== owner) {
      const mine = n.value === reader ? null : n.held(reader)
      if (mine === null) return ['gone']
      const r = n.record(reader)
      if (n.forced(reader, r)) return ['forced']
      const later = n.prolong(reader, r, mine, ends)
      n.settle()
      return ['downgraded', r?.token ?? '0', String(later)]
    }

    const r = n.record(owner)
    if (n.forced(owner, r)) return ['forced']
    n.look()
    if (n.record(reader) !== null) return ['gone']
    // For its type, before the first write.
    call.space.zset(n.shared)
    call.space.del(n.k)
    n.share()
    const fresh = { mode: 's', weight: '1', ttl, claim: ttl, sub: '-', token: '0' }
    // What its `use` waits for is none of the reader's business.
    const info = bareInfo(r?.info ?? '')
    // Whoever was asked to let go still is: its first renewal may be the first that tells it.
    const asked = r?.state === askedState || r?.state === askedClaimedState ? askedState : '0'
    const granted = n.enter(reader, { ...fresh, since: '', state: '0', info }, ends, asked)
    n.purge()
    n.advance(null)
    n.settle()
    return ['downgraded', granted[1]!, granted[2]!]
  },
}
