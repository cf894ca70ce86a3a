import { channel } from 'node:diagnostics_channel'
import type { DeadlockLink, Holder, LossReason, Revoker } from './errors.js'

/** By what a lock was taken: `write` and `leader` are a mutex to the server. */
export type LockType = 'mutex' | 'read' | 'write' | 'semaphore' | 'leader'

/** What most events say: which lock, which acquisition. */
export interface LockEvent {
  readonly name: string
  readonly mode: 'exclusive' | 'shared' | 'permits'
  readonly type: LockType
  /** The owner id of this acquisition. */
  readonly owner: string
}

/**
 * One call that asks for one name, the same object from its beginning to its end. It is there if
 * somebody listened to `holdfast:requested` or `holdfast:failed` when the call began.
 */
export interface LockCall {
  readonly name: string
  readonly mode: 'exclusive' | 'shared' | 'permits'
  readonly type: LockType
  /**
   * Who listens to `holdfast:requested` may put a W3C `traceparent` here: it goes into the record of the
   * lock, and `Holder.trace` shows it to whoever waits for it.
   */
  trace?: string | undefined
}

/** How a call ended without the lock: `taken` of one try; `aborted` by its signal. */
export type FailedOutcome = 'timeout' | 'taken' | 'aborted' | 'unavailable' | 'error'

/**
 * The messages on `node:diagnostics_channel`, by channel name. Ordinary contention is `queued`;
 * nothing here is an error. Durations are ms.
 */
export interface HoldfastEvents {
  /** A call begins to ask for a name. Published inside of that call. */
  'holdfast:requested': LockCall
  /**
   * A lock was acquired. `pushed`: by a hand-over, without asking; `local`: from another call of this
   * Holdfast, without the server. `waited`: since the call. `call`: null where it is not a call's own
   * (a downgrade, a lock that was taken over).
   */
  'holdfast:granted': LockEvent & {
    fence: number
    waited: number
    pushed: boolean
    local: boolean
    call: LockCall | null
  }
  /**
   * The call stands in line, behind `rank` others. `owner` is the one under which it waits: for several
   * calls of a process the same one. `holder`: who has the name, as far as that was told.
   */
  'holdfast:queued': LockEvent & { rank: number; holder: Holder | null; call: LockCall | null }
  /** The call ended without the lock. `waited`: since the call. */
  'holdfast:failed': Omit<LockEvent, 'owner'> & {
    outcome: FailedOutcome
    waited: number
    error: unknown
    call: LockCall
  }
  /** A renewal was confirmed. `left`: what the lease still had when the answer came. */
  'holdfast:renewed': LockEvent & { left: number; validFor: number }
  /** A renewal failed or is overdue, and the lease still has time. Once for each trouble. */
  'holdfast:jeopardy': LockEvent & { left: number; error: unknown }
  /** The lease ended before its release. */
  'holdfast:lost': LockEvent & { reason: LossReason; fence: number; held: number }
  /** Somebody asked the holder to let go: `lock.revoked` aborts. Nothing else changes. */
  'holdfast:revoked': LockEvent & { fence: number; by: Revoker }
  /** The lock was released. `released` false: the lease was over, or the server could not be told. */
  'holdfast:released': LockEvent & { released: boolean; fence: number; held: number }
  /** The lock is held for longer than its `expectedHold`. Once for each acquisition. */
  'holdfast:long-hold': LockEvent & {
    fence: number
    held: number
    expected: number
    label: string | undefined
  }
  /** A pushed grant reached this process. `latency`: since the server's grant, if it can be told. */
  'holdfast:handover': LockEvent & { fence: number; latency: number | null; confirmed: boolean }
  /** Calls wait in a circle, and this one came last. `broken`: it is given up (ERR_DEADLOCK). */
  'holdfast:deadlock': LockEvent & { cycle: readonly DeadlockLink[]; broken: boolean }
  /** A resource refused a fencing token (`holdfast/fencing`): `given` is less than what `stands`. */
  'holdfast:fenced': { resource: string; given: number; stands: number }
  /** A clock stepped: the local one forward, or a server's against ours. */
  'holdfast:clock-step': { clock: 'local' | 'server'; ms: number; run: string | null }
  /** The server granted, but could not publish the message: its waiter finds out later. */
  'holdfast:push-failed': { message: string }
  /**
   * What happened could not be written into the history: so many entries are lacking there, and more may
   * follow. Once for each trouble; no lock is concerned.
   */
  'holdfast:history-failed': { missed: number; error: unknown }
  /** The server may evict locks that are held: its `maxmemory-policy`. Once for each Holdfast. */
  'holdfast:eviction': { policy: string; run: string }
}

type Publish = { [K in keyof HoldfastEvents as Camel<K>]: Publisher<HoldfastEvents[K]> }
type Camel<K extends string> = K extends `holdfast:${infer Name}` ? CamelName<Name> : never
type CamelName<N extends string> = N extends `${infer A}-${infer B}`
  ? `${A}${Capitalize<CamelName<B>>}`
  : N

/** Publishes a message. */
interface Publisher<Message> {
  (message: Message): void
  /** Whether anybody listens: where a lock is taken or released, else the message is not even made. */
  readonly heard: boolean
}

function publisher<K extends keyof HoldfastEvents>(name: K): Publisher<HoldfastEvents[K]> {
  const to = channel(name)
  const publish = (message: HoldfastEvents[K]): void => {
    if (to.hasSubscribers) to.publish(message)
  }
  return Object.defineProperty(publish, 'heard', { get: () => to.hasSubscribers }) as Publisher<
    HoldfastEvents[K]
  >
}

/** One function for each channel; it costs a flag's test when nobody listens. */
export const events: Publish = {
  requested: publisher('holdfast:requested'),
  granted: publisher('holdfast:granted'),
  queued: publisher('holdfast:queued'),
  failed: publisher('holdfast:failed'),
  renewed: publisher('holdfast:renewed'),
  jeopardy: publisher('holdfast:jeopardy'),
  lost: publisher('holdfast:lost'),
  revoked: publisher('holdfast:revoked'),
  released: publisher('holdfast:released'),
  longHold: publisher('holdfast:long-hold'),
  handover: publisher('holdfast:handover'),
  deadlock: publisher('holdfast:deadlock'),
  fenced: publisher('holdfast:fenced'),
  clockStep: publisher('holdfast:clock-step'),
  pushFailed: publisher('holdfast:push-failed'),
  historyFailed: publisher('holdfast:history-failed'),
  eviction: publisher('holdfast:eviction'),
}

/** Hears the messages of a channel, until the returned function is called. */
export function listen<K extends keyof HoldfastEvents>(
  name: K,
  heard: (message: HoldfastEvents[K]) => void,
): () => void {
  const from = channel(name)
  const listener = (message: unknown): void => heard(message as HoldfastEvents[K])
  from.subscribe(listener)
  return () => {
    from.unsubscribe(listener)
  }
}
