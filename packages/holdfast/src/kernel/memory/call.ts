import type { Reply } from '../../clients/port.js'
import type { Keys } from './state.js'
import { WrongType, type Keyspace } from './store.js'

/** The j-th argument of an item, counted from 1 as in the Lua and in docs/protocol.md. */
export type Field = (j: number) => string

/** One name of a call, and what is asked of it. */
export interface Item {
  readonly keys: Keys
  readonly field: Field
}

/** One call of a script: its time, which stands still, and the messages that it will publish. */
export interface Call {
  /** Server microseconds. */
  readonly us: number
  /** Server milliseconds. */
  readonly now: number
  /** The first 16 characters of the server's run id, or nothing where INFO is forbidden. */
  readonly run: string
  readonly space: Keyspace
  /** Of a guarded call: when the node may grant again, server ms; null: it may. See guard.ts. */
  readonly quarantined: number | null
  /** The least ballot that can be larger than all that were granted, us. */
  readonly floor: number
  /** How many subscribe to a channel. */
  subscribers(channel: string): number
  /** How many items hung neither on the time nor on the run: if all, the reply has neither. */
  timeless: number
  /** Published after the last item, whatever becomes of the items. */
  readonly messages: (readonly [channel: string, message: string])[]
}

/** The channel of the client that an owner id belongs to. */
export function channelOf(owner: string): string {
  return `lock:client:${owner.split('.', 1)[0]}`
}

/** A request made for another server run, or past its time: its caller has given up. */
export function late(call: Call, notAfter: string, run: string): boolean {
  return notAfter !== '' && (run !== call.run || call.now > Number(notAfter))
}

/** Puts down a message to an owner's client. */
export function tell(call: Call, kind: string, owner: string, ...rest: (string | number)[]): void {
  call.messages.push([channelOf(owner), ['1', kind, owner, ...rest].join(' ')])
}

/** Each name has a verdict of its own: what goes wrong with one is an error of this name alone. */
export function attempt<T>(call: Call, keys: Keys, work: () => T): T | readonly Reply[] {
  try {
    return work()
  } catch (error) {
    if (error instanceof WrongType) return ['error', call.space.mismatch(keys) ?? error.message]
    return ['error', error instanceof Error ? error.message : String(error)]
  }
}
