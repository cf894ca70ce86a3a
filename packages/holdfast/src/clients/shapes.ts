import { HoldfastError } from '../base/errors.js'
import type { GlideLike } from './glide.js'
import type { IoredisLike } from './ioredis.js'
import type { NodeRedisClusterLike } from './node-redis-cluster.js'
import type { NodeRedisSentinelLike } from './node-redis-sentinel.js'
import type { NodeRedisLike } from './node-redis.js'
import type { Port } from './port.js'

/** What is known of a client by its shape, before there is a port. */
export interface Shape {
  readonly kind: string
  readonly cluster: boolean
  /** Of the client's configuration. */
  readonly keyPrefix: string
  /** The event by which it says that it is ready; null: it does not, missing: it has no events. */
  readonly tells?: string | null
}

/** A client and its shape. */
export type Known = Shape &
  (
    | { readonly is: 'port'; readonly client: Port }
    | { readonly is: 'ioredis'; readonly client: IoredisLike }
    | { readonly is: 'node-redis'; readonly client: NodeRedisLike }
    | { readonly is: 'node-redis-cluster'; readonly client: NodeRedisClusterLike }
    | { readonly is: 'node-redis-sentinel'; readonly client: NodeRedisSentinelLike }
    | { readonly is: 'glide'; readonly client: GlideLike }
  )

/** Whether all of them are methods of it. */
const has = (x: object, ...methods: string[]): boolean =>
  methods.every((method) => typeof (x as Record<string, unknown>)[method] === 'function')

const methods = ['call', 'connect', 'disconnect', 'duplicate', 'subscribe', 'unsubscribe', 'on']

/** Tells an ioredis client or Cluster by its shape. */
function isIoredis(x: unknown): x is IoredisLike {
  if (typeof x !== 'object' || x === null) return false
  const fields = x as Record<string, unknown>
  return (
    typeof fields['status'] === 'string' &&
    methods.every((method) => typeof fields[method] === 'function')
  )
}

/** Tells a node-redis client of version 5 or newer by its shape. */
function isNodeRedis(x: unknown): x is NodeRedisLike {
  if (typeof x !== 'object' || x === null) return false
  return (
    typeof (x as Record<string, unknown>)['isReady'] === 'boolean' &&
    // A cluster or a Sentinel; a pool cannot subscribe.
    !('nodeByAddress' in x || 'getSentinelNode' in x) &&
    has(x, 'evalSha', 'eval', 'withTypeMapping') &&
    has(x, 'connect', 'destroy', 'duplicate', 'subscribe', 'unsubscribe')
  )
}

/** Tells a node-redis cluster of version 5 or newer by its shape. */
function isNodeRedisCluster(x: unknown): x is NodeRedisClusterLike {
  if (typeof x !== 'object' || x === null || !('nodeByAddress' in x && 'masters' in x)) return false
  return has(x, 'evalSha', 'eval', 'withTypeMapping', 'nodeClient', 'on', 'off')
}

/** Tells a node-redis Sentinel client of version 5 or newer by its shape. */
function isNodeRedisSentinel(x: unknown): x is NodeRedisSentinelLike {
  if (typeof x !== 'object' || x === null || !('getSentinelNode' in x)) return false
  return has(x, 'evalSha', 'eval', 'withTypeMapping', '_execute', 'on', 'off')
}

/** Tells a Valkey GLIDE client of version 2.3 or newer by its shape. */
function isGlide(x: unknown): x is GlideLike {
  if (typeof x !== 'object' || x === null) return false
  const { config } = x as Record<string, unknown>
  return (
    typeof config === 'object' &&
    has(x, 'customCommand', 'subscribe', 'unsubscribe', 'close', 'updateConnectionPassword')
  )
}

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
 * Tells what client was given; a port is one.
 *
 * @param which of several it is, for the message.
 * @throws HoldfastError `ERR_CONFIG` that says what was given and what would be right. It never
 * falls back to anything: a missing client must not become a lock that locks nothing.
 */
