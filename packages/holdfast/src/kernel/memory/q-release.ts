/** The end of a tenure, a place or a vote at one node of a quorum: the twin of `kernel/lua/q_release.lua`. */
import type { Reply } from '../../clients/port.js'
import { Ballots, ballotOf } from './ballot.js'
import { channelOf } from './call.js'
import type { Operation } from './operations.js'
import type { TenureRecord } from './record.js'
import { letGo, type LetGo } from './release.js'

/** What the end of this tenure says of the ballots. */
function countOut(ballots: Ballots, r: TenureRecord, failed: boolean): void {
  const token = Number(r.token)
  if (failed) {
    const [, all, rest] = /^(\d+)\/([\s\S]*)$/.exec(r.sub) ?? []
    if (all !== undefined && r.mode === 'x' && ballots.x === token) ballots.x = Number(rest)
    if (all !== undefined && ballots.all === token) ballots.all = Number(all)
  } else {
    ballots.all = Math.max(ballots.all, token + 1)
    if (r.mode === 'x') ballots.x = Math.max(ballots.x, token + 1)
  }
  // A renewal on its way must not take it up again, nor a late request vote.
  ballots.lift(token + 1)
}

export const qRelease: Operation = {
  fields: 5,
  run(n, field, call): readonly Reply[] {
    const { space, run } = call
    const owner = field(1)
    const t = ballotOf(field(3))
    const failed = field(4) === '1'
    const ticket = field(5)
    const ballots = new Ballots(n, null)
    const mine = n.held(owner)
    const r = mine === null ? null : n.record(owner)
    let end: Partial<LetGo> & { verdict: string } = { verdict: 'gone' }
    // Late: its owner has voted again since, with a larger ballot.
    const newer = t !== null && r !== null && Number(r.token) > t
    if (newer) end = { verdict: 'newer' }
    else if (mine !== null || ticket === '') end = letGo(n, owner, Number(field(2)))
    else if (space.zset(n.line).score(owner) !== null) end = { verdict: 'waits' }
    n.purge()
    const { verdict } = end
    const kept = end.kept ?? null
    let changed = end.was !== undefined
    if (verdict === 'released' && r !== null && r.token !== '0') {
      countOut(ballots, r, failed)
      changed = true
    } else if (t !== null && kept === null && !newer) {
      const lifted = ballots.lift(t + 1)
      changed ||= lifted || (!failed && ballots.all <= t)
      if (!failed) ballots.all = Math.max(ballots.all, t + 1)
    }
    if (changed) {
      ballots.keep()
      n.note()
    }
    if (verdict === 'released' && r !== null && ticket !== '') {
      n.look()
      space.zadd(n.line, Number(ticket), owner)
      const subscribed = run !== '' && call.subscribers(channelOf(owner)) > 0
      n.write(owner, { ...r, token: '0', state: '0', sub: subscribed ? run : '-' })
    }
    if (n.waiting > 0) ballots.offer(null, verdict === 'released')
    n.settle()
    const left = verdict === 'left' ? (end.r ?? null) : null
    const holder = n.holder(left?.mode, Number(left?.weight ?? 1))
    return [verdict, ...holder, 0, ...(kept === null ? [] : [String(kept)])]
  },
}
