/** The scripts' bodies, one for each Lua file: what is done with one name. */
import type { Reply } from '../../clients/port.js'
import { acquire } from './acquire.js'
import { all } from './all.js'
import { Ballots } from './ballot.js'
import { late, tell, type Call, type Field, type Item } from './call.js'
import { edge, waits } from './deadlock.js'
import type { Name } from './name.js'
import { between, mostLimit, mostLooks, spread } from './permits.js'
import { lost, please } from './please.js'
import { askedClaimedState, askedState, bareInfo, forcedState } from './record.js'
import { qAcquire } from './q-acquire.js'
import { qRelease } from './q-release.js'
import { qRenew } from './q-renew.js'
import { release } from './release.js'
import { isOwner, steps } from './state.js'
import { qTurn, turn } from './turn.js'

/** What a script does with one name. */
export interface Operation {
  /** How many arguments each name has. */
  readonly fields: number
  /** It may make a holder, or prolong one: not in a quarantine. */
  readonly grants?: true
  /** The usual verdicts of several names are said as texts. */
  readonly brief?: true
  run(n: Name, field: Field, call: Call): readonly Reply[]
}

/** What a script does with all names of a call. */
export interface Together {
  readonly fields: number
  readonly grants?: true
  together(items: readonly Item[], call: Call): readonly (readonly Reply[])[]
}

const renew: Operation = {
  fields: 4,
  grants: true,
  brief: true,
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
    const asked =
      r?.state === askedState || r?.state === askedClaimedState ? [bareInfo(r.info)] : []
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
    if (n.votes) {
      // What was taken away is not to be taken up again by a renewal.
      const ballots = new Ballots(n, null)
      ballots.lift(n.last + 1)
      ballots.all = ballots.x = n.last
      ballots.keep()
      n.note()
      ballots.offer(null, true)
    } else n.advance(null)
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
      if (n.votes && n.waiting > 0) new Ballots(n, null).offer(null, wanted > before)
      else n.advance(null, wanted > before)
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
export const operations: ReadonlyMap<string, Operation | Together> = new Map<
  string,
  Operation | Together
>([
  ['acquire', acquire],
  ['all', all],
  ['release', release],
  ['renew', renew],
  ['force', force],
  ['turn', turn],
  ['inspect', inspect],
  ['resize', resize],
  ['announce', announce],
  ['edge', edge],
  ['waits', waits],
  ['q_acquire', qAcquire],
  ['q_release', qRelease],
  ['q_renew', qRenew],
  ['q_turn', qTurn],
])
