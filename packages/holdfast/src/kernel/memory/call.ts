import type { Keyspace } from './store.js'

/** One call of a script: its time, which stands still, and the messages that it will publish. */
export interface Call {
  /** Server microseconds. */
  readonly us: number
  /** Server milliseconds. */
  readonly now: number
  /** The first 16 characters of the server's run id, or nothing where INFO is forbidden. */
  readonly run: string
  readonly space: Keyspace
  /** How many subscribe to a channel. */
  subscribers(channel: string): number
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
