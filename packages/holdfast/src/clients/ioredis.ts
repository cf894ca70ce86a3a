import { type Emitter, nothing, portOf } from './common.js'
import type { Port } from './port.js'

/**
 * What is asked of an ioredis client or Cluster; an iovalkey one has the same shape. No client is
 * imported, not even as a type, so that nobody needs one that he does not use.
 */
export interface IoredisLike extends Emitter {
  readonly status: string
  readonly isCluster?: boolean
  call(command: string, ...args: string[]): Promise<unknown>
  connect(): Promise<unknown>
  disconnect(): void
  // oxlint-disable-next-line typescript/no-explicit-any -- Redis and Cluster differ
  duplicate(...args: any[]): IoredisLike
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
}

const methods = ['call', 'connect', 'disconnect', 'duplicate', 'subscribe', 'unsubscribe', 'on']

/** Tells an ioredis client or Cluster by its shape. */
export function isIoredis(x: unknown): x is IoredisLike {
  if (typeof x !== 'object' || x === null) return false
  const fields = x as Record<string, unknown>
  return (
    typeof fields['status'] === 'string' &&
    methods.every((method) => typeof fields[method] === 'function')
  )
}

/** What the subscriber does not take over from the user's client. */
const ownOptions = {
  // A break that the client has not noticed yet must not look like a refusal.
  enableOfflineQueue: true,
  // The port subscribes again itself: it has to learn when that is confirmed, and the client's own
  // attempt ends as an unhandled rejection when the server refuses it.
  autoResubscribe: false,
  // A confirmation that is given up is not asked for again before the next break.
  commandTimeout: undefined,
}

/**
 * Makes a port of an ioredis client or Cluster.
 *
 * Subscriptions live on one duplicate of the client, opened when the first is asked for. A first
 * subscription waits as long as the client's retry strategy goes on, and rejects when that gives
 * up, when the server refuses it or when the port is closed.
 */
export function ioredisPort(client: IoredisLike): Port {
  // A status of 'end' is somebody's decision, or that of the retry strategy: it is left alone.
  const start = (): void => {
    if (client.status === 'wait') client.connect().catch(nothing)
  }
  return portOf({
    kind: 'ioredis',
    cluster: client.isCluster === true,
    client,
    ready: () => client.status === 'ready',
    start,
    byHash: (sha1, keys, args) => client.call('EVALSHA', sha1, `${keys.length}`, ...keys, ...args),
    byText: (lua, keys, args) => client.call('EVAL', lua, `${keys.length}`, ...keys, ...args),
    open: (events) => {
      // A Cluster changes its subscribing node without a word, so that such a gap is not told.
      const own = client.isCluster === true ? client.duplicate() : client.duplicate(ownOptions)
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
        end: () => own.disconnect(),
      }
    },
  })
}
