/** The scripts' bodies, one for each Lua file: what is done with one name. */
import type { Reply } from '../../clients/port.js'
import { channelOf, late, tell, type Call } from './call.js'
import { edge, waits } from './deadlock.js'
import type { Name } from './name.js'
import { between, mostLimit, mostLooks, mostPermits, spread } from './permits.js'
import { lost, modeOf, please } from './please.js'
import { askedClaimedState, askedState, forcedState, type TenureRecord } from './record.js'
import { release } from './release.js'
import { clientOf, isOwner, steps } from './state.js'
import { turn } from './turn.js'

/** The j-th argument of an item, counted from 1 as in the Lua and in docs/protocol.md. */
export type Field = (j: number) => string

/** What a script does with one name. */
export interface Operation {
  /** How many arguments each name has. */
  readonly fields: number
  run(n: Name, field: Field, call: Call): readonly Reply[]
}

const acquire: Operation = {
  fields: 12,
  run(n, field, call) {
    const { us, now, run, space } = call
    const owner = field(1)
    const mode = field(2)
    if (late(call, field(8), field(9))) return ['late']
    const weight = between(field(3), mostPermits)
    const limit = between(field(12), mostLimit)
    const single = (mode === 'x' || mode === 's') && weight === 1
    const several = mode === 'p' && weight !== null && limit !== null
    if ((!single && !several) || weight === null || field(10) !== '') {
      return ['error', 'this version knows no such mode, weight, limit or ballot']
    }
    // It had a place, which somebody may have deleted: then its record is left.
    if (field(7) !== '') n.look()
    n.purge()
    const known = n.record(owner)
    const asked = (sub: string, since: string): TenureRecord => ({
      mode,
      weight: field(3),
      ttl: Number(field(4)),
      claim: Number(field(5)),
      sub,
      token: '0',
      since,
      state: '0',
      info: field(11),
    })
    const fresh = asked('-', String(now))
    const ends = now + fresh.ttl

    const mine = n.held(owner)
    if (mine !== null) {
      if (n.forced(owner, known)) return ['forced']
      const later = n.prolong(owner, known, mine, ends)
      let token = known?.token ?? '0'
      if (token === '0') {
        // The record is lost (somebody deleted it): a new token is larger than the lost one.
        token = n.mint()
        const held = n.value === owner ? 1 : n.permits.weigh(owner, known)
        n.write(owner, { ...fresh, mode: modeOf(n, owner), weight: `${held}`, token }, fresh.ttl)
      }
      n.confirm(owner, known)
      n.settle()
      const since = known === null || known.token === '0' ? fresh.since : known.since
      return ['granted', token, String(later), since]
    }
    // Granted once, and over: an owner id never holds twice.
    if (known !== null && known.token !== '0') return ['lapsed']
    const silenced = n.lapsed
    if (silenced !== null && clientOf(silenced) === clientOf(owner)) {
      // Whoever asks is alive.
      n.lapsed = null
      n.note()
      if (silenced === owner) return ['lapsed']
    }

    if (mode === 'p') {
      // Who stands in line has agreed, even if somebody resized since.
      const wrong = n.permits.agree(weight, limit ?? 0, known !== null || field(7) !== '')
      if (wrong !== null) return ['error', wrong]
    }

    let granted: readonly Reply[] | null = null
    if (n.waiting === 0 && n.fits(mode, weight)) {
      if (mode !== 'x') n.look()
      granted = n.enter(owner, fresh, ends)
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
      n.write(owner, asked(subscribed ? run : '-', known?.since ?? String(now)))
      if (!alone) granted = n.advance(owner)
      if (granted === null) {
        n.settle()
        const rank = space.zset(n.line).rank(owner)
        return ['queued', rank, String(ticket), place === null ? 1 : 0, ...n.holder(mode, weight)]
      }
    } else {
      granted = n.advance(owner)
      if (granted === null && n.waiting === 0 && n.fits(mode, weight))
        granted = n.enter(owner, fresh, ends)
    }
    n.settle()
    return granted ?? ['taken', ...n.holder(mode, weight)]
  },
}

