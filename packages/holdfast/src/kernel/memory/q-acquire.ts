/** One node's vote for a ballot: the twin of `kernel/lua/q_acquire.lua`. */
import type { Reply } from '../../clients/port.js'
import { askedFor, type Asked } from './acquire.js'
import { Ballots, ballotOf, choose, listed, mostSlots, slotsOf, takenSlots } from './ballot.js'
import { channelOf } from './call.js'
import { aheadUs } from './guard.js'
import type { Name } from './name.js'
import type { Operation } from './operations.js'
import { modeOf } from './please.js'

/** The owner holds the name already. */
function again(
  n: Name,
  ballots: Ballots,
  owner: string,
  { record, ends }: Asked,
  mine: number,
  wanted: string,
): readonly Reply[] {
  const found = n.record(owner)
  const t = Number(n.ballot)
  const token = Number(found?.token ?? 0)
  const before = String(n.last)
  if (t < token) return ['stale', before]
  if (found === null || t > token) {
    // What somebody deleted, or an exclusive holder, needs a ballot above all others.
    if ((found === null || found.mode === 'x') && t <= n.last) return ['stale', before]
  }
  let known = found
  if (known === null) {
    const mode = modeOf(n, owner)
    const weight = String(n.value === owner ? 1 : n.permits.weigh(owner, null))
    known = { ...record, mode, weight, sub: ballots.subOf(mode, '-') }
  }
  if (known.mode === 'p' && wanted !== '' && wanted !== slotsOf(known)) {
    const taken = takenSlots(n, owner)
    const slots = choose(taken, Number(known.weight), n.permits.capacity, wanted)
    if (slots === null) return ['taken', 'p', owner, String(mine), '', listed(taken), before]
    known = { ...known, sub: `${/^\d+\//.exec(known.sub)?.[0] ?? '0/'}${slots}` }
  }
  // Others may have been granted beside it since: they stay granted if this one fails.
  const alone = t <= token || ballots.all === token
  const sub = alone ? known.sub : known.sub.replace(/^\d+/, String(ballots.all))
  known = { ...known, sub, token: String(n.ballot) }
  n.mint(1)
  ballots.raise(known.mode, t)
  const later = n.prolong(owner, known, mine, ends)
  n.write(owner, known, known.ttl)
  n.settle()
  const others = known.mode === 'p' ? listed(takenSlots(n, owner)) : ''
  return ['granted', known.token, String(later), known.since, slotsOf(known), others, before]
}

export const qAcquire: Operation = {
  fields: 13,
  grants: true,
  run(n, field, call) {
    const { space, us, now, run } = call
    const owner = field(1)
    const t = ballotOf(field(10))
    if (t === null) return ['error', 'this version knows no such ballot']
    const asked = askedFor(n, field, call, true)
    if (!('record' in asked)) return asked
    const ballots = new Ballots(n, field(10))
    if (t > us + aheadUs) return ['ahead', String(n.last)]
    const { record, weight, limit, ends } = asked
    const { mode } = record
    if (mode === 'p' && limit > mostSlots) {
      return ['error', `on a quorum a semaphore's limit is at most ${mostSlots}`]
    }
    const mine = n.held(owner)
    const known = n.record(owner)
    if (mine !== null) {
      if (n.forced(owner, known)) return ['forced']
      return again(n, ballots, owner, asked, mine, field(13))
    }
    const stood = known !== null || field(7) !== ''
    const wrong = mode === 'p' ? n.permits.agree(weight, limit, stood) : null
    if (wrong !== null) return ['error', wrong]

    const before = String(n.last)
    let fresh = 0
    if (mode !== 'x' || n.waiting > 0) n.look()
    let stands = n.waiting > 0 ? space.zset(n.line).score(owner) : null
    let free = n.fits(mode, weight)
    const comes = stands === null ? n.waiting > 0 || !free : known === null
    if (field(6) === '1' && comes) {
      n.look()
      if (stands === null) {
        stands = Number(field(7))
        fresh = 1
        space.zadd(n.line, stands, owner)
      }
      n.permits.keep()
      const subscribed = run !== '' && call.subscribers(channelOf(owner)) > 0
      n.write(owner, { ...record, sub: subscribed ? run : '-' })
    }
    if (n.waiting > 0 && free) {
      ballots.offer(owner)
      free = ballots.invited(owner)
    }
    const taken = mode === 'p' ? takenSlots(n, owner) : new Set<number>()
    const slots = free && mode === 'p' ? choose(taken, weight, n.permits.capacity, field(13)) : null
    // Of those who share, no late request may come in where an exclusive holder has been meanwhile.
    if (free && t <= (mode === 'x' ? n.last : ballots.x)) {
      n.settle()
      return ['stale', String(n.last)]
    }
    if (free && (mode !== 'p' || slots !== null)) {
      if (stands !== null) {
        space.zrem(n.line, owner)
        if (mode === 'x') n.forget(owner)
      }
      const granted = ballots.vote(owner, record, ends, slots)
      n.settle()
      const held = [String(now), slots ?? '', listed(taken)]
      return ['granted', granted[1]!, granted[2]!, ...held, before]
    }
    n.settle()
    const tail = [...n.holder(mode, weight), listed(taken), before]
    if (stands === null) return ['taken', ...tail]
    return ['queued', space.zset(n.line).rank(owner) ?? 0, String(stands), fresh, ...tail]
  },
}