export function tell(client: unknown, which = ''): Known {
  if (typeof client === 'object' && client !== null && isPort(client)) {
    const { kind, cluster = false, keyPrefix = '' } = client
    return { is: 'port', client, kind, cluster, keyPrefix }
  }
  if (isIoredis(client)) {
    const cluster = client.isCluster === true
    const keyPrefix = client.options?.keyPrefix ?? ''
    return { is: 'ioredis', client, kind: 'ioredis', cluster, keyPrefix, tells: 'ready' }
  }
  if (isNodeRedis(client)) {
    const keyPrefix = client._keyPrefix?.toString() ?? ''
    const kind = 'node-redis'
    return { is: 'node-redis', client, kind, cluster: false, keyPrefix, tells: 'ready' }
  }
  if (isNodeRedisCluster(client)) {
    const keyPrefix = client._keyPrefix?.toString() ?? ''
    const kind = 'node-redis cluster'
    return { is: 'node-redis-cluster', client, kind, cluster: true, keyPrefix, tells: 'connect' }
  }
  if (isNodeRedisSentinel(client)) {
    const keyPrefix = client._keyPrefix?.toString() ?? ''
    const kind = 'node-redis sentinel'
    return { is: 'node-redis-sentinel', client, kind, cluster: false, keyPrefix, tells: null }
  }
  if (isGlide(client)) {
    const cluster = has(client, 'ssubscribe')
    return { is: 'glide', client, kind: 'Valkey GLIDE', cluster, keyPrefix: '' }
  }
  const [given, hint] = describe(client)
  const message = `Holdfast needs ${expected}; ${which}it was given ${given}. ${hint}`.trimEnd()
  throw new HoldfastError('ERR_CONFIG', message, { given, expected })
}

/**
 * The client, if names can be locked through it.
 *
 * @throws HoldfastError `ERR_CONFIG` for a Cluster whose client puts a prefix before keys that moves
 * the keys of one name to different slots.
 */
function usable(known: Known): Known {
  const { kind, cluster, keyPrefix } = known
  if (cluster && keyPrefix !== '' && !/^[^{]*\{[^}]+\}/.test(keyPrefix)) {
    const message = `The keyPrefix of the ${kind} client would move the keys of one lock to different slots of the Cluster. Give Holdfast the option prefix instead.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  return known
}

/**
 * Tells one client, or several that each stand for an independent server.
 *
 * @throws HoldfastError `ERR_CONFIG` as `tell` and `usable`, and for several that cannot be a quorum.
 */
export function tellAll(client: unknown): readonly Known[] {
  if (!Array.isArray(client)) return [usable(tell(client))]
  const list: readonly unknown[] = client
  if (list.length === 0) {
    const hint =
      'Is a list of servers empty? For locks within this process, ask for Holdfast.inMemory().'
    const message = `Holdfast needs ${expected}; it was given an empty array. ${hint}`
    throw new HoldfastError('ERR_CONFIG', message, { given: 'an empty array', expected })
  }
  const which = (i: number): string =>
    list.length > 1 ? `as client ${i + 1} of ${list.length} ` : ''
  const told = list.map((one, i) => usable(tell(one, which(i))))
  if (told.length === 1) return told
  list.forEach((one, i) => {
    const before = list.indexOf(one)
    if (before === i) return
    const message = `Of several servers each counts once: clients ${before + 1} and ${i + 1} are the same.`
    throw new HoldfastError('ERR_CONFIG', message)
  })
  const cluster = told.findIndex((one) => one.cluster)
  if (cluster >= 0) {
    const message = `Client ${cluster + 1} is of a Cluster, which cannot be one of several independent servers: give each a client of its own.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  const [first] = told
  const other = told.findIndex((one) => one.keyPrefix !== first!.keyPrefix)
  if (other > 0) {
    const message = `Clients 1 and ${other + 1} put different prefixes before keys: they would not lock the same names.`
    throw new HoldfastError('ERR_CONFIG', message)
  }
  return told
}
