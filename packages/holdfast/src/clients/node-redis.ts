import { nothing, portOf, told } from './common.js'
import { runnerOf } from './node-redis-scripts.js'
import { onDuplicate, onSecond, type NodeRedisLike } from './node-redis-subscriber.js'
import type { Port } from './port.js'
import type { Shape } from './shapes.js'
import { lastErrorOf, notOpen } from './trouble.js'

export type { NodeRedisLike }

/**
 * Makes a port of a node-redis client, which has to be connected by its owner.
 *
 * Subscriptions live on one duplicate of the client, opened when the first is asked for. A first
 * subscription waits as long as the client's reconnect strategy goes on, and rejects when that
 * gives up, when the server refuses it or when the port is closed.
 */
export function nodeRedisPort(client: NodeRedisLike, shape: Shape): Port {
  // One that was never connected looks like one that was ended.
  let opened = false
  const isOpen = (): boolean => {
    opened ||= client.isOpen
    return client.isOpen
  }
  return portOf({
    ...shape,
    ready: () => isOpen() && client.isReady,
    watch: told(client),
    ended: told(client, 'end'),
    over: () => !isOpen() && opened,
    state: () => (isOpen() ? undefined : notOpen(opened)),
    lastError: lastErrorOf(client, shape),
    start: nothing,
    ...runnerOf(client),
    open: onDuplicate(client),
    second: onSecond(client),
  })
}
