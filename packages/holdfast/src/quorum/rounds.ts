import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { BallotClock } from './ballot-clock.js'
import type { Bid, Bids } from './bids.js'
import { gather, withVerdict, type Said } from './gather.js'
import type { Answer, Fields } from './node.js'
import { answerOf, mostCommon, provedUntil } from './most.js'
import type { Panel } from './panel.js'
import { freeSlots, slotsFree } from './slots.js'
import type { Undo } from './undo.js'

// So often a ballot is raised at once before it is a matter of waiting.
export const ROUNDS = 5
const LEAST_LEFT_MS = 5

/** How one round of votes ended. */
type Outcome =
  | { readonly kind: 'won'; readonly votes: readonly Answer[] }
  | { readonly kind: 'again' | 'lost' | 'failed' }

/**
 * A name asked for at all nodes, by ballot: Redlock with fencing tokens. A majority at one ballot is the
 * lock, and the ballot its token; with the first majority either way there is a verdict. What a lost
 * round left anywhere is taken back. (design, section 7; safety.md 2.1 to 2.3.)
 *
 * Exclusive ballots are strict: a node grants only above all it has granted. Those who share are granted
 * whatever theirs is, and where a node of their majority knew a higher one they write a higher one back
 * to a majority before they use it: so each token is above all that were complete before.
 */
export class Rounds {
  readonly #panel: Panel
  readonly #bids: Bids
  readonly #undo: Undo
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #ballots: BallotClock

  constructor(
    panel: Panel,
    bids: Bids,
    undo: Undo,
    ballots: BallotClock,
    clock: LocalClock,
    runtime: Runtime,
  ) {
    this.#panel = panel
    this.#ballots = ballots
    this.#bids = bids
    this.#undo = undo
    this.#clock = clock
    this.#runtime = runtime
  }

  /**
   * @returns granted, queued or taken, as a single node says it, in local time.
   * @throws ERR_NO_QUORUM, ERR_CONFIG
   */
  async acquire(key: string, timeout: number, fields: Fields): Promise<Answer> {
    const end = this.#clock.now() + timeout
    // Of those who share: what their token has to be above, once they have asked a majority for it.
    let least: number | null = null
    for (let round = 1; ; round++) {
      const left = Math.max(LEAST_LEFT_MS, Math.ceil(end - this.#clock.now()))
      const asked = this.#round(key, left, fields, timeout, least ?? 0)
      const { said, bid, sent, outcome } = await asked
      if (!bid) throw this.#panel.failure(said)
      const more = round < ROUNDS && this.#clock.now() < end
      if (outcome.kind === 'won') {
        least ??= bid.mode === 'x' ? 0 : Math.max(...outcome.votes.map((vote) => before(vote)))
        if (bid.ballot > least) return this.#granted(bid, outcome.votes, sent)
        // It holds; its token is to be above all that are complete.
        if (more) continue
      } else least = null
      if (outcome.kind === 'again' && more) continue
      // Outrun by others again and again: it asks anew from its place, after a pause.
      const outrun = outcome.kind === 'again' && withVerdict(said, 'queued').length > 0
      const stands = (outcome.kind === 'lost' || outrun) && bid.state === 'waiting'
      this.#giveBack(bid, stands)
      // Not carried out, because the caller's own time is over or a clock is not known well.
      if (withVerdict(said, 'late').length >= this.#panel.blocking) {
        return answerOf(this.#clock, ['late'], sent)
      }
      if (outcome.kind === 'failed') throw this.#panel.failure(said)
      return this.#refused(bid, said, sent, stands)
    }
  }

  async #round(
    key: string,
    left: number,
    fields: Fields,
    timeout: number,
    least: number,
  ): Promise<{ said: readonly Said[]; bid: Bid | null; sent: number; outcome: Outcome }> {
    const { nodes } = this.#panel
    const sent = this.#clock.now()
    let bid: Bid | null = null
    let ballot = 0
    const asked = nodes.map((_, node) =>
      this.#panel.ask(node, 'q_acquire', key, left, (notAfter) => {
        const wanted = fields(notAfter)
        if (!wanted) return null
        if (bid === null) {
          bid = this.#bids.of(key, timeout, wanted)
          ballot = this.next(bid, least)
        }
        // A later round has begun, or the end.
        if (bid.ballot !== ballot || bid.state === 'over') return null
        bid.state = wanted[5] === '1' ? 'waiting' : 'asking'
        bid.until = Infinity
        bid.votes[node] = true
        const all = [...wanted, bid.slots]
        all[2] = bid.permits
        all[4] = bid.claim
        all[6] = wanted[5] === '1' ? bid.ticket : ''
        all[9] = String(ballot)
        return all
      }),
    )
    let heard: readonly Said[] = []
    const outcome = await gather<Outcome>(
      asked,
      (said, missing) => {
        heard = [...said]
        if (bid) this.#learn(bid, said[said.length - 1]!, ballot)
        return bid ? this.#judge(bid, said, missing, ballot) : missing === 0 ? LOST : undefined
      },
      (one) => {
        if (bid) this.#late(bid, one, ballot)
      },
    )
    return { said: heard, bid, sent, outcome }
  }

