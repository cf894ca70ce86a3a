// "The client is not ready" says why, as far as the client tells.
import { once } from 'node:events'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createCluster, createSentinel } from 'redis'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast, type Client, type HoldfastError } from '../../src/index.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { freePort } from '../../src/testing/wire.js'

let server: RunningServer
let away: number
beforeAll(async () => {
  server = await startServer({ args: ['--requirepass', 'secret'] })
  away = await freePort()
})
afterAll(() => server.stop())

async function failing(
  client: unknown,
  end: () => unknown,
  before = async (_locks: Holdfast): Promise<unknown> => null,
): Promise<HoldfastError> {
  await using locks = new Holdfast(client as Client)
  try {
    await before(locks)
    const failed = locks.mutex('a').acquire({ wait: 0 })
    const error = await failed.then(
      () => expect.unreachable(),
      (reason: HoldfastError) => reason,
    )
    expect(error.code).toBe('ERR_UNAVAILABLE')
    expect(error.message).toContain('client is not ready (not connected for')
    const [reachable] = await locks.doctor({ timeout: 300 })
    expect(reachable).toMatchObject({ id: 'reachable', severity: 'error' })
    // The same, but for the name and the time.
    const says = (message: string): string => message.replace(/^.*? ms\)/, '')
    expect(error.message.replace(' (lock "a")', '')).toContain(says(reachable!.measured))
    return error
  } finally {
    await end()
  }
}

const quiet = <T extends { on(event: string, listener: () => void): unknown }>(client: T): T => {
  client.on('error', () => {})
  return client
}

const kinds = [
  ['ioredis', Redis],
  ['ioredis 5', Redis5 as unknown as typeof Redis],
  ['iovalkey', Valkey as unknown as typeof Redis],
] as const

test.each(kinds)('%s: a wrong password, none, nobody there', async (_name, Kind) => {
  const wrong = quiet(new Kind({ port: server.port, password: 'wrong' }))
  expect(await failing(wrong, () => wrong.disconnect())).toMatchObject({
    message: expect.stringContaining('WRONGPASS'),
    cause: expect.objectContaining({ message: expect.stringContaining('WRONGPASS') }),
  })
  const none = quiet(new Kind({ port: server.port }))
  expect(await failing(none, () => none.disconnect())).toMatchObject({
    message: expect.stringContaining('NOAUTH'),
    cause: expect.objectContaining({ message: expect.stringContaining('NOAUTH') }),
  })
  const nobody = quiet(new Kind({ port: away, host: '127.0.0.1' }))
  expect(await failing(nobody, () => nobody.disconnect())).toMatchObject({
    message: expect.stringContaining(`connect ECONNREFUSED 127.0.0.1:${away}`),
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  })
})

test.each(kinds)('%s: ended, and an error before it was ready is not why', async (_name, Kind) => {
  const client = quiet(new Kind({ port: server.port, password: 'secret', lazyConnect: true }))
  const error = await failing(
    client,
    () => client.disconnect(),
    async () => {
      client.emit('error', new Error('before'))
      await client.connect()
      const end = once(client, 'end')
      await client.quit()
      await end
    },
  )
  expect(error.message).toContain(': it was ended, and does not connect again (lock "a")')
  expect(error.cause).toBeUndefined()
})

test('ioredis: a Cluster says what its nodes said', async () => {
  const client = quiet(new Cluster([{ host: '127.0.0.1', port: away }]))
  const error = await failing(client, () => client.disconnect())
  expect(error.message).toContain(': Failed to refresh slots cache. ')
  expect(error.cause).toBeInstanceOf(Error)
})

const creators = [
  ['6', createClient, createCluster, createSentinel],
  [
    '5',
    createClient5 as unknown as typeof createClient,
    createCluster5 as unknown as typeof createCluster,
    createSentinel5 as unknown as typeof createSentinel,
  ],
] as const

test.each(creators)(
  'node-redis %s: never connected, refused, closed',
  async (_, create, cluster, sentinel) => {
    const url = `redis://127.0.0.1:${server.port}`
    const never = quiet(create({ url }))
    const hint = 'it is not open: call `await client.connect()`'
    const error = await failing(never, () => {})
    expect(error.message).toContain(hint)
    expect(error.cause).toBeUndefined()
    const shards = quiet(cluster({ rootNodes: [{ url }] }))
    expect((await failing(shards, () => {})).message).toContain(hint)
    const sentinelRootNodes = [{ host: '127.0.0.1', port: away }]
    const group = quiet(sentinel({ name: 'mymaster', sentinelRootNodes }))
    expect((await failing(group, () => {})).message).toContain(hint)

    const wrong = quiet(create({ url: `redis://:wrong@127.0.0.1:${server.port}` }))
    const refused = await failing(
      wrong,
      () => wrong.isOpen && wrong.destroy(),
      async () => void wrong.connect().catch(() => {}),
    )
    expect(refused).toMatchObject({
      message: expect.stringContaining('WRONGPASS'),
      cause: expect.objectContaining({ message: expect.stringContaining('WRONGPASS') }),
    })

    const closed = quiet(create({ url, password: 'secret' }))
    const after = await failing(
      closed,
      () => {},
      async (locks) => {
        await closed.connect()
        await locks.ping()
        await closed.close()
      },
    )
    expect(after.message).toContain(': it was closed, or has given up (lock "a")')
  },
)

test('an error that nobody listens to is thrown as before, and remembered', async () => {
  const client = createClient({ url: `redis://127.0.0.1:${away}` })
  await using locks = new Holdfast(client)
  expect(() => client.emit('error', new Error('unheard'))).toThrow('unheard')
  await expect(locks.mutex('a').acquire({ wait: 0 })).rejects.toThrow('unheard')
})

test('however many Holdfasts a client has, it has one listener, and none after their end', async () => {
  const client = quiet(createClient({ url: `redis://127.0.0.1:${away}` }))
  const counted = (): (string | symbol)[] =>
    client.eventNames().flatMap((name) => client.listeners(name).map(() => name))
  const before = counted()
  const many = Array.from({ length: 20 }, () => new Holdfast(client))
  expect(counted().length).toBe(before.length + 2)
  client.emit('error', new Error('known to all'))
  const late = new Holdfast(client)
  await expect(late.mutex('a').acquire({ wait: 0 })).rejects.toThrow('known to all')
  for (const each of [...many, late]) {
    await each.close()
    await each.close()
  }
  expect(counted()).toEqual(before)
})

test('of several servers each says why', async () => {
  const clients = [1, 2, 3].map(() => quiet(new Redis({ port: server.port, password: 'wrong' })))
  await using locks = new Holdfast(clients)
  const failed = await locks
    .mutex('a')
    .acquire({ wait: 0 })
    .catch((error: HoldfastError) => error)
  for (const client of clients) client.disconnect()
  expect(failed).toMatchObject({ code: 'ERR_NO_QUORUM' })
  const { nodes } = failed as HoldfastError
  expect(nodes?.length).toBeGreaterThan(1)
  for (const { reason } of nodes!) expect(reason).toContain('WRONGPASS')
})
