import { hostname } from 'node:os'
import type { Leader, Leadership } from 'holdfast'

/** Who leads, as far as this process knows, and whether it does so itself. */
export interface Standing {
  readonly name: string
  /** The label of who leads, else its host and process; null: nobody. */
  readonly leader: string | null
  readonly isLeader: boolean
  /** The fencing token, as a decimal string. */
  readonly fence: string | null
  /** ISO 8601, by the server's clock. */
  readonly since: string | null
}

/** Keeps what is told of an election. */
export class Standings {
  readonly #name: string
  readonly #self: string
  /** Undefined: nothing is known. */
  #told: Leader | null | undefined
  #own: Leadership | null = null

  constructor(name: string, label: string | undefined) {
    this.#name = name
    this.#self = label ?? `${hostname()}:${process.pid}`
  }

  /** Who leads now; undefined: that cannot be heard any more. */
  tell(leader: Leader | null | undefined): void {
    this.#told = leader
  }

  elected(own: Leadership): void {
    this.#own = own
  }

  /** False until it is known who leads. */
  get known(): boolean {
    return this.#told !== undefined || this.#leads
  }

  /** Of itself by the clock, and not by what was told. */
  get now(): Standing {
    const name = this.#name
    const told = this.#told ?? null
    const own = told !== null && told.owner === this.#own?.owner
    if (this.#leads) {
      const fence = String(this.#own!.fence)
      return { name, leader: this.#self, isLeader: true, fence, since: own ? dateOf(told) : null }
    }
    // It has ended, and this process knows it first.
    if (told === null || own)
      return { name, leader: null, isLeader: false, fence: null, since: null }
    const fence = told.fence === null ? null : String(told.fence)
    return { name, leader: leaderOf(told), isLeader: false, fence, since: dateOf(told) }
  }

  get #leads(): boolean {
    return this.#own?.isLeader ?? false
  }
}

const leaderOf = ({ label, host, pid }: Leader): string => label ?? `${host ?? '?'}:${pid ?? '?'}`

const dateOf = ({ since }: Leader): string | null =>
  since === null ? null : new Date(since).toISOString()
