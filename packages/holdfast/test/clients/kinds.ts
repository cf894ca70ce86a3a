import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { ioredisPort } from '../../src/clients/ioredis.js'
import { nodeRedisPort } from '../../src/clients/node-redis.js'
import type { Port, Script } from '../../src/clients/port.js'

export interface Options {
  readonly prefix?: string
  readonly username?: string
  readonly password?: string
  /** Give up after this many attempts in a row; otherwise the client's own default. */
  readonly attempts?: number
  /** Made unfriendly in every way its user may have chosen. */
  readonly odd?: boolean
}

/** A client of a test, connected on demand, and its port. */
export interface Made {
  readonly port: Port
  readonly listeners: (event: string) => number
  /** Of all events together. */
  readonly allListeners: () => number
  readonly connect: () => Promise<unknown>
  readonly ping: () => Promise<unknown>
  readonly end: () => void
}

export interface Kind {
  readonly name: string
  readonly make: (url: string, options?: Options) => Made
}

type Counted = {
  eventNames(): (string | symbol)[]
  listenerCount(event: string | symbol): number
}

const counts = (client: Counted): Pick<Made, 'listeners' | 'allListeners'> => ({
  listeners: (event) => client.listenerCount(event),
  allListeners: () =>
    client.eventNames().reduce((sum, event) => sum + client.listenerCount(event), 0),
})

const ioredis = (protocol: 2 | 3): Kind => ({
  name: `ioredis RESP${protocol}`,
  make: (url, options = {}) => {
    const { prefix, username, password, attempts, odd } = options
    const client = new Redis(url, {
      protocol,
      lazyConnect: true,
      ...(prefix === undefined ? {} : { keyPrefix: prefix }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(attempts === undefined
        ? {}
        : { retryStrategy: (times: number) => (times > attempts ? null : 10) }),
      ...(odd === true
        ? { enableOfflineQueue: false, autoResendUnfulfilledCommands: false, commandTimeout: 200 }
        : {}),
    })
    client.on('error', () => {})
    return {
      port: ioredisPort(client),
      ...counts(client),
      connect: () => client.connect(),
      ping: () => client.ping(),
      end: () => client.disconnect(),
    }
  },
})

const nodeRedis = (RESP: 2 | 3): Kind => ({
  name: `node-redis RESP${RESP}`,
  make: (url, options = {}) => {
    const { prefix, username, password, attempts, odd } = options
    const client = createClient({
      url,
      RESP,
      ...(prefix === undefined ? {} : { keyPrefix: prefix }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(attempts === undefined
        ? {}
        : { socket: { reconnectStrategy: (times: number) => (times >= attempts ? false : 10) } }),
      ...(odd === true
        ? { disableOfflineQueue: true, commandOptions: { typeMapping: { 36: Buffer } } }
        : {}),
    })
    client.on('error', () => {})
    return {
      port: nodeRedisPort(client),
      ...counts(client),
      connect: () => client.connect(),
      ping: () => client.ping(),
      end: () => client.destroy(),
    }
  },
})

export const kinds: readonly Kind[] = [ioredis(3), ioredis(2), nodeRedis(3), nodeRedis(2)]

export const script = (lua: string): Script => ({
  name: 'test',
  lua,
  sha1: createHash('sha1').update(lua).digest('hex'),
})

/** A promise and the function that fulfils it: Node 20 has no Promise.withResolvers. */
export function later<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}
