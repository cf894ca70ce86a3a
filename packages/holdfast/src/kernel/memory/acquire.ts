/** A request for a name: the twin of `kernel/lua/_acquire.lua` and `acquire.lua`. */
import type { Reply } from '../../clients/port.js'
import { channelOf, late, type Call, type Field } from './call.js'
import type { Name } from './name.js'
import type { Operation } from './operations.js'
import { between, mostLimit, mostPermits, mostTokens } from './permits.js'
import { modeOf } from './please.js'
import { lingers, tokensOf, type TenureRecord } from './record.js'
import { clientOf } from './state.js'

/** What is asked for. */
export interface Asked {
  readonly record: TenureRecord
  readonly weight: number
  readonly limit: number
  readonly ends: number
}

/** What is asked for; or why it is not looked into: late, or an error. */
export function askedFor(
  n: Name,
  field: Field,
  call: Call,
  votes = false,
): Asked | readonly Reply[] {
  const mode = field(2)
  if (late(call, field(8), field(9))) return ['late']
  const weight = mode === 'x' ? 1 : between(field(3), mostPermits)
  const limit = between(field(12), mostLimit)
  const single =
    (mode === 'x' && between(field(3), mostTokens) !== null) || (mode === 's' && weight === 1)
  const several = mode === 'p' && weight !== null && limit !== null
  if ((!single && !several) || weight === null || (!votes && field(10) !== '')) {
    return ['error', 'this version knows no such mode, weight, limit or ballot']
  }
  // It had a place, which somebody may have deleted: then its record is left.
  if (field(7) !== '') n.look()
  n.purge()
  const record: TenureRecord = {
    mode,
    weight: field(3),
    ttl: Math.round(Number(field(4))),
    claim: Math.round(Number(field(5))),
    sub: mode === 'x' && !votes && field(12) === 'linger' ? lingers : '-',
    token: '0',
    since: String(call.now),
    state: '0',
    info: field(11),
  }
  return { record, weight, limit: limit ?? 0, ends: call.now + record.ttl }
}

/** Why this owner cannot have the name, whoever else does; `stands`: it has been in line. */
export function refused(
  n: Name,
  owner: string,
  { record, weight, limit }: Asked,
  stands: boolean,
): readonly Reply[] | null {
  const known = n.record(owner)
  if (n.held(owner) !== null) return n.forced(owner, known) ? ['forced'] : null
  // Granted once, and over: an owner id never holds twice.
  if (known !== null && known.token !== '0') return ['lapsed']
  const silenced = n.lapsed
  if (silenced !== null && clientOf(silenced) === clientOf(owner)) {
    // Whoever asks is alive.
    n.lapsed = null
    n.note()
    if (silenced === owner) return ['lapsed']
  }
  if (record.mode !== 'p') return null
  // Who stands in line has agreed, even if somebody resized since.
  const wrong = n.permits.agree(weight, limit, known !== null || stands)
  return wrong === null ? null : ['error', wrong]
}

/** The owner holds the name already: its lease ends at the later of the two ends. */
export function stay(n: Name, owner: string, { record, ends }: Asked, mine: number): Reply[] {
  const known = n.record(owner)
  const later = n.prolong(owner, known, mine, ends)
  let token = known?.token ?? '0'
  if (token === '0') {
    // The record is lost (somebody deleted it): a new token is larger than the lost one.
    const held = n.value === owner ? 1 : n.permits.weigh(owner, known)
    const keeps = record.mode === 'x' && n.value === owner
    const weight = keeps ? record.weight : String(held)
    const mode = modeOf(n, owner)
    token = n.mint(tokensOf({ mode, weight }))
    n.write(owner, { ...record, mode, weight, token }, record.ttl)
  }
  n.confirm(owner, known)
  n.settle()
  const since = known === null || known.token === '0' ? record.since : known.since
  return ['granted', token, String(later), since]
}

export const acquire: Operation = {
  fields: 12,
  grants: true,
  brief: true,
  run(n, field, call) {
    const { us, now, run, space } = call
    const owner = field(1)
    const asked = askedFor(n, field, call)
    if (!('record' in asked)) return asked
    const wrong = refused(n, owner, asked, field(7) !== '')
    if (wrong) return wrong
    const mine = n.held(owner)
    if (mine !== null) return stay(n, owner, asked, mine)

    const known = n.record(owner)
    const { record, weight, ends } = asked
    const { mode } = record
    let granted: readonly Reply[] | null = null
    if (n.waiting === 0 && n.fits(mode, weight)) {
      if (mode !== 'x') n.look()
      granted = n.enter(owner, record, ends)
    } else if (field(6) === '1') {
      const alone = n.waiting === 0
      n.look()
      const place = space.zset(n.line).score(owner)
      let ticket = place ?? Math.max(us, (space.zset(n.line).at(-1)?.score ?? 0) + 1)
      if (place === null) {
        // One that was skipped, or whose line was lost, comes back to its old place.
        if (field(7) !== '') ticket = Math.min(ticket, Number(field(7)))
        space.zadd(n.line, ticket, owner)
      }
      n.permits.keep()
      const subscribed = run !== '' && call.subscribers(channelOf(owner)) > 0
      const since = known?.since ?? String(now)
      const sub = record.sub === lingers ? `${lingers}${run}` : run
      n.write(owner, { ...record, sub: subscribed ? sub : record.sub, since })
      if (!alone) granted = n.advance(owner)
      if (granted === null) {
        n.settle()
        n.want()
        const rank = space.zset(n.line).rank(owner)
        return ['queued', rank, String(ticket), place === null ? 1 : 0, ...n.holder(mode, weight)]
      }
    } else {
      granted = n.advance(owner)
      if (granted === null && n.waiting === 0 && n.fits(mode, weight))
        granted = n.enter(owner, record, ends)
    }
    n.settle()
    if (granted !== null) return granted
    n.want()
    return ['taken', ...n.holder(mode, weight)]
  },
}