const renew: Operation = {
  fields: 4,
  run(n, field, call) {
    const owner = field(1)
    if (late(call, field(3), field(4))) return ['late']
    const mine = n.held(owner)
    if (mine === null) return ['gone']
    const r = n.record(owner)
    if (n.forced(owner, r)) return ['forced']
    const ends = n.prolong(owner, r, mine, call.now + Number(field(2)))
    n.confirm(owner, r)
    n.settle()
    const asked = r?.state === askedState || r?.state === askedClaimedState ? [r.info] : []
    return ['renewed', String(ends), r?.token ?? '0', n.waiting, ...asked]
  },
}

const force: Operation = {
  fields: 3,
  run(n, field, call) {
    const { space, now, us } = call
    const atOnce = field(1) === '1'
    const asks = field(1) === '2'
    n.purge()
    // One who shares may be meant although another came in later.
    if (!asks && field(2) !== '' && n.last > Number(field(2))) return ['newer']
    const { exclusive } = n
    let owners: readonly string[] = []
    let seen = 1
    if (exclusive !== null) {
      if (isOwner(exclusive)) owners = [exclusive]
      else if (!atOnce) return ['foreign', String(n.expiry)]
    } else {
      if (n.sharing === 0) return ['none']
      const [live, count] = n.permits.sharers(asks ? mostLooks : steps, now)
      owners = live.map(({ member }) => member)
      seen = count
    }
    if (asks) return please(n, owners, field, call)

    for (const owner of owners) {
      const known = n.record(owner)
      const weight = n.sharing > 0 ? n.permits.weigh(owner, known) : 1
      if (!atOnce) {
        const r = known ?? lost(n, owner, weight, now)
        n.write(owner, { ...r, state: forcedState }, known ? undefined : 0)
      } else if (exclusive === null) {
        for (const member of spread(owner, weight)) space.zrem(n.shared, member)
        n.forget(owner)
      }
      tell(call, 'forced', owner, us)
    }
    const { sharing: left } = n
    if (left > 0) n.withhold()
    if (!atOnce) {
      n.settle()
      return ['asked', seen, String(n.expiry)]
    }

    const was = n.top
    const [owner] = exclusive === null ? [] : owners
    if (exclusive !== null) {
      n.share()
      if (space.zset(n.shared).size > 0) n.look()
      space.del(n.k)
      n.permits.mend()
      if (owner !== undefined) n.top = null
    } else n.shadow()
    n.advance(null)
    if (owner !== undefined) n.retire(owner, was)
    n.settle()
    return ['forced', Math.max(owners.length, 1), left]
  },
}

const inspect: Operation = {
  fields: 0,
  run(n, _field, { space }) {
    const [count, holders] = n.holders()
    const { permits, sharing } = n
    const waiters = n.listed(space.zset(n.line).slice(0, 100))
    const used = permits.pool ? sharing : 0
    return ['state', String(n.last), count, n.waiting, holders, waiters, permits.capacity, used]
  },
}

const resize: Operation = {
  fields: 3,
  run(n, field, call) {
    if (late(call, field(2), field(3))) return ['late']
    const wanted = between(field(1), mostLimit)
    if (field(1) !== '' && wanted === null) return ['error', 'this version knows no such limit']
    const before = n.permits.capacity
    if (wanted !== null && before > 0 && wanted !== before) {
      n.permits.resize(wanted)
      n.purge()
      n.advance(null, wanted > before)
      n.settle()
    }
    const used = n.permits.pool ? n.sharing : 0
    const kind = n.holder()[0] ?? '-'
    return ['limit', n.permits.capacity, used, n.waiting, kind, n.withheld ? 1 : 0]
  },
}

const announce: Operation = {
  fields: 0,
  run(n, _field, { us, messages }) {
    const { exclusive, last } = n
    const words =
      exclusive !== null && isOwner(exclusive)
        ? ['leader', exclusive, last, us, n.expiry, n.exclusiveRecord(exclusive) ?? '']
        : ['nobody', '-', last, us]
    messages.push([`lock:election:${n.k}`, ['1', ...words].join(' ')])
    return ['announced']
  },
}

/** The operations that work on names; `hello` and `list` do not. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['acquire', acquire],
  ['release', release],
  ['renew', renew],
  ['force', force],
  ['turn', turn],
  ['inspect', inspect],
  ['resize', resize],
  ['announce', announce],
  ['edge', edge],
  ['waits', waits],
])
