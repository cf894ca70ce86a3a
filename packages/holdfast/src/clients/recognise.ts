import { glidePort, type GlideLike } from './glide.js'
import { ioredisPort, type IoredisLike } from './ioredis.js'
import { nodeRedisClusterPort, type NodeRedisClusterLike } from './node-redis-cluster.js'
import { nodeRedisSentinelPort, type NodeRedisSentinelLike } from './node-redis-sentinel.js'
import { nodeRedisPort, type NodeRedisLike } from './node-redis.js'
import type { Port } from './port.js'
import { tell, tellAll, type Known } from './shapes.js'

/** Makes a port of a client; a port is passed through. */
export function portOfKnown(known: Known): Port {
  switch (known.is) {
    case 'port':
      return known.client
    case 'ioredis':
      return ioredisPort(known.client, known)
    case 'node-redis':
      return nodeRedisPort(known.client, known)
    case 'node-redis-cluster':
      return nodeRedisClusterPort(known.client, known)
    case 'node-redis-sentinel':
      return nodeRedisSentinelPort(known.client, known)
    case 'glide':
      return glidePort(known.client, known)
  }
}

/** Makes a port of whatever client was given. @throws as `tell` */
export function recognise(client: unknown): Port {
  return portOfKnown(tell(client))
}

/** The ports of one client, or of several that each stand for an independent server. @throws as `tellAll` */
export function recogniseAll(client: unknown): readonly Port[] {
  return tellAll(client).map(portOfKnown)
}

/** The clients that Holdfast takes, by their shape. */
export type Client =
  | IoredisLike
  | NodeRedisLike
  | NodeRedisClusterLike
  | NodeRedisSentinelLike
  | GlideLike
export type { GlideLike, IoredisLike, NodeRedisClusterLike, NodeRedisLike, NodeRedisSentinelLike }
