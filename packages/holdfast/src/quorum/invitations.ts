import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { decodePush, encodeFirst, type Push } from '../kernel/protocol.js'
import type { BallotClock } from './ballot-clock.js'
import type { Bid, Bids } from './bids.js'
import { QUORUM_RUN } from './most.js'

// A message of one node is missing: so long, in claims, until whoever waits asks all the same.
const DOUBT = 0.25

/**
 * Makes of the messages of single nodes (this name is free for you; or: it will be then) one that says so of
 * a majority. A waiter is thus not woken for a node that is free beside a majority that is held. (Review L4.)
 */
export class Invitations {
  readonly #bids: Bids
  readonly #ballots: BallotClock
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #possible: (bid: Bid) => number
  readonly #heal: (bid: Bid, node: number) => void
  readonly #doubts = new Map<string, Timer>()

  /**
   * @param possible when a majority may be free.
   * @param heal is told of a node that is free although its owner holds the name.
   */
  constructor(
    bids: Bids,
    ballots: BallotClock,
    clock: LocalClock,
    runtime: Runtime,
    possible: (bid: Bid) => number,
    heal: (bid: Bid, node: number) => void,
  ) {
    this.#bids = bids
    this.#ballots = ballots
    this.#clock = clock
    this.#runtime = runtime
    this.#possible = possible
    this.#heal = heal
  }

  /** A message of one node. @param deliver passes on what is to be known of it. */
  message(node: number, text: string, deliver: (text: string) => void): void {
    const push = decodePush(text)
    if (push?.kind !== 'first') {
      // A grant is no majority's word.
      if (push?.kind !== 'grant') deliver(text)
      return
    }
    const bid = this.#bids.get(push.owner)
    if (bid) this.#first(bid, node, push, deliver)
  }

  #first(
    bid: Bid,
    node: number,
    push: Push & { kind: 'first' },
    deliver: (text: string) => void,
  ): void {
    const now = this.#clock.now()
    const free = now + Math.max(0, push.ends - push.now)
    const known = bid.free[node]!
    bid.free[node] = free
    if (push.ballot !== undefined) this.#ballots.note(push.ballot)
    if (bid.state === 'held') {
      if (free <= now) this.#heal(bid, node)
      return
    }
    if (bid.state === 'over') return
    const possible = this.#possible(bid)
    if (possible <= now) return this.#invite(bid, now, deliver)
    if (possible < bid.told) this.#tell(bid, possible, deliver)
    // It was held as far as we knew, so its holder has let go, on other nodes as well.
    if (known > now && free <= now && !this.#doubts.has(bid.owner)) {
      const ms = Number(bid.claim) * DOUBT * (0.5 + 0.5 * this.#runtime.random())
      const ask = (): void => {
        this.#doubts.delete(bid.owner)
        if (bid.state === 'waiting') this.#invite(bid, this.#clock.now(), deliver)
      }
      this.#doubts.set(bid.owner, this.#runtime.setTimer(ask, ms, false))
    }
  }

  #invite(bid: Bid, now: number, deliver: (text: string) => void): void {
    this.#doubts.get(bid.owner)?.cancel()
    this.#doubts.delete(bid.owner)
    this.#tell(bid, now, deliver)
  }

  #tell(bid: Bid, ends: number, deliver: (text: string) => void): void {
    bid.told = ends
    deliver(encodeFirst(bid.owner, this.#clock.now(), ends, QUORUM_RUN))
  }

  /** The owner waits no more. */
  forget(owner: string): void {
    this.#doubts.get(owner)?.cancel()
    this.#doubts.delete(owner)
  }

  close(): void {
    for (const timer of this.#doubts.values()) timer.cancel()
    this.#doubts.clear()
  }
}
