import { inOrder } from './acknowledged.js'
import { nothing, type Emitter, type Open } from './common.js'
import { scriptsOf, type IoredisScripts } from './ioredis-scripts.js'
import { wandering } from './wandering.js'

/**
 * What is asked of an ioredis client or Cluster; an iovalkey one has the same shape. No client is
 * imported, not even as a type, so that nobody needs one that he does not use.
 */
export interface IoredisLike extends Emitter, IoredisScripts {
  readonly status: string
  readonly isCluster?: boolean
  readonly options?: { readonly keyPrefix?: string | undefined }
  /** Its socket. */
  readonly stream?: { unref(): unknown; cork?(): void; uncork?(): void }
  /** Of a Cluster. */
  nodes?(role: 'master'): IoredisLike[]
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  // oxlint-disable-next-line typescript/no-explicit-any -- Redis and Cluster differ
  duplicate(...args: any[]): IoredisLike
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
}

/** What the subscriber does not take over from the user's client. */
export const ownOptions = {
  // A break that the client has not noticed yet must not look like a refusal.
  enableOfflineQueue: true,
  // The port subscribes again itself: it has to learn when that is confirmed, and the client's own
  // attempt ends as an unhandled rejection when the server refuses it.
  autoResubscribe: false,
  // A confirmation that is given up is not asked for again before the next break.
  commandTimeout: undefined,
}

/** Whether it was ended. A Cluster goes from 'end' back to 'close' then, and stays there. */
export const isOver = ({ status, isCluster }: IoredisLike): boolean =>
  status === 'end' || (isCluster === true && status === 'close')

/** Presents a client that is our own. */
export const on =
  (own: IoredisLike): Open =>
  (events) => {
    let last: unknown = new Error('Connection is closed.')
    own.on('error', (error: unknown) => events.error((last = error)))
    own.on('message', events.message)
    own.on('ready', events.ready)
    // Of the reason 'end' says nothing: it was told as an error before.
    own.on('end', () => events.ended(last))
    return {
      get ready(): boolean {
        return own.status === 'ready'
      },
      start: () => {
        if (/^(wait|end)$/.test(own.status)) own.connect().catch(nothing)
      },
      subscribe: (channel) => own.subscribe(channel),
      unsubscribe: (channel) => own.unsubscribe(channel),
      probe: (channel) => own.subscribe(channel),
      reset: () => own.disconnect(true),
      pipeline: inOrder(scriptsOf(own), (replicas, ms) => own.call('wait', `${replicas}`, `${ms}`)),
      end: () => own.disconnect(),
    }
  }

/** A subscriber on a duplicate of the client. */
export const onDuplicate =
  (client: IoredisLike): Open =>
  (events) =>
    on(client.duplicate(ownOptions))(events)

/**
 * A subscriber on the masters of a Cluster by turns, beginning with any: the Cluster's own moves
 * without a word.
 */
export function onMasters(client: IoredisLike): Open {
  let turn = Math.floor(Math.random() * 1000)
  const options = { ...ownOptions, lazyConnect: true, retryStrategy: null }
  return wandering(
    async () => {
      const all = client.nodes?.('master') ?? []
      const source = all[turn++ % all.length]
      if (!source) throw new Error('The Cluster knows no node now.')
      return { source, open: (events) => on(source.duplicate(options))(events) }
    },
    () => isOver(client),
  )
}
