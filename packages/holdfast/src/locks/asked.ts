import type { LockCall, LockType } from '../base/events.js'
import type { Mode } from '../kernel/protocol.js'
import type { Wish } from '../line/wish.js'
import type { OnDeadlock } from './options.js'
import type { HistoryStream } from './outbox.js'
import type { Settings } from './settings.js'

/** What a call asks for, and what goes for the call alone. */
export type Asked = Wish & Pick<Settings, 'deadlock'>

/** What all calls of a lock have in common, whatever their options. */
export type Lasting = Pick<Asking, 'name' | 'mode' | 'type' | 'history'>

interface Kept extends Settings {
  /** A history of its own. */
  readonly history?: HistoryStream | undefined
}

/**
 * What the calls of one lock ask for. Whoever holds a lock or waits for it keeps this; so it has its
 * settings, which most locks of a process share, and not a copy of them.
 */
export class Asking implements Asked {
  readonly name: string
  readonly key: string
  readonly mode: Mode
  readonly settings: Kept
  /** Of one call. */
  call: LockCall | undefined = undefined

  constructor(name: string, key: string, mode: Mode, settings: Kept) {
    this.name = name
    this.key = key
    this.mode = mode
    this.settings = settings
  }

  /** The same for one call, of which somebody is told. */
  anew(): Asking {
    return new Asking(this.name, this.key, this.mode, this.settings)
  }

  /** The same with another limit of its wait, ms. */
  waiting(wait: number): Asking {
    return new Asking(this.name, this.key, this.mode, { ...this.settings, wait })
  }

  get type(): LockType {
    return this.settings.type
  }

  get expectedHold(): number {
    return this.settings.expectedHold
  }

  get history(): HistoryStream | undefined {
    return this.settings.history
  }

  get ttl(): number {
    return this.settings.ttl
  }

  get renew(): boolean {
    return this.settings.renew
  }

  get margin(): number | undefined {
    return this.settings.margin
  }

  get maxHold(): number {
    return this.settings.maxHold
  }

  get holdAtLeast(): number {
    return this.settings.holdAtLeast
  }

  get lockDelay(): number {
    return this.settings.lockDelay
  }

  get timeout(): number {
    return this.settings.timeout
  }

  get claim(): number {
    return this.settings.claim
  }

  get info(): string {
    return this.settings.info
  }

  get permits(): number {
    return this.settings.permits
  }

  get limit(): number {
    return this.settings.limit
  }

  get wait(): number {
    return this.settings.wait
  }

  get signal(): AbortSignal | undefined {
    return this.settings.signal
  }

  get localHandovers(): number {
    return this.settings.localHandovers
  }

  get localHandoverMs(): number {
    return this.settings.localHandoverMs
  }

  get linger(): number {
    return this.settings.linger
  }

  get deadlock(): OnDeadlock {
    return this.settings.deadlock
  }
}

/** Whether two locks are on the same terms. */
export function same(a: Settings, b: Settings): boolean {
  for (const key of Object.keys(a) as (keyof Settings)[]) if (a[key] !== b[key]) return false
  return true
}
