/** The scripts' bodies, one for each Lua file: what is done with one name. */
import type { Reply } from '../../clients/port.js'
import { channelOf, late, tell, type Call } from './call.js'
import { downgrade } from './downgrade.js'
import { clientOf, isOwner, steps, type Name } from './name.js'
import { forcedState, type TenureRecord } from './record.js'

/** The j-th argument of an item, counted from 1 as in the Lua and in docs/protocol.md. */
type Field = (j: number) => string

/** What a script does with one name. */
export interface Operation {
  /** How many arguments each name has. */
  readonly fields: number
  run(n: Name, field: Field, call: Call): readonly Reply[]
}

const acquire: Operation = {
  fields: 11,
  run(n, field, call) {
    const { us, now, run, space } = call
    const owner = field(1)
    const mode = field(2)
    if (late(call, field(8), field(9))) return ['late']
    if ((mode !== 'x' && mode !== 's') || field(3) !== '1' || field(10) !== '') {
      return ['error', 'this version knows no such mode, weight or ballot']
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
      const later = n.prolong(owner, mine, ends)
      let token = known?.token ?? '0'
      if (token === '0') {
        // The record is lost (somebody deleted it): a new token is larger than the lost one.
        token = n.mint()
        n.write(owner, { ...fresh, mode: n.value === owner ? 'x' : 's', token }, fresh.ttl)
      }
      n.confirm(owner, known)
      n.settle()
      return ['granted', token, String(later)]
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

    let granted: readonly Reply[] | null = null
    if (n.waiting === 0 && n.fits(mode)) {
      if (mode === 's') n.look()
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
      const subscribed = run !== '' && call.subscribers(channelOf(owner)) > 0
      n.write(owner, asked(subscribed ? run : '-', known?.since ?? String(now)))
      if (!alone) granted = n.advance(owner)
      if (granted === null) {
        n.settle()
        const rank = space.zset(n.line).rank(owner)
        return ['queued', rank, String(ticket), place === null ? 1 : 0, ...n.holder()]
      }
    } else {
      granted = n.advance(owner)
      if (granted === null && n.waiting === 0 && n.fits(mode)) granted = n.enter(owner, fresh, ends)
    }
    n.settle()
    return granted ?? ['taken', ...n.holder()]
  },
}

const release: Operation = {
  fields: 1,
  run(n, field, call) {
    const { space } = call
    const owner = field(1)
    let verdict = 'gone'
    let moved = false
    let was: Name['top'] = null
    const rank = space.zset(n.line).rank(owner)
    const exclusive = n.value === owner
    if (exclusive) {
      verdict = 'released'
      space.del(n.k)
      was = n.top
      n.top = null
    } else if (space.zset(n.shared).score(owner) !== null) {
      n.look()
      const ends = n.held(owner)
      if (ends !== null) verdict = 'released'
      space.zrem(n.shared, owner)
      n.forget(owner)
      n.shadow()
      // The name may be free earlier than the first in line was told.
      moved = ends !== null && ends > (n.expiry ?? call.now)
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
    n.purge()
    n.advance(owner, moved)
    if (exclusive) n.retire(owner, was)
    n.settle()
    return [verdict, ...n.holder(), n.behind]
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
    const ends = n.prolong(owner, mine, call.now + Number(field(2)))
    n.confirm(owner, r)
    n.settle()
    return ['renewed', String(ends), r?.token ?? '0', n.waiting]
  },
}

const force: Operation = {
  fields: 2,
  run(n, field, call) {
    const { space, now, us } = call
    const atOnce = field(1) === '1'
    n.purge()
    if (field(2) !== '' && n.last > Number(field(2))) return ['newer']
    const { exclusive } = n
    let owners: readonly string[] = []
    if (exclusive !== null) {
      if (isOwner(exclusive)) owners = [exclusive]
      else if (!atOnce) return ['foreign', String(n.expiry)]
    } else {
      if (n.sharing === 0) return ['none']
      const members = space.zset(n.shared)
      const dead = members.below(now)
      owners = members.slice(dead, dead + steps).map(({ member }) => member)
    }

    for (const owner of owners) {
      if (!atOnce) {
        const known = n.record(owner)
        const r = known ?? lost(n, owner, now)
        n.write(owner, { ...r, state: forcedState }, known ? undefined : 0)
      } else if (exclusive === null) {
        space.zrem(n.shared, owner)
        n.forget(owner)
      }
      tell(call, 'forced', owner, us)
    }
    const { sharing: left } = n
    if (left > 0) n.withhold()
    if (!atOnce) {
      n.settle()
      return ['asked', Math.max(owners.length, left), String(n.expiry)]
    }

    const was = n.top
    const [owner] = exclusive === null ? [] : owners
    if (exclusive !== null) {
      n.share()
      if (space.zset(n.shared).size > 0) n.look()
      space.del(n.k)
      if (owner !== undefined) n.top = null
    } else n.shadow()
    n.advance(null)
    if (owner !== undefined) n.retire(owner, was)
    n.settle()
    return ['forced', Math.max(owners.length, 1), left]
  },
}

/** Stands in for the record of a holder whose record somebody deleted. */
function lost(n: Name, owner: string, now: number): TenureRecord {
  return {
    mode: n.value === owner ? 'x' : 's',
    weight: '1',
    ttl: 0,
    claim: 0,
    sub: '-',
    token: n.mint(),
    since: String(now),
    state: '0',
    info: '',
  }
}

const inspect: Operation = {
  fields: 0,
  run(n, _field, { space, now }) {
    const records = n.records
    const list = (from: number, key: string): Reply[] =>
      space
        .zset(key)
        .slice(from, from + 100)
        .flatMap(({ member, score }) => [member, String(score), records.get(member) ?? ''])

    const { exclusive, sharing } = n
    let holders: Reply[] = []
    if (exclusive !== null) {
      const text = n.exclusiveRecord(exclusive) ?? ''
      holders = [isOwner(exclusive) ? exclusive : '', String(n.expiry), text]
    } else if (sharing > 0) holders = list(space.zset(n.shared).below(now), n.shared)
    const count = exclusive === null ? sharing : 1
    return ['state', String(n.last), count, n.waiting, holders, list(0, n.line)]
  },
}

/** The operations that work on names; `hello` and `list` do not. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['acquire', acquire],
  ['release', release],
  ['renew', renew],
  ['force', force],
  ['downgrade', downgrade],
  ['inspect', inspect],
])
