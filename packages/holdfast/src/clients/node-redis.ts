import { nothing, portOf, told } from './common.js'
import { runnerOf } from './node-redis-scripts.js'
import { onDuplicate, onSecond, type NodeRedisLike } from './node-redis-subscriber.js'
import type { Port } from './port.js'

export type { NodeRedisLike }

/** Whether all of them are methods of it. */
export const has = (x: object, ...methods: string[]): boolean =>
  methods.every((method) => typeof (x as Record<string, unknown>)[method] === 'function')

/** Tells a node-redis client of version 5 or newer by its shape. */
export function isNodeRedis(x: unknown): x is NodeRedisLike {
  if (typeof x !== 'object' || x === null) return false
  return (
    typeof (x as Record<string, unknown>)['isReady'] === 'boolean' &&
    // A cluster or a Sentinel; a pool cannot subscribe.
    !('nodeByAddress' in x || 'getSentinelNode' in x) &&
    has(x, 'evalSha', 'eval', 'withTypeMapping') &&
    has(x, 'connect', 'destroy', 'duplicate', 'subscribe', 'unsubscribe')
  )
}

/**
 * Makes a port of a node-redis client, which has to be connected by its owner.
 *
 * Subscriptions live on one duplicate of the client, opened when the first is asked for. A first
 * subscription waits as long as the client's reconnect strategy goes on, and rejects when that
 * gives up, when the server refuses it or when the port is closed.
 */
export function nodeRedisPort(client: NodeRedisLike): Port {
  return portOf({
    kind: 'node-redis',
    ready: () => client.isReady,
    watch: told(client),
    ended: told(client, 'end'),
    start: nothing,
    keyPrefix: client._keyPrefix?.toString(),
    ...runnerOf(client),
    open: onDuplicate(client),
    second: onSecond(client),
  })
}
