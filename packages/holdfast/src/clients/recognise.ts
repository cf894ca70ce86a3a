import { HoldfastError } from '../base/errors.js'
import { ioredisPort, isIoredis, type IoredisLike } from './ioredis.js'
import { glidePort, isGlide, type GlideLike } from './glide.js'
import { has, isNodeRedis, nodeRedisPort, type NodeRedisLike } from './node-redis.js'
import {
  isNodeRedisCluster,
  nodeRedisClusterPort,
  type NodeRedisClusterLike,
} from './node-redis-cluster.js'
import {
  isNodeRedisSentinel,
  nodeRedisSentinelPort,
  type NodeRedisSentinelLike,
} from './node-redis-sentinel.js'
import type { Port } from './port.js'

const expected =
  'a client of ioredis, iovalkey, node-redis (5 or newer) or Valkey GLIDE (2.3 or newer), of one server, Cluster or Sentinel'

const isPort = (x: object): x is Port => has(x, 'run', 'subscribe', 'onReady')

/** What was given, and what may help whoever gave it. Never its content, which may hold a password. */
function describe(x: unknown): [given: string, hint: string] {
  if (x === undefined || x === null) {
    const hint =
      'Is a variable missing? For locks within this process, ask for Holdfast.inMemory().'
    return [String(x), hint]
  }
  if (typeof x === 'string') {
    const url = /^[a-z][a-z+]*:\/\//i.test(x)
    return [url ? 'a URL' : 'a string', 'Create a client: new Redis(url).']
  }
  if (x instanceof URL) return ['a URL', 'Create a client: new Redis(url.href).']
  if (typeof x === 'function') {
    return [`the function ${x.name || '(anonymous)'}`, 'Hand over what it makes, not the function.']
  }
  if (typeof x !== 'object') return [`a ${typeof x}`, '']
  if (Array.isArray(x)) return ['an array within an array', 'Hand over one array of clients.']
  if (has(x, 'evalSha', 'execute')) {
    return ['a node-redis pool', 'A pool cannot subscribe: hand over one createClient().']
  }
  if (has(x, 'evalSha', 'subscribe')) return ['a node-redis client older than 5', '']
  if (has(x, 'customCommand')) return ['a Valkey GLIDE client older than 2.3', '']
  if (has(x, 'then')) return ['a promise', 'Is an await missing?']
  const name = (Object.getPrototypeOf(x) as { constructor?: { name?: string } } | null)?.constructor
  if (name === undefined || name.name === 'Object') {
    return ['a plain object', 'Options are not a client: new Redis(options).']
  }
  return [`an object of class ${name.name}`, '']
}

/**
 * Makes a port of whatever client was given; a port is passed through.
 *
 * @throws HoldfastError `ERR_CONFIG` that says what was given and what would be right. It never
 * falls back to anything: a missing client must not become a lock that locks nothing.
 */
export function recognise(client: unknown): Port {
  if (typeof client === 'object' && client !== null && isPort(client)) return client
  if (isIoredis(client)) return ioredisPort(client)
  if (isNodeRedis(client)) return nodeRedisPort(client)
  if (isNodeRedisCluster(client)) return nodeRedisClusterPort(client)
  if (isNodeRedisSentinel(client)) return nodeRedisSentinelPort(client)
  if (isGlide(client)) return glidePort(client)
  const [given, hint] = describe(client)
  const message = `Holdfast needs ${expected}; it was given ${given}. ${hint}`.trimEnd()
  throw new HoldfastError('ERR_CONFIG', message, { given, expected })
}

/**
 * The port, if names can be locked through it.
 *
 * @throws HoldfastError `ERR_CONFIG` for a Cluster whose client puts a prefix before keys that moves
 * the keys of one name to different slots.
 */
function usable(port: Port): Port {
  const { keyPrefix = '' } = port
  if (port.cluster && keyPrefix !== '' && !/^[^{]*\{[^}]+\}/.test(keyPrefix)) {
    const message = `The keyPrefix of the ${port.kind} client would move the keys of one lock to different slots of the Cluster. Give Holdfast the option prefix instead.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  return port
}

/**
 * The ports of one client, or of several that each stand for an independent server.
 *
 * @throws HoldfastError `ERR_CONFIG` as `recognise` and `usable`, and for several that cannot be a quorum.
 */
export function recogniseAll(client: unknown): readonly Port[] {
  if (!Array.isArray(client)) return [usable(recognise(client))]
  const list: readonly unknown[] = client
  if (list.length === 0) {
    const hint =
      'Is a list of servers empty? For locks within this process, ask for Holdfast.inMemory().'
    const message = `Holdfast needs ${expected}; it was given an empty array. ${hint}`
    throw new HoldfastError('ERR_CONFIG', message, { given: 'an empty array', expected })
  }
  const ports = list.map((one) => usable(recognise(one)))
  if (ports.length === 1) return ports
  list.forEach((one, i) => {
    const before = list.indexOf(one)
    if (before === i) return
    const message = `Of several servers each counts once: clients ${before + 1} and ${i + 1} are the same.`
    throw new HoldfastError('ERR_CONFIG', message)
  })
  const cluster = ports.findIndex((port) => port.cluster)
  if (cluster >= 0) {
    const message = `Client ${cluster + 1} is of a Cluster, which cannot be one of several independent servers: give each a client of its own.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  const [first] = ports
  const other = ports.findIndex((port) => (port.keyPrefix ?? '') !== (first!.keyPrefix ?? ''))
  if (other > 0) {
    const message = `Clients 1 and ${other + 1} put different prefixes before keys: they would not lock the same names.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  return ports
}

/** The clients that Holdfast takes, by their shape. */
export type Client =
  | IoredisLike
  | NodeRedisLike
  | NodeRedisClusterLike
  | NodeRedisSentinelLike
  | GlideLike
export type { GlideLike, IoredisLike, NodeRedisClusterLike, NodeRedisLike, NodeRedisSentinelLike }
