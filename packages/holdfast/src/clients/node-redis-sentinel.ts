import { looked, nothing, portOf, type Emitter, type Open } from './common.js'
import { runnerOf, scriptsOf, type NodeRedisScripts } from './node-redis-scripts.js'
import { onDuplicate, onSecond, type NodeRedisLike } from './node-redis-subscriber.js'
import type { Port } from './port.js'
import type { Shape } from './shapes.js'
import { lastErrorOf, notOpen } from './trouble.js'
import { wandering, type Place } from './wandering.js'

/** What is asked of a node-redis Sentinel client. */
export interface NodeRedisSentinelLike extends Emitter, NodeRedisScripts {
  readonly isOpen: boolean
  readonly isReady: boolean
  /** The only way to the client of the master, which alone knows all of its options. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a node-redis client
  _execute<T>(isReadonly: boolean, run: (master: any) => Promise<T>): Promise<T>
}

/**
 * Makes a port of a node-redis Sentinel client, which has to be connected by its owner.
 *
 * Its own subscription breaks and moves without a word as well, so that it is made on one connection
 * to the master of the moment. Version 5 does not say either when it is connected: a command that
 * waits for that looks every 50 ms.
 */
export function nodeRedisSentinelPort(client: NodeRedisSentinelLike, shape: Shape): Port {
  // While there is no master this waits for one.
  const onMaster = (open: typeof onDuplicate): Open => {
    const pick = (): Promise<Place> =>
      client._execute(false, async (master: NodeRedisLike) => ({
        source: master,
        open: open(master),
      }))
    return wandering(pick, () => !client.isOpen)
  }
  const lastError = lastErrorOf(client, shape)
  return portOf({
    ...shape,
    ready: () => {
      if (client.isReady) lastError.forget()
      return client.isReady
    },
    watch: looked,
    over: () => !client.isOpen,
    state: () => (client.isOpen ? undefined : notOpen()),
    lastError,
    start: nothing,
    ...scriptsOf(client),
    command: (words) =>
      client._execute(false, (master: NodeRedisLike) => runnerOf(master).command!(words)),
    open: onMaster(onDuplicate),
    second: onMaster(onSecond),
  })
}
