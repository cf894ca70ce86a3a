import { type Emitter, nothing, portOf } from './common.js'
import type { Port } from './port.js'

/** What is asked of a node-redis client. No client is imported, not even as a type. */
export interface NodeRedisLike extends Emitter {
  readonly isOpen: boolean
  readonly isReady: boolean
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(lua: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): void
  duplicate(): NodeRedisLike
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>
  unsubscribe(
    channel: string,
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- its type is made of the client's own
  withTypeMapping(mapping: any): Pick<NodeRedisLike, 'evalSha' | 'eval'>
}

const methods = ['evalSha', 'eval', 'connect', 'destroy', 'duplicate', 'subscribe', 'unsubscribe']

/**
 * Tells a node-redis client of version 5 or newer by its shape. A cluster is not one: it never says
 * 'ready', nor when it subscribed again. Neither is a pool: it cannot subscribe.
 */
export function isNodeRedis(x: unknown): x is NodeRedisLike {
  if (typeof x !== 'object' || x === null) return false
  const fields = x as Record<string, unknown>
  return (
    typeof fields['isReady'] === 'boolean' &&
    !('nodeByAddress' in fields) &&
    [...methods, 'withTypeMapping'].every((method) => typeof fields[method] === 'function')
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
  // A type mapping of the user's would change the form of replies.
  const plain = client.withTypeMapping({})
  const options = (keys: readonly string[], args: readonly string[]) => ({
    keys: [...keys],
    arguments: [...args],
  })
  return portOf({
    kind: 'node-redis',
    client,
    ready: () => client.isReady,
    start: nothing,
    byHash: (sha1, keys, args) => plain.evalSha(sha1, options(keys, args)),
    byText: (lua, keys, args) => plain.eval(lua, options(keys, args)),
    open: (events) => {
      const own = client.duplicate()
      const listener = (message: string, channel: string): void => events.message(channel, message)
      // An error that leaves it closed is its last: the reconnect strategy has given up.
      own.on('error', (error: unknown) => (own.isOpen ? events.error : events.ended)(error))
      // By then the client itself has subscribed again, and the server has confirmed it.
      own.on('ready', events.ready)
      return {
        get ready(): boolean {
          return own.isReady
        },
        start: () => {
          if (!own.isOpen) own.connect().catch(nothing)
        },
        subscribe: (channel) => own.subscribe(channel, listener),
        unsubscribe: (channel) => own.unsubscribe(channel, listener),
        end: () => own.destroy(),
      }
    },
  })
}
