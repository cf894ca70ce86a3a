import { createHash } from 'node:crypto'
import { Decoder, GlideClient, Logger, ProtocolVersion } from '@valkey/valkey-glide'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { recognise } from '../../src/clients/recognise.js'
import type { Port, Script, SubscriptionEvents } from '../../src/clients/port.js'

// It writes warnings to stderr else.
Logger.init('off')

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
  /** Connects when it is needed for the first time. */
  readonly lazy?: boolean
  /** GLIDE: always ready, never gives up, and says nothing of either. */
  readonly silent?: boolean
  /** Whether it can put a prefix before keys. */
  readonly prefixes?: boolean
  readonly make: (url: string, options?: Options) => Made | Promise<Made>
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

/** What docs/clients.md recommends. */
const only = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
}
const recommended = {
  ioredis: { ...only, retryStrategy: (times: number) => Math.min(times * 50, 2000) },
  iovalkey: only,
  'node-redis': {
    disableOfflineQueue: true,
    pingInterval: 10_000,
    socket: { reconnectStrategy: (retries: number) => Math.min(retries * 50, 2000) },
  },
  'Valkey GLIDE': { requestTimeout: 500 },
} as const

/** ioredis of both versions and iovalkey differ in their types only. */
const ioredis = (
  name: string,
  Client: typeof Redis,
  protocol?: 2 | 3,
  set: Partial<(typeof recommended)['ioredis']> = {},
): Kind => ({
  name,
  lazy: true,
  prefixes: true,
  make: (url, options = {}) => {
    const { prefix, username, password, attempts, odd } = options
    const client = new Client(url, {
      ...(protocol === undefined ? {} : { protocol }),
      ...set,
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
      port: recognise(client),
      ...counts(client),
      connect: () => client.connect(),
      ping: () => client.ping(),
      end: () => client.disconnect(),
    }
  },
})

const nodeRedis = (
  name: string,
  create: typeof createClient,
  RESP: 2 | 3,
  set: Partial<(typeof recommended)['node-redis']> = {},
): Kind => ({
  name,
  prefixes: create === createClient,
  make: (url, options = {}) => {
    const { prefix, username, password, attempts, odd } = options
    const client = create({
      url,
      RESP,
      ...set,
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
      port: recognise(client),
      ...counts(client),
      connect: () => client.connect(),
      ping: () => client.ping(),
      end: () => {
        if (client.isOpen) client.destroy()
      },
    }
  },
})

// With hundreds of tests beside it the usual quarter of a second may pass.
const glide = (name: string, requestTimeout = 5000): Kind => ({
  name,
  lazy: true,
  silent: true,
  make: async (url, { username, password, odd } = {}) => {
    const { hostname, port } = new URL(url)
    const client = await GlideClient.createClient({
      addresses: [{ host: hostname, port: Number(port) }],
      lazyConnect: true,
      requestTimeout: odd === true ? 250 : requestTimeout,
      ...(username === undefined ? {} : { credentials: { username, password: password ?? '' } }),
      ...(odd === true ? { defaultDecoder: Decoder.Bytes, protocol: ProtocolVersion.RESP2 } : {}),
    })
    return {
      port: recognise(client),
      listeners: () => 0,
      allListeners: () => 0,
      connect: () => client.ping(),
      ping: () => client.ping({ decoder: Decoder.String }),
      end: () => client.close(),
    }
  },
})

/** The clients of today, in both protocols; then the others. */
export const kinds: readonly Kind[] = [
  ioredis('ioredis RESP3', Redis, 3),
  ioredis('ioredis RESP2', Redis, 2),
  nodeRedis('node-redis RESP3', createClient, 3),
  nodeRedis('node-redis RESP2', createClient, 2),
]

export const otherKinds: readonly Kind[] = [
  ioredis('ioredis 5', Redis5 as unknown as typeof Redis),
  ioredis('iovalkey', Valkey as unknown as typeof Redis),
  nodeRedis('node-redis 5', createClient5 as unknown as typeof createClient, 2),
  glide('Valkey GLIDE'),
]

const asIn = 'as in docs/clients.md'
/** With the options that are recommended. */
export const recommendedKinds: readonly Kind[] = [
  ioredis(`ioredis ${asIn}`, Redis, undefined, recommended.ioredis),
  ioredis(`iovalkey ${asIn}`, Valkey as unknown as typeof Redis, undefined, recommended.iovalkey),
  nodeRedis(`node-redis ${asIn}`, createClient, 3, recommended['node-redis']),
  glide(`Valkey GLIDE ${asIn}`, recommended['Valkey GLIDE'].requestTimeout),
]

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

/** Messages and gaps, which can be waited for. */
export function listener(): SubscriptionEvents & {
  messages: string[]
  gaps: number
  ends: number
} {
  const seen = {
    messages: [] as string[],
    gaps: 0,
    ends: 0,
    onMessage: (message: string): void => void seen.messages.push(message),
    onGap: (): void => void seen.gaps++,
    onEnd: (): void => void seen.ends++,
  }
  return seen
}
