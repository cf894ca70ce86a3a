import { nothing, portOf, told } from './common.js'
import { scriptsOf } from './ioredis-scripts.js'
import { onSecond } from './ioredis-second.js'
import { isOver, onDuplicate, onMasters, type IoredisLike } from './ioredis-subscriber.js'
import type { Port } from './port.js'
import type { Shape } from './shapes.js'
import { lastErrorOf } from './trouble.js'

export type { IoredisLike }

/**
 * Makes a port of an ioredis or iovalkey client or Cluster.
 *
 * Subscriptions live on one connection of their own, opened when the first is asked for. A first
 * subscription waits as long as the client's retry strategy goes on, and rejects when that gives
 * up, when the server refuses it or when the port is closed. For a Cluster the connection goes to
 * one of its masters, and to another one when that fails; it waits until the Cluster is ended.
 */
export function ioredisPort(client: IoredisLike, shape: Shape): Port {
  const { cluster } = shape
  // A status of 'end' is somebody's decision, or that of the retry strategy: it is left alone.
  const start = (): void => {
    if (client.status === 'wait') client.connect().catch(nothing)
  }
  return portOf({
    ...shape,
    ready: () => client.status === 'ready',
    watch: told(client),
    ended: told(client, 'end'),
    over: () => isOver(client),
    state: () => (isOver(client) ? 'it was ended, and does not connect again' : undefined),
    lastError: lastErrorOf(client, shape),
    start,
    ...scriptsOf(client),
    // It makes a system call of each command, between which a busy machine may stop the process.
    ...(cluster ? {} : { atOnce: (work: () => void) => corked(client.stream, work) }),
    ...(cluster ? { nodes: async () => (client.nodes?.('master') ?? []).map(scriptsOf) } : {}),
    open: cluster ? onMasters(client) : onDuplicate(client),
    ...(cluster ? {} : { second: onSecond(client) }),
  })
}

function corked(stream: IoredisLike['stream'], work: () => void): void {
  stream?.cork?.()
  try {
    work()
  } finally {
    stream?.uncork?.()
  }
}
