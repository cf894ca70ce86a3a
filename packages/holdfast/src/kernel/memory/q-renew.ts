/** Leases prolonged at one node of a quorum, or taken up again: the twin of `kernel/lua/q_renew.lua`. */
import type { Reply } from '../../clients/port.js'
import { Ballots, ballotOf, choose, mostSlots, slotsOf, takenSlots } from './ballot.js'
import { late, type Field } from './call.js'
import type { Name } from './name.js'
import type { Operation } from './operations.js'
import { between, mostPermits } from './permits.js'
import { askedState, bareInfo, parseRecord, type TenureRecord } from './record.js'

interface Lost {
  readonly ballots: Ballots
  readonly r: TenureRecord
  readonly mark: number
  readonly slots: string | null
}

/** The record, if the name is free for it here and now. */
function lost(n: Name, owner: string, field: Field): Lost | null {
  const r = parseRecord(field(5))
  const token = r === null ? null : ballotOf(r.token)
  if (r === null || token === null || token === 0) return null
  const ballots = new Ballots(n, r.token)
  const mark = r.mode === 'x' ? ballots.all : ballots.x
  if (token < mark) return null
  n.purge()
  n.look()
  let weight = 1
  let slots: string | null = null
  if (r.mode === 'p') {
    const asked = between(r.weight, mostPermits)
    const limit = between(field(6), mostSlots)
    if (asked === null || limit === null) return null
    if (n.permits.agree(asked, limit, false) !== null) return null
    weight = asked
    slots = choose(takenSlots(n, owner), weight, limit, slotsOf(r))
    if (slots === null || slotsOf(r) === '') return null
  } else if (r.weight !== '1' || (r.mode !== 's' && r.mode !== 'x')) return null
  return n.fits(r.mode, weight) ? { ballots, r, mark, slots } : null
}

export const qRenew: Operation = {
  fields: 6,
  grants: true,
  run(n, field, call): readonly Reply[] {
    const owner = field(1)
    if (late(call, field(3), field(4))) return ['late']
    const ends = call.now + Math.floor(Number(field(2)))
    const mine = n.held(owner)
    if (mine === null) {
      const found = lost(n, owner, field)
      if (found === null) return ['gone']
      const { ballots, r, mark, slots } = found
      call.space.zrem(n.line, owner)
      if (r.mode === 'x') n.forget(owner)
      const granted = ballots.vote(owner, { ...r }, ends, slots)
      n.settle()
      return [mark > 0 ? 'repaired' : 'blind', granted[2]!, granted[1]!, n.waiting]
    }
    let r = n.record(owner)
    if (n.forced(owner, r)) return ['forced']
    const own = parseRecord(field(5))
    const slots = r?.mode === 'p' ? slotsOf(own) : ''
    if (r !== null && slots !== '' && slots !== slotsOf(r)) {
      // Here it was granted other slots than by the majority. They count for nothing.
      const free = choose(takenSlots(n, owner), Number(r.weight), mostSlots, slots)
      if (free === null) return ['gone']
      r = { ...r, sub: `${/^\d+\//.exec(r.sub)?.[0] ?? '0/'}${slots}` }
      n.write(owner, r)
    }
    const later = n.prolong(owner, r, mine, ends)
    const t = own === null ? null : ballotOf(own.token)
    let token = r?.token ?? '0'
    if (r !== null && own !== null && t !== null && t > Number(r.token)) {
      // Voted for with a smaller ballot: a late copy of its being taken back must not end what counts here.
      token = own.token
      const ballots = new Ballots(n, token)
      n.mint(1)
      ballots.raise(r.mode, t)
      n.write(owner, { ...r, token }, r.ttl)
    }
    n.settle()
    const asked = r?.state === askedState ? [bareInfo(r.info)] : []
    return ['renewed', String(later), token, n.waiting, ...asked]
  },
}
