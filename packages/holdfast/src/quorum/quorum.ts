import type { LocalClock } from '../base/clock.js'
import type { HoldfastError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { PortNode, Subscription, SubscriptionEvents } from '../clients/port.js'
import { decodeNews } from '../kernel/news.js'
import type { Mode } from '../kernel/protocol.js'
import { askAside } from './aside.js'
import { BallotClock } from './ballot-clock.js'
import { recordOf, Bids, type Bid } from './bids.js'
import { gather, withVerdict, type Said } from './gather.js'
import { Invitations } from './invitations.js'
import type { Answer, Cursors, Fields, Node, ScanStep } from './node.js'
import type { Op } from './ops.js'
import type { Aside, Nodes } from './nodes.js'
import { Panel } from './panel.js'
import { answerOf, holders, mostCommon, ofMost, provedUntil, withHighest } from './most.js'
import { ROUNDS, Rounds } from './rounds.js'
import { Subscriptions } from './subscriptions.js'
import { Undo } from './undo.js'

/**
 * Several independent servers that grant together: what a majority says. Seen from above it is one
 * server whose clock is the local one. (Design, section 7; docs/protocol.md, Quorum.)
 */
export class Quorum implements Nodes {
  readonly members: readonly Node[]
  readonly cluster = false
  readonly #panel: Panel
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #bids: Bids
  readonly #undo: Undo
  readonly #rounds: Rounds
  readonly #ballots: BallotClock
  readonly #invitations: Invitations
  /** Whose server a cursor is of. */
  readonly #scanned = new WeakMap<PortNode, number>()

  constructor(nodes: readonly Node[], clock: LocalClock, runtime: Runtime) {
    this.members = nodes
    this.#panel = new Panel(nodes)
    this.#clock = clock
    this.#runtime = runtime
    this.#bids = new Bids(clock, nodes.length)
    this.#undo = new Undo(nodes, clock, runtime)
    this.#ballots = new BallotClock(nodes, runtime)
    this.#rounds = new Rounds(this.#panel, this.#bids, this.#undo, this.#ballots, clock, runtime)
    this.#invitations = new Invitations(
      this.#bids,
      this.#ballots,
      clock,
      runtime,
      (bid) => this.#rounds.possible(bid),
      (bid, node) => void this.#heal(bid, node),
    )
  }

  get keyPrefix(): string {
    return this.members[0]!.keyPrefix
  }

  ask(op: Op, key: string, timeout: number, fields: Fields): Promise<Answer> {
    if (op === 'acquire') return this.#rounds.acquire(key, timeout, fields)
    if (op === 'renew') return this.#renew(key, timeout, fields)
    if (op === 'release') return this.#release(key, timeout, fields)
    if (op === 'turn') return this.#turn(key, timeout, fields)
    const words = op === 'resize' ? 4 : 1
    const said = ({ verdict }: Answer): string => verdict.slice(0, words).join(' ')
    const what = op === 'inspect' ? holders : said
    return this.#majority(op, key, timeout, fields, what)
  }

  /** Each by itself: what is granted while another lacks is held, and the caller gives it back. */
  async together(
    _op: 'all',
    wanted: readonly { readonly key: string; readonly fields: Fields }[],
    timeout: number,
  ): Promise<readonly Answer[]> {
    const answers = await Promise.all(
      wanted.map(({ key, fields }) => this.#rounds.acquire(key, timeout, fields)),
    )
    if (answers.every(({ verdict }) => verdict[0] === 'granted')) return answers
    return answers.map((answer) => {
      const [status, ...rest] = answer.verdict
      return status === 'granted' ? { ...answer, verdict: ['held', ...rest] } : answer
    })
  }

  /** Every name is asked for by itself. */
  slot(key: string): number {
    let hash = 0
    for (let i = 0; i < key.length; i++) {
      hash = (hash * 31 + key.charCodeAt(i)) % Number.MAX_SAFE_INTEGER
    }
    return hash
  }

  async #renew(key: string, timeout: number, fields: Fields): Promise<Answer> {
    const { quorum, blocking } = this.#panel
    const sent = this.#clock.now()
    let bid: Bid | undefined
    let lease = 0
    const asked = this.#panel.askAll('q_renew', key, timeout, (notAfter) => {
      const wanted = fields(notAfter)
      if (!wanted) return null
      bid = this.#bids.get(wanted[0]!)
      lease = Number(wanted[1])
      return [...wanted, bid ? recordOf(bid) : '', bid?.limit ?? '']
    })
    return gather(asked, (said, missing) => {
      if (withVerdict(said, 'forced').length > 0) return answerOf(this.#clock, ['forced'], sent)
      // A node that forgot cannot know: it counts from the next time on.
      const held = withVerdict(said, 'renewed', 'repaired')
      if (held.length >= quorum) {
        const ends = provedUntil(held, 1, quorum)
        if (bid) bid.until = ends + lease
        const asks = held.find(({ verdict }) => verdict[4] !== undefined)?.verdict[4]
        const token = bid?.ballot ?? Math.max(...held.map(({ verdict }) => Number(verdict[2])))
        const waiting = Math.max(...held.map(({ verdict }) => Number(verdict[3])))
        const rest = [String(token), String(waiting), ...(asks === undefined ? [] : [asks])]
        return answerOf(this.#clock, ['renewed', String(ends), ...rest], sent)
      }
      if (withVerdict(said, 'gone').length >= blocking) {
        if (bid) this.#end(bid, timeout)
        return answerOf(this.#clock, ['gone'], sent)
      }
      if (missing > 0) return undefined
      if (withVerdict(said, 'late').length >= blocking) return answerOf(this.#clock, ['late'], sent)
      throw this.#panel.failure(said)
    })
  }

  /** A node is free although the name is held: it is asked to hold it too. */
  async #heal(bid: Bid, node: number): Promise<void> {
    const left = Math.floor(bid.until - this.#clock.now() - Number(bid.ttl))
    if (left <= 0) return
    await this.#panel
      .ask(node, 'q_renew', bid.key, bid.timeout, ({ ms, run }) =>
        bid.state === 'held' ? [bid.owner, String(left), ms, run, recordOf(bid), bid.limit] : null,
      )
      .catch(() => undefined)
  }

  /** No node is to have anything of it any more. */
  #end(bid: Bid, timeout: number): void {
    const ballot = String(bid.ballot)
    const failed = bid.state === 'held' ? '' : '1'
    bid.over = failed
    bid.state = 'over'
    if (bid.until === Infinity) bid.until = this.#clock.now() + timeout + Number(bid.ttl)
    this.#invitations.forget(bid.owner)
    this.members.forEach((_, node) => {
      const fields = (): readonly string[] => [bid.owner, '', ballot, failed, '']
      void this.#undo.release(node, bid.key, timeout, fields, bid.until)
    })
  }

  async #release(key: string, timeout: number, fields: Fields): Promise<Answer> {
    const { quorum, blocking } = this.#panel
    const [owner = '', least = ''] = fields({ ms: '', run: '' }) ?? []
    const bid = this.#bids.get(owner)
    const now = this.#clock.now()
    const failed = bid !== undefined && bid.state !== 'held' && bid.ballot > 0
    if (bid) {
      if (bid.state !== 'over') bid.over = failed ? '1' : ''
      bid.state = 'over'
      if (bid.until === Infinity) bid.until = now + timeout + Number(bid.ttl)
      this.#invitations.forget(owner)
    }
    const ballot = bid && bid.ballot > 0 ? String(bid.ballot) : ''
    const all = (): readonly string[] => [owner, least, ballot, bid?.over ?? '', '']
    const until = bid?.until ?? now + timeout
    const again = (node: number): void => this.#undo.again(node, key, timeout, all, until)
    const asked = this.members.map((_, node) =>
      this.#panel.ask(node, 'q_release', key, timeout, all),
    )
    return gather(
      asked,
      (said, missing) => {
        const last = said[said.length - 1]!
        if (last.error) again(last.node)
        const errors = said.filter(({ error }) => error !== null).length
        const kept = withVerdict(said, 'kept')
        const ended = [...kept, ...withVerdict(said, 'released')]
        const left = withVerdict(said, 'left')
        const done = ended.length > 0 ? ended : left
        if (done.length >= quorum) return ofMost(done)
        if (errors >= blocking) throw this.#panel.failure(said)
        if (done.length + missing >= quorum) return undefined
        // Some nodes had lost it, or were not asked for it when it waited.
        if (done.length > 0 && (done === left || done.length + errors >= quorum))
          return ofMost(done)
        return missing === 0 || withVerdict(said, 'gone').length >= blocking
          ? ofMost(withVerdict(said, 'gone', 'newer', 'waits', 'left', 'released', 'kept'))
          : undefined
      },
      ({ node, error }) => {
        if (error) again(node)
      },
    )
  }

  async #turn(key: string, timeout: number, fields: Fields): Promise<Answer> {
    const { quorum, blocking } = this.#panel
    const end = this.#clock.now() + timeout
    let heir: Bid | undefined
    let owner = ''
    for (let round = 1; ; round++) {
      const sent = this.#clock.now()
      let ballot = 0
      const left = Math.max(1, Math.ceil(end - sent))
      const asked = this.#panel.askAll('q_turn', key, left, (notAfter) => {
        const wanted = fields(notAfter)
        if (!wanted) return null
        owner = wanted[0]!
        heir ??= this.#heir(key, timeout, wanted)
        if (ballot === 0) ballot = this.#rounds.next(heir)
        return [...wanted, String(ballot)]
      })
      const votes = (said: readonly Said[]): Answer[] =>
        withVerdict(said, 'turned').filter(({ verdict }) => Number(verdict[1]) === ballot)
      let done = false
      // Nobody goes on with what a node may hold of the one who passed on.
      const leave = (one: Said): void => {
        const turned = one.answer?.verdict[0] === 'turned'
        if (!done || turned || !heir) return
        const fields = (): readonly string[] => [owner, '', '', '', '']
        void this.#undo.release(one.node, key, timeout, fields, heir.until)
      }
      const judge = (said: readonly Said[], missing: number): Answer | 'again' | undefined => {
        for (const { verdict: word } of withVerdict(said, 'stale')) {
          this.#ballots.note(Number(word[1]))
        }
        const turned = votes(said)
        if (turned.length >= quorum && heir) {
          const ends = provedUntil(turned, 2, quorum)
          heir.state = 'held'
          heir.until = ends + Number(heir.ttl)
          done = true
          said.forEach(leave)
          return answerOf(this.#clock, ['turned', String(ballot), String(ends), String(sent)], sent)
        }
        if (withVerdict(said, 'forced').length > 0) return answerOf(this.#clock, ['forced'], sent)
        if (turned.length + missing >= quorum) return undefined
        if (withVerdict(said, 'gone').length >= blocking) {
          if (heir) this.#end(heir, timeout)
          return answerOf(this.#clock, ['gone'], sent)
        }
        const open = turned.length + withVerdict(said, 'stale', 'turned', 'ahead').length
        if (open + missing >= quorum && round < ROUNDS && this.#clock.now() < end) return 'again'
        if (missing > 0) return undefined
        if (withVerdict(said, 'late').length >= blocking)
          return answerOf(this.#clock, ['late'], sent)
        throw this.#panel.failure(said)
      }
      const verdict = await gather(asked, judge, leave)
      if (verdict !== 'again') return verdict
    }
  }

  /** What is known of whoever a tenure passes on to. */
  #heir(key: string, timeout: number, fields: readonly string[]): Bid {
    const [owner = '', heir = '', mode, ttl = '0', , , info = ''] = fields
    const known = this.#bids.get(heir)
    if (known) return known
    const before = this.#bids.get(owner)
    const bid = this.#bids.add({
      owner: heir,
      key,
      timeout,
      mode: mode as Mode,
      permits: mode === 'p' ? (before?.permits ?? '1') : '1',
      ttl,
      claim: ttl,
      info: info === '' ? (before?.info ?? '') : info,
      limit: before?.limit ?? '',
      ticket: '',
    })
    bid.ballot = before?.ballot ?? 0
    bid.above = bid.ballot
    bid.slots = mode === 'p' ? (before?.slots ?? '') : ''
    return bid
  }

  /** What most say, of the first majority to answer; where no majority agrees, of all who do. */
  #majority(
    op: Op,
    key: string,
    timeout: number,
    fields: Fields,
    what: (answer: Answer) => string,
  ): Promise<Answer> {
    const { quorum } = this.#panel
    return gather(this.#panel.askAll(op, key, timeout, fields), (said, missing) => {
      const answers = said.flatMap(({ answer }) => (answer ? [answer] : []))
      if (answers.length + missing < quorum) throw this.#panel.failure(said)
      const most = mostCommon(answers, what)
      if (!most) return undefined
      const count = answers.filter((one) => what(one) === what(most)).length
      if (count < quorum && missing > 0) return undefined
      return op === 'inspect' ? withHighest(most, answers) : most
    })
  }

  async scan(
    cursors: Cursors | null,
    pattern: string,
    count: number,
    timeout: number,
    index?: string,
  ): Promise<ScanStep> {
    const steps = await Promise.allSettled(
      this.members.map(async (node, i): Promise<ScanStep> => {
        const own = cursors && new Map([...cursors].filter(([at]) => this.#scanned.get(at) === i))
        if (own?.size === 0) return { keys: [], cursors: new Map<PortNode, string>() }
        return node.scan(own, pattern, count, timeout, index)
      }),
    )
    const said = steps.map((step, node) => ({
      node,
      answer: null,
      error: step.status === 'rejected' ? (step.reason as HoldfastError) : null,
    }))
    const failed = said.filter(({ error }) => error !== null)
    if (failed.length >= this.#panel.blocking) throw this.#panel.failure(failed)
    const keys = new Set<string>()
    const left = new Map<PortNode, string>()
    steps.forEach((step, i) => {
      if (step.status === 'rejected') return
      for (const key of step.value.keys) keys.add(key)
      for (const [at, cursor] of step.value.cursors) {
        this.#scanned.set(at, i)
        left.set(at, cursor)
      }
    })
    return { keys: [...keys], cursors: left }
  }

  aside(
    script: Aside,
    keys: readonly string[],
    args: readonly string[],
    timeout: number,
  ): Promise<Answer> {
    return askAside(this.#panel, script, keys, args, timeout)
  }

  /** The answer with which a majority has answered. */
  status(key: string, channel: string, timeout: number, awaited = true): Promise<Answer> {
    const { quorum, blocking } = this.#panel
    const asked = this.members.map((node) => node.status(key, channel, timeout, awaited))
    return gather(asked, (said) => {
      const answers = said.flatMap(({ answer }) => (answer ? [answer] : []))
      if (answers.length >= quorum) return answers[quorum - 1]
      if (said.length - answers.length >= blocking) throw this.#panel.failure(said)
      return undefined
    })
  }

  /** No message is a majority's word: nobody holds by it. */
  latestOffset(): null {
    return null
  }

  subscribe(channel: string, listener: SubscriptionEvents): Promise<Subscription> {
    const deliver = (message: string): void => listener.onMessage(message)
    return new Subscriptions(this.#panel, this.#runtime, channel, {
      onMessage: (node, message) => {
        // News of an election is one node's: whoever observes asks the majority.
        if (decodeNews(message)) listener.onGap()
        else this.#invitations.message(node, message, deliver)
      },
      onGap: () => listener.onGap(),
    }).open()
  }

  async close(): Promise<void> {
    this.#invitations.close()
    await this.#undo.close()
    await Promise.all(this.members.map((node) => node.close()))
  }
}