  /** A ballot for the next round, above this one. */
  next(bid: Bid, least = 0): number {
    if (bid.ticket === '') bid.ticket = String(this.#ballots.ticket())
    bid.ballot = this.#ballots.next(Math.max(bid.above, least))
    bid.above = bid.ballot
    return bid.ballot
  }

  /** What one node's word tells of itself. */
  #learn(bid: Bid, { node, answer }: Said, ballot: number): void {
    if (!answer) {
      bid.free[node] = Infinity
      return
    }
    const [status = '', ...rest] = answer.verdict
    const held = status === 'granted'
    const now = this.#clock.now()
    if (status === 'stale' || status === 'taken' || status === 'queued' || held) {
      this.#ballots.note(before(answer))
    }
    // It was asked in vain: nothing is held there, unless by an earlier round.
    if (status === 'queued' || status === 'taken') {
      // Of permits it may be our own: with other slots, from an earlier round.
      bid.votes[node] = rest[status === 'queued' ? 4 : 1] === bid.owner
    }
    if (held && Number(rest[0]) !== ballot) bid.votes[node] = true
    if (status === 'queued' || status === 'taken') {
      const [kind, , ends] = rest.slice(status === 'queued' ? 3 : 0)
      // Free, and offered to another: for no longer than a claim.
      const left = kind === '-' ? Number(bid.claim) : Number(ends) - answer.now
      bid.free[node] = Number(ends) < 0 && kind !== '-' ? Infinity : answer.received + left
    } else bid.free[node] = now
  }

  #judge(bid: Bid, said: readonly Said[], missing: number, ballot: number): Outcome | undefined {
    const { quorum, blocking } = this.#panel
    const votes = withVerdict(said, 'granted').filter(({ verdict }) => {
      return Number(verdict[1]) === ballot
    })
    const { slots, count } = mostVotes(votes)
    if (count >= quorum) {
      // At once: an extra vote may come before anybody goes on with this.
      if (bid.state !== 'over') bid.state = 'held'
      bid.slots = slots
      return { kind: 'won', votes: votes.filter(({ verdict }) => verdict[4] === slots) }
    }
    const unheard = bid.votes.flatMap((_, node) =>
      said.some((one) => one.node === node) ? [] : [node],
    )
    if (count + missing >= quorum && !this.#panel.hopeless(unheard)) return undefined
    const failed = said.filter(({ error }) => error !== null).length
    if (failed >= blocking) return { kind: 'failed' }
    const ahead = withVerdict(said, 'ahead').length
    if (ahead > 0 && votes.length === 0) {
      // Our clock is far ahead; by now those of the nodes are known. What was asked for is taken back by its ballot.
      bid.above = 0
      bid.ticket = ''
    }
    // All of these may grant a larger ballot, or other slots.
    const open = votes.length + ahead + withVerdict(said, 'stale').length
    if (bid.mode !== 'p') return open > 0 && open + missing >= quorum ? AGAIN : LOST
    const refused = bid.slots === '' ? 0 : withVerdict(said, 'taken', 'queued').length
    const free = slotsFree(said, Number(bid.limit), quorum)
    const able = open > 0 && open + refused + missing >= quorum
    if (!able || free.length < Number(bid.permits)) return LOST
    bid.slots = ahead > 0 ? '' : freeSlots(free, Number(bid.permits), this.#runtime)
    return AGAIN
  }

  /** What comes after the verdict: an extra vote is kept while it holds, else given back. */
  #late(bid: Bid, said: Said, ballot: number): void {
    const { node, answer } = said
    const status = answer?.verdict[0]
    const over = bid.state === 'over'
    // It may have been carried out after all was taken back.
    if (!answer || (over && status === 'queued')) {
      if (over || bid.state === 'asking') this.#takeBack(bid, node, ballot, '')
      return
    }
    const granted = status === 'granted'
    if (bid.ballot === ballot && bid.state !== 'over') {
      const waits = bid.state === 'held' ? [...bid.votes] : null
      this.#learn(bid, said, ballot)
      // In its line, beside what it holds: the end of the tenure ends that too.
      if (waits) bid.votes[node] = true
    }
    // Other slots are not taken back, lest a late copy of that takes what a renewal has made of them.
    if (!granted || (bid.state === 'held' && bid.ballot === ballot)) return
    this.#takeBack(bid, node, ballot, bid.state === 'waiting' ? bid.ticket : '')
  }

