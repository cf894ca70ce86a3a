import type { LocalClock } from '../base/clock.js'
import { encodeRecord, type Mode } from '../kernel/protocol.js'

/** `over`: released or given up; what comes of it still is taken back. */
type State = 'asking' | 'waiting' | 'held' | 'over'

/** What is known of one owner id, from its first request to its end. */
export interface Bid {
  readonly owner: string
  readonly key: string
  readonly mode: Mode
  readonly permits: string
  readonly limit: string
  readonly ttl: string
  readonly claim: string
  readonly info: string
  readonly timeout: number
  state: State
  /** Its place in every node's line: when it first asked, by their clocks; or what it was given. */
  ticket: string
  /** The ballot of its last round; its fencing token once it is held. */
  ballot: number
  /** What the next one is to be above. */
  above: number
  /** Of a semaphore: the slots that are asked for, or held; '' for any. */
  slots: string
  /** Of each node: whether it holds something of this owner, or may. */
  readonly votes: boolean[]
  /** Of each node: when it may be free for this owner, local time. */
  readonly free: number[]
  /** What its release says of it: 1 if there was no majority for it. */
  over: '' | '1'
  /** When it was last told that a majority may be free, local time. */
  told: number
  /** Local time after which no node has anything of it, as far as is known. */
  until: number
}

// So many are kept before those that are over are looked for.
const SWEEP = 256

/** The bids of one Holdfast. Those that are over stay for as long as a node may have something of them. */
export class Bids {
  readonly #clock: LocalClock
  readonly #count: number
  readonly #all = new Map<string, Bid>()
  #sweep = SWEEP

  /** @param count of nodes. */
  constructor(clock: LocalClock, count: number) {
    this.#clock = clock
    this.#count = count
  }

  get(owner: string): Bid | undefined {
    return this.#all.get(owner)
  }

  /** @param fields of acquire. */
  of(key: string, timeout: number, fields: readonly string[]): Bid {
    const [owner = '', mode, permits = '1', ttl = '0', claim = '0', , ticket = ''] = fields
    const known = this.#all.get(owner)
    if (known) return known
    return this.add({
      owner,
      key,
      timeout,
      mode: mode as Mode,
      // Of one ballot, which is a block of tokens already.
      permits: mode === 'x' ? '1' : permits,
      ttl,
      // Longer than a round with its roll-back, or offers could pass each other by for ever.
      claim: String(Math.ceil(Math.max(Number(claim), 2 * timeout))),
      ticket,
      info: fields[10] ?? '',
      limit: fields[11] ?? '',
    })
  }

  add(
    of: Pick<
      Bid,
      | 'owner'
      | 'key'
      | 'timeout'
      | 'mode'
      | 'permits'
      | 'ttl'
      | 'claim'
      | 'info'
      | 'limit'
      | 'ticket'
    >,
  ): Bid {
    if (this.#all.size >= this.#sweep) this.#forget()
    const bid: Bid = {
      ...of,
      state: 'asking',
      ballot: 0,
      above: 0,
      slots: '',
      votes: Array<boolean>(this.#count).fill(false),
      free: Array<number>(this.#count).fill(-Infinity),
      over: '',
      told: -Infinity,
      until: Infinity,
    }
    this.#all.set(of.owner, bid)
    return bid
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [owner, { until }] of this.#all) {
      if (until <= now) this.#all.delete(owner)
    }
    this.#sweep = Math.max(SWEEP, 2 * this.#all.size)
  }
}

/** What a node that has lost the tenure takes it up again with. */
export function recordOf(bid: Bid): string {
  if (bid.state !== 'held') return ''
  if (bid.mode === 'p' && bid.slots === '') return ''
  const { mode, permits, ttl, claim, slots, ballot, info } = bid
  return encodeRecord({ mode, permits, ttl, claim, sub: `0/${slots || '-'}`, ballot, info })
}
