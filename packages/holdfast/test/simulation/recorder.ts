import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { HoldfastError, HoldfastEvents, Lock } from '../../src/index.js'
import type { Event, Mode } from '../history/history.mjs'
import type { SimProcess } from './client.js'
import type { Schedule } from './schedule.js'

/** How a lock was asked for. */
export interface How {
  readonly mode: Mode
  readonly weight?: number
  readonly limit?: number
}

/** What is known of a call beforehand: as in the history. */
export interface About {
  readonly name?: string
  readonly limit?: number
  readonly grace?: number
  readonly must?: boolean
  readonly lease?: number
}

/** A call that was made: what came of it, or null if it failed. */
export interface Made<T> {
  readonly call: number
  readonly value: T | null
  readonly error: string | null
}

type Told = 'holdfast:renewed' | 'holdfast:lost' | 'holdfast:queued' | 'holdfast:granted'

/** Writes the history of a run. */
export class Recorder {
  readonly events: Event[] = []
  readonly counts = new Map<string, number>()
  /** The server's time now, the latest of the nodes. */
  serverTime: () => number = () => 0
  /** When a lease ends on the servers; null where that does not bound what may be believed. */
  leaseEnds: ((name: string, owner: string) => number) | null = null
  readonly #schedule: Schedule
  readonly #processes = new Map<string, SimProcess>()
  /** Calls that wait, by client and name. */
  readonly #waiting = new Map<string, number>()
  readonly #listeners: [Told, (message: unknown) => void][]
  #calls = 0

  constructor(schedule: Schedule) {
    this.#schedule = schedule
    this.#listeners = [
      ['holdfast:renewed', (m) => this.#renewed(m as HoldfastEvents['holdfast:renewed'])],
      ['holdfast:lost', (m) => this.#lost(m as HoldfastEvents['holdfast:lost'])],
      ['holdfast:granted', (m) => this.#granted(m as HoldfastEvents['holdfast:granted'])],
      ['holdfast:queued', (m) => this.#queued(m as HoldfastEvents['holdfast:queued'])],
    ]
    for (const [name, listener] of this.#listeners) subscribe(name, listener)
  }

  close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
  }

  know(process: SimProcess): void {
    this.#processes.set(process.id, process)
  }

  add(event: Omit<Event, 'mono'>): Event {
    const whole = { mono: this.#schedule.monotonic(), ...event }
    this.events.push(whole)
    return whole
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  /** Something goes wrong now. */
  fault(what: string, of = ''): void {
    this.count(`fault: ${what}`)
    this.add({ kind: 'fault', client: of, what })
  }

  #of(owner: string): SimProcess | undefined {
    return this.#processes.get(owner.slice(0, owner.indexOf('.')))
  }

  #renewed({ name, owner, validFor }: HoldfastEvents['holdfast:renewed']): void {
    const process = this.#of(owner)
    if (process) this.#believes(process, name, owner, validFor)
  }

  #lost({ owner, reason }: HoldfastEvents['holdfast:lost']): void {
    const process = this.#of(owner)
    if (!process) return
    this.count(`lost: ${reason}`)
    this.add({ kind: 'ended', client: process.name, owner, how: 'lost', reason })
  }

  #queued({ owner, name }: HoldfastEvents['holdfast:queued']): void {
    const process = this.#of(owner)
    const call = process && this.#waiting.get(`${process.name} ${name}`)
    if (call !== undefined) this.add({ kind: 'queued', client: process!.name, call })
  }

  #granted({ local }: HoldfastEvents['holdfast:granted']): void {
    if (local) this.count('handed on')
  }

  #believes(process: SimProcess, name: string, owner: string, validFor: number): void {
    const until = this.#schedule.monotonic() + validFor / process.rate
    this.add({ kind: 'held', client: process.name, owner, until, ...this.#proof(name, owner) })
  }

  #proof(name: string, owner: string): { ends?: number } {
    return this.leaseEnds ? { ends: this.leaseEnds(name, owner) } : {}
  }

  /** The holder looks. */
  look(process: SimProcess, lock: Lock): boolean {
    const held = lock.isHeld
    if (held) this.#believes(process, lock.name, lock.owner, lock.validFor)
    return held
  }

  /** Makes a call, which is to settle within so many ms of its process. */
  async call<T>(
    process: SimProcess,
    op: string,
    about: About,
    work: (call: number) => Promise<T>,
  ): Promise<Made<T>> {
    const call = ++this.#calls
    const client = process.name
    const { name, limit, grace, must, lease } = about
    const key = `${client} ${name}`
    const asked = process.asks
    this.#waiting.set(key, call)
    this.add({
      kind: 'invoke',
      client,
      call,
      op,
      ...(name === undefined ? {} : { name }),
      ...(limit === undefined ? {} : { limit: limit / process.rate }),
      ...(grace === undefined ? {} : { grace: grace / process.rate }),
      ...(must ? { must } : {}),
    })
    let value: T | null = null
    let error: string | null = null
    try {
      value = await work(call)
    } catch (thrown) {
      error = codeOf(thrown)
    }
    if (this.#waiting.get(key) === call) this.#waiting.delete(key)
    this.count(error === null ? op : `${op}: ${error}`)
    const asks = lease === undefined ? {} : { asks: process.asks - asked, lease }
    const outcome = error === null ? { ok: true } : { ok: false, error }
    this.add({ kind: 'return', client, call, ...outcome, ...asks })
    return { call, value, error }
  }

  granted({ name: client, rate }: SimProcess, call: number, lock: Lock, how: How): void {
    const { name, owner, fence: token } = lock
    this.count('acquisitions')
    this.add({
      kind: 'granted',
      client,
      call,
      name,
      owner,
      token,
      until: this.#schedule.monotonic() + lock.validFor / rate,
      now: this.serverTime(),
      ...this.#proof(name, owner),
      ...how,
    })
    // It may be lost before anybody could listen.
    const told = (): Event => this.add({ kind: 'told', client, owner })
    if (lock.signal.aborted) {
      this.add({ kind: 'ended', client, owner, how: 'lost' })
      told()
    } else lock.signal.addEventListener('abort', told)
  }

  /** It is about to let go, if it still holds. */
  ends({ name: client }: SimProcess, lock: Lock): void {
    if (!lock.isHeld) return
    this.add({ kind: 'ended', client, owner: lock.owner, how: 'released' })
  }
}

/** The reason of aborted waits in these runs. */
export const ABORTED = new Error('aborted')

function codeOf(error: unknown): string {
  if (error === ABORTED) return 'aborted'
  return (error as HoldfastError).code ?? String(error)
}