  #granted(bid: Bid, votes: readonly Answer[], sent: number): Answer {
    const ends = provedUntil(votes, 2, this.#panel.quorum)
    bid.until = Math.max(ends, this.#clock.now()) + Number(bid.ttl)
    const verdict = ['granted', String(bid.ballot), String(ends)]
    return answerOf(this.#clock, verdict, sent)
  }

  #refused(bid: Bid, said: readonly Said[], sent: number, stands: boolean): Answer {
    if (!stands && withVerdict(said, 'queued', 'taken', 'forced').length === 0) {
      const message = `no majority of the servers agreed within ${bid.timeout} ms`
      throw new HoldfastError('ERR_UNAVAILABLE', message)
    }
    const possible = this.possible(bid)
    const refusals = said.filter(
      ({ answer }) => answer?.verdict[0] === 'queued' || answer?.verdict[0] === 'taken',
    )
    const tails = refusals.map(({ answer }) => {
      const { verdict } = answer!
      return verdict.slice(verdict[0] === 'queued' ? 4 : 1)
    })
    const [kind = '-', owner = '', , info = ''] = mostCommon(tails, (tail) => tail[1] ?? '') ?? []
    const ranks = withVerdict(said, 'queued').map(({ verdict }) => Number(verdict[1]))
    bid.told = possible
    // For whoever reckons from the receipt on.
    const most = Math.max(0, possible - this.#clock.now())
    const left = most === Infinity ? Number(bid.claim) : most
    const ends = kind === 'f' ? '-1' : String(sent + left)
    const tail = [kind, owner, ends, info]
    if (!stands) return answerOf(this.#clock, ['taken', ...tail], sent)
    const rank = ranks.length > 0 ? Math.min(...ranks) : 0
    return answerOf(this.#clock, ['queued', String(rank), bid.ticket, '0', ...tail], sent)
  }

  /** When a majority may be free for this owner, local time. */
  possible(bid: Bid): number {
    return bid.free.toSorted((a, b) => a - b)[this.#panel.quorum - 1]!
  }

  /** Takes back what any node may hold of a round that was lost. */
  #giveBack(bid: Bid, stands: boolean): void {
    // Whichever are free next time.
    bid.slots = ''
    if (!stands) {
      // It may have stood in a line before: it leaves that too.
      if (bid.state === 'waiting') bid.votes.fill(true)
      if (bid.state !== 'over') bid.state = 'asking'
      bid.until = this.#clock.now() + bid.timeout + Number(bid.ttl)
    }
    bid.votes.forEach((may, node) => {
      if (!may) return
      bid.votes[node] = false
      if (bid.free[node] !== Infinity) bid.free[node] = this.#clock.now()
      this.#takeBack(bid, node, bid.ballot, stands ? bid.ticket : '')
    })
  }

  #takeBack(bid: Bid, node: number, ballot: number, ticket: string): void {
    const until = this.#clock.now() + bid.timeout + Number(bid.ttl)
    const fields = (): readonly string[] | null => {
      // With a later ballot it has been asked again, and that has its own end.
      const over = bid.state === 'over'
      if (over) return [bid.owner, '', String(Math.max(ballot, bid.ballot)), bid.over, '']
      return bid.ballot === ballot ? [bid.owner, '', String(ballot), '1', ticket] : null
    }
    void this.#undo.release(node, bid.key, bid.timeout, fields, until)
  }
}

const AGAIN: Outcome = { kind: 'again' }
const LOST: Outcome = { kind: 'lost' }

/** The highest ballot of a node before the request that it answers here. */
function before({ verdict }: Answer): number {
  return Number(verdict[verdict.length - 1])
}

/** The slots that most nodes have granted; '' where there are none. */
function mostVotes(votes: readonly Answer[]): { slots: string; count: number } {
  const counts = new Map<string, number>()
  for (const { verdict } of votes) {
    const slots = verdict[4] ?? ''
    counts.set(slots, (counts.get(slots) ?? 0) + 1)
  }
  let best = { slots: '', count: 0 }
  for (const [slots, count] of counts) if (count > best.count) best = { slots, count }
  return best
}
