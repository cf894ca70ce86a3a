import { nothing, portOf, told, type Emitter } from './common.js'
import { runnerOf, scriptsOf, type NodeRedisScripts } from './node-redis-scripts.js'
import { onDuplicate, type NodeRedisLike } from './node-redis-subscriber.js'
import type { Port } from './port.js'
import type { Shape } from './shapes.js'
import { lastErrorOf, notOpen } from './trouble.js'
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

/** An entry of `masters`. */
interface Node {
  readonly client?: NodeRedisLike
}

/**
 * Makes a port of a node-redis cluster, which has to be connected by its owner.
 *
 * The cluster says nothing when its own subscription breaks or moves. So subscriptions live on one
 * connection to one of its masters, and go to another one when that fails.
 */
export function nodeRedisClusterPort(client: NodeRedisClusterLike, shape: Shape): Port {
  let turn = Math.floor(Math.random() * 1000)
  // To connect may take for ever; one that is connecting already will do.
  const own = async (node: unknown): Promise<NodeRedisLike> =>
    (node as Node).client ?? ((await client.nodeClient(node)) as NodeRedisLike)
  const pick = async (): Promise<Place> => {
    const node = client.masters[turn++ % client.masters.length]
    if (!node) throw new Error('The cluster knows no node now.')
    const source = await own(node)
    return { source, open: onDuplicate(source) }
  }
  return portOf({
    ...shape,
    ready: () => client.isReady ?? (client.isOpen && client.masters.length > 0),
    watch: told(client, 'connect'),
    over: () => !client.isOpen,
    state: () => (client.isOpen ? undefined : notOpen()),
    lastError: lastErrorOf(client, shape),
    start: nothing,
    ...scriptsOf(client),
    nodes: async () => (await Promise.all(client.masters.map(own))).map(runnerOf),
    open: wandering(pick, () => !client.isOpen),
  })
}
