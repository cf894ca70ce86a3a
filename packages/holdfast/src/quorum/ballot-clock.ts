import type { Runtime } from '../base/runtime.js'
import type { Node } from './node.js'

/** A node refuses a ballot that is further ahead of its clock (see _guard.lua), less what clocks differ. */
const AHEAD_US = 59_000_000
// Ballots that run ahead of the clocks are kept apart by up to so much: many follow the same one.
const APART_US = 1000
/**
 * Ballots are multiples of this: with each come the numbers up to the next one, as fencing tokens for those
 * of its process to whom its holder hands the name without the servers.
 */
export const BLOCK = 32

/**
 * Where ballots come from: a hybrid logical clock in microseconds, by the middle one of the nodes' clocks
 * (whatever that of this machine says), and above every ballot that a node told. A ballot so far ahead
 * that a majority would refuse it is that node's own affair: one clock that is wrong stops nobody.
 * (Kulkarni and others, Logical Physical Clocks, 2014; safety.md 2.4.)
 */
export class BallotClock {
  readonly #nodes: readonly Node[]
  readonly #runtime: Runtime
  #seen = 0
  #ticket = 0

  constructor(nodes: readonly Node[], runtime: Runtime) {
    this.#nodes = nodes
    this.#runtime = runtime
  }

  /** The time by the nodes, us; before any has answered that of this machine. */
  now(): number {
    const known = this.#nodes.flatMap(({ time }) => (time === null ? [] : [time]))
    const middle = known.toSorted((a, b) => a - b)[Math.floor((known.length - 1) / 2)]
    return Math.floor(middle ?? this.#runtime.wall() * 1000)
  }

  /** A node told a ballot. */
  note(ballot: number): void {
    if (ballot > this.#seen && ballot <= this.now() + AHEAD_US) this.#seen = ballot
  }

  /** A ballot above this one, and above all that were noted. */
  next(after: number): number {
    const now = this.now()
    const above = Math.max(this.#seen, after) + 1
    const least = now > above ? now : above + Math.floor(this.#runtime.random() * APART_US)
    const ballot = Math.ceil(least / BLOCK) * BLOCK
    this.note(ballot)
    return ballot
  }

  /** A place in the lines: the order is that of arrival, whatever the ballots do. No two are the same. */
  ticket(): number {
    this.#ticket = Math.max(this.now(), this.#ticket + 1)
    return this.#ticket
  }
}
