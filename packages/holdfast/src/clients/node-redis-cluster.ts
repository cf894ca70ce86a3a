import { looked, nothing, portOf, told, type Emitter } from './common.js'
import { has, scriptsOf } from './node-redis.js'
import { onDuplicate, type NodeRedisLike, type NodeRedisScripts } from './node-redis-subscriber.js'
import type { Port } from './port.js'
import { wandering, type Place } from './wandering.js'

/** What is asked of a node-redis cluster. */
export interface NodeRedisClusterLike extends Emitter, NodeRedisScripts {
  readonly isOpen: boolean
  /** Not in version 5. */
  readonly isReady?: boolean
  readonly masters: readonly unknown[]
  // oxlint-disable-next-line typescript/no-explicit-any -- an entry of `masters`
  nodeClient(master: any): unknown
}

/** What is asked of a node-redis Sentinel client. */
export interface NodeRedisSentinelLike extends Emitter, NodeRedisScripts {
  readonly isOpen: boolean
  readonly isReady: boolean
  /** The only way to the client of the master, which alone knows all of its options. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a node-redis client
  _execute<T>(isReadonly: boolean, run: (master: any) => Promise<T>): Promise<T>
}

/** Tells a node-redis cluster of version 5 or newer by its shape. */
export function isNodeRedisCluster(x: unknown): x is NodeRedisClusterLike {
  if (typeof x !== 'object' || x === null || !('nodeByAddress' in x && 'masters' in x)) return false
  return has(x, 'evalSha', 'eval', 'withTypeMapping', 'nodeClient', 'on', 'off')
}

/** Tells a node-redis Sentinel client of version 5 or newer by its shape. */
export function isNodeRedisSentinel(x: unknown): x is NodeRedisSentinelLike {
  if (typeof x !== 'object' || x === null || !('getSentinelNode' in x)) return false
  return has(x, 'evalSha', 'eval', 'withTypeMapping', '_execute', 'on', 'off')
}

/** An entry of `masters`. */
interface Node {
  readonly client?: NodeRedisLike
}

const place = (source: NodeRedisLike): Place => ({ source, open: onDuplicate(source) })

/**
 * Makes a port of a node-redis cluster, which has to be connected by its owner.
 *
 * The cluster says nothing when its own subscription breaks or moves. So subscriptions live on one
 * connection to one of its masters, and go to another one when that fails.
 */
export function nodeRedisClusterPort(client: NodeRedisClusterLike): Port {
  let turn = Math.floor(Math.random() * 1000)
  // To connect may take for ever; one that is connecting already will do.
  const own = async (node: unknown): Promise<NodeRedisLike> =>
    (node as Node).client ?? ((await client.nodeClient(node)) as NodeRedisLike)
  const pick = async (): Promise<Place> => {
    const node = client.masters[turn++ % client.masters.length]
    if (!node) throw new Error('The cluster knows no node now.')
    return place(await own(node))
  }
  return portOf({
    kind: 'node-redis cluster',
    cluster: true,
    ready: () => client.isReady ?? (client.isOpen && client.masters.length > 0),
    watch: told(client, 'connect'),
    start: nothing,
    keyPrefix: client._keyPrefix?.toString(),
    ...scriptsOf(client),
    nodes: async () => (await Promise.all(client.masters.map(own))).map(scriptsOf),
    open: wandering(pick, () => !client.isOpen),
  })
}

/**
 * Makes a port of a node-redis Sentinel client, which has to be connected by its owner.
 *
 * Its own subscription breaks and moves without a word as well, so that it is made on one connection
 * to the master of the moment. Version 5 does not say either when it is connected: a command that
 * waits for that looks every 50 ms.
 */
export function nodeRedisSentinelPort(client: NodeRedisSentinelLike): Port {
  // While there is no master this waits for one.
  const pick = (): Promise<Place> =>
    client._execute(false, async (master: NodeRedisLike) => place(master))
  return portOf({
    kind: 'node-redis sentinel',
    ready: () => client.isReady,
    watch: looked,
    start: nothing,
    keyPrefix: client._keyPrefix?.toString(),
    ...scriptsOf(client),
    open: wandering(pick, () => !client.isOpen),
  })
}
