import { channel } from 'node:diagnostics_channel'
import type { DeadlockLink, LossReason } from './errors.js'

/** What most events say: which lock, which acquisition. */
export interface LockEvent {
  readonly name: string
  readonly mode: 'exclusive' | 'shared' | 'permits'
  /** The owner id of this acquisition. */
  readonly owner: string
}

/**
 * The messages on `node:diagnostics_channel`, by channel name. Ordinary contention is `queued`;
 * nothing here is an error. Durations are ms.
 */
export interface HoldfastEvents {
  /**
   * A lock was acquired. `pushed`: by a hand-over, without asking; `local`: from another call of this
   * Holdfast, without the server. `waited`: since the call.
   */
  'holdfast:granted': LockEvent & { fence: number; waited: number; pushed: boolean; local: boolean }
  /** The call stands in line. `rank` 0 is next. */
  'holdfast:queued': LockEvent & { rank: number }
  /** A renewal was confirmed. `left`: what the lease still had when the answer came. */
  'holdfast:renewed': LockEvent & { left: number; validFor: number }
  /** A renewal failed or is overdue, and the lease still has time. Once for each trouble. */
  'holdfast:jeopardy': LockEvent & { left: number; error: unknown }
  /** The lease ended before its release. */
  'holdfast:lost': LockEvent & { reason: LossReason; fence: number; held: number }
  /** Somebody asked the holder to let go: `lock.revoked` aborts. Nothing else changes. */
  'holdfast:revoked': LockEvent & { fence: number; by: { label?: string; reason?: string } }
  /** The lock was released. `released` false: the lease was over, or the server could not be told. */
  'holdfast:released': LockEvent & { released: boolean; held: number }
  /** A pushed grant reached this process. `latency`: since the server's grant, if it can be told. */
  'holdfast:handover': LockEvent & { fence: number; latency: number | null; confirmed: boolean }
  /** Calls wait in a circle, and this one came last. `broken`: it is given up (ERR_DEADLOCK). */
  'holdfast:deadlock': LockEvent & { cycle: readonly DeadlockLink[]; broken: boolean }
  /** A clock stepped: the local one forward, or a server's against ours. */
  'holdfast:clock-step': { clock: 'local' | 'server'; ms: number; run: string | null }
  /** The server granted, but could not publish the message: its waiter finds out later. */
  'holdfast:push-failed': { message: string }
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
  granted: publisher('holdfast:granted'),
  queued: publisher('holdfast:queued'),
  renewed: publisher('holdfast:renewed'),
  jeopardy: publisher('holdfast:jeopardy'),
  lost: publisher('holdfast:lost'),
  revoked: publisher('holdfast:revoked'),
  released: publisher('holdfast:released'),
  handover: publisher('holdfast:handover'),
  deadlock: publisher('holdfast:deadlock'),
  clockStep: publisher('holdfast:clock-step'),
  pushFailed: publisher('holdfast:push-failed'),
  eviction: publisher('holdfast:eviction'),
}
