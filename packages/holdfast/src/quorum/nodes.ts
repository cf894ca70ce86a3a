import type { Subscription, SubscriptionEvents } from '../clients/port.js'
import type { Answer, Cursors, Fields, Node, ScanStep } from './node.js'
import type { Op } from './ops.js'

/** Scripts that are about no name's lock: one writes a history, one reads it. */
export type Aside = 'history' | 'past'

/**
 * What the floors above know of the servers: one, or several that decide by majority. How many there
 * are they do not see: the answers of several come as one.
 */
export interface Nodes {
  /** Each by itself. */
  readonly members: readonly Node[]
  /** What the client puts before every key. */
  readonly keyPrefix: string
  readonly cluster: boolean
  /** Asks for one name. @throws ERR_UNAVAILABLE, ERR_NO_QUORUM, ERR_CONFIG: not said whether it was carried out */
  ask(op: Op, key: string, timeout: number, fields: Fields): Promise<Answer>
  /** Asks for several names of one slot, all or nothing. @throws as `ask` */
  together(
    op: 'all',
    wanted: readonly { readonly key: string; readonly fields: Fields }[],
    timeout: number,
  ): Promise<readonly Answer[]>
  /** Which names can be asked for together. */
  slot(key: string): number
  /** One step of a SCAN over K, or over an index. */
  scan(
    cursors: Cursors | null,
    pattern: string,
    count: number,
    timeout: number,
    index?: string,
  ): Promise<ScanStep>
  /**
   * Runs a script that is about no name's lock: `history` on every server, `past` on the first that
   * answers, in their order.
   */
  aside(
    script: Aside,
    keys: readonly string[],
    args: readonly string[],
    timeout: number,
  ): Promise<Answer>
  /** What a server says of itself. */
  status(key: string, channel: string, timeout: number, awaited?: boolean): Promise<Answer>
  /** See Runs.latestOffset. */
  latestOffset(run: string, received: number, serverTime: number): number | null
  subscribe(channel: string, listener: SubscriptionEvents): Promise<Subscription>
  close(): Promise<void>
}
