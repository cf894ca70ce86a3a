import { Decoder, GlideClient, Logger, ProtocolVersion } from '@valkey/valkey-glide'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient, type RedisClientOptions } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../src/clients/recognise.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { until } from '../kit/until.js'
import { smoke } from './smoke.js'

Logger.init('off')

let server: RunningServer
let admin: Redis

beforeAll(async () => {
  server = await startServer()
  admin = new Redis(server.url)
})
beforeEach(() => admin.flushall())
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

interface Made {
  readonly client: Client
  readonly end: () => unknown
}

/** The database, and what the key of the lock `x` is called there. */
interface Where {
  readonly db?: number
  readonly key?: string
}

/** Two clients made alike do all that is done with them, where the option says, and leave nothing. */
async function check(make: () => Promise<Made>, { db = 0, key = 'lock:x' }: Where): Promise<void> {
  const [one, two] = [await make(), await make()]
  try {
    await smoke(one.client, two.client, ['x', 'z'])
    await admin.select(db)
    const fence = key.replace(/lock:x$/, '{lock:x}:hf:fence:lock:x')
    const keys = (await admin.keys('*')).toSorted()
    expect(keys).toEqual([fence, fence.replaceAll('lock:x', 'lock:z')].toSorted())
    // GLIDE ends its subscriptions in its own time.
    await until(async () => expect(await admin.pubsub('CHANNELS')).toEqual([]))
  } finally {
    await admin.select(0)
    one.end()
    two.end()
  }
}

type Case = [title: string, options: object, where: Where]

const prefix: Case = ['keyPrefix', { keyPrefix: 'app:' }, { key: 'app:lock:x' }]
const braces: Case = ['keyPrefix with braces', { keyPrefix: 'a{b' }, { key: 'a{block:x' }]
const io: Case[] = [
  prefix,
  braces,
  ['db', { db: 3 }, { db: 3 }],
  ['stringNumbers', { stringNumbers: true }, {}],
  ['no offline queue', { enableOfflineQueue: false, lazyConnect: true }, {}],
  ['lazyConnect', { lazyConnect: true }, {}],
  ['auto-pipelining', { enableAutoPipelining: true }, {}],
  ['auto-pipelining, keyPrefix', { enableAutoPipelining: true, ...prefix[1] }, prefix[2]],
  ['no retries', { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false }, {}],
]
const io6: Case[] = [
  ...io,
  ['RESP2', { protocol: 2 }, {}],
  ['RESP3', { protocol: 3 }, {}],
  ['RESP3, stringNumbers', { protocol: 3, stringNumbers: true }, {}],
  ['RESP3, legacy replies', { protocol: 3, replyMapping: 'legacy' }, {}],
]

describe.each([
  ['ioredis 6', Redis, io6],
  ['ioredis 5', Redis5 as unknown as typeof Redis, io],
  ['iovalkey', Valkey as unknown as typeof Redis, io],
])('%s', (_name, Class, cases) => {
  test.each(cases)('%s', (_title, options, where) =>
    check(async () => {
      const client = new Class(server.url, options as { lazyConnect?: boolean })
      return { client, end: () => client.disconnect() }
    }, where),
  )
})

const buffers = { typeMapping: { 36: Buffer, 43: Buffer, 58: String } }
const node: Case[] = [
  ['RESP2', { RESP: 2 }, {}],
  ['RESP3', { RESP: 3 }, {}],
  ['database', { database: 3 }, { db: 3 }],
  ['Buffers, RESP2', { RESP: 2, commandOptions: buffers }, {}],
  ['Buffers, RESP3', { RESP: 3, commandOptions: buffers }, {}],
  ['no offline queue', { disableOfflineQueue: true }, {}],
]

describe.each([
  ['node-redis 6', createClient, [...node, prefix, braces]],
  ['node-redis 5', createClient5 as unknown as typeof createClient, node],
])('%s', (_name, create, cases) => {
  test.each(cases)('%s', (_title, options, where) =>
    check(async () => {
      const client = create({ url: server.url, ...options } as RedisClientOptions)
      await client.connect()
      return { client, end: () => client.destroy() }
    }, where),
  )
})

describe('Valkey GLIDE', () => {
  const never = (): void => expect.fail('a message of ours went to the callback of the user')
  const channelsAndPatterns = { 1: new Set(['lock:*']) }
  test.each<Case>([
    ['RESP2', { protocol: ProtocolVersion.RESP2 }, {}],
    ['database', { databaseId: 3 }, { db: 3 }],
    ['Buffers', { defaultDecoder: Decoder.Bytes }, {}],
    ['lazyConnect', { lazyConnect: true }, {}],
    ['a callback', { pubsubSubscriptions: { channelsAndPatterns: {}, callback: never } }, {}],
    ['a queue of messages', { pubsubSubscriptions: { channelsAndPatterns } }, {}],
  ])('%s', (_title, options, where) =>
    check(async () => {
      const addresses = [{ host: server.host, port: server.port }]
      const client = await GlideClient.createClient({ addresses, requestTimeout: 5000, ...options })
      return { client, end: () => client.close() }
    }, where),
  )
})
