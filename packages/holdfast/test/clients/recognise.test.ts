import { GlideClient, GlideClusterClient } from '@valkey/valkey-glide'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import { expect, test, vi } from 'vitest'
import { recognise, recogniseAll } from '../../src/clients/recognise.js'
import { Holdfast } from '../../src/index.js'
import { startServer } from '../../src/testing/index.js'
import { script } from './kinds.js'

const lazyConnect = true
const rootNodes = [{ url: 'redis://127.0.0.1:1' }]
const sentinels = { name: 'x', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }

test('takes clients by their shape', () => {
  expect(recognise(new Redis({ lazyConnect })).kind).toBe('ioredis')
  expect(recognise(new Redis5({ lazyConnect })).kind).toBe('ioredis')
  expect(recognise(new Valkey({ lazyConnect })).kind).toBe('ioredis')
  for (const create of [createClient, createClient5 as unknown as typeof createClient]) {
    expect(recognise(create()).kind).toBe('node-redis')
    expect(recognise(create().withTypeMapping({})).kind).toBe('node-redis')
    expect(recognise(create()).cluster).toBe(false)
  }
  for (const create of [createSentinel, createSentinel5 as unknown as typeof createSentinel]) {
    const port = recognise(create(sentinels))
    expect([port.kind, port.cluster, port.ready]).toEqual(['node-redis sentinel', false, false])
  }
})

test('tells clusters, where names live on several servers', () => {
  for (const Kind of [Cluster, Cluster5, ValkeyCluster]) {
    const port = recognise(new Kind([{ port: 1 }], { lazyConnect }))
    expect([port.kind, port.cluster, port.ready]).toEqual(['ioredis', true, false])
  }
  for (const create of [createCluster, createCluster5 as unknown as typeof createCluster]) {
    const port = recognise(create({ rootNodes }))
    expect([port.kind, port.cluster, port.ready]).toEqual(['node-redis cluster', true, false])
  }
})

test('takes GLIDE clients, which are always ready', async () => {
  const options = { addresses: [{ host: '127.0.0.1', port: 1 }], lazyConnect }
  for (const Kind of [GlideClient, GlideClusterClient]) {
    const client = await Kind.createClient(options)
    const port = recognise(client)
    expect([port.kind, port.cluster]).toEqual(['Valkey GLIDE', Kind === GlideClusterClient])
    await new Promise<void>((resolve) => port.onReady(resolve))
    expect(port.ready).toBe(true)
    client.close()
  }
})

test('a keyPrefix that would scatter the keys of a name over a Cluster is refused', () => {
  const make = (keyPrefix: string) => [
    new Cluster([{ port: 1 }], { lazyConnect, keyPrefix }),
    new Cluster5([{ port: 1 }], { lazyConnect, redisOptions: { keyPrefix } }),
    createCluster({ rootNodes, keyPrefix }),
  ]
  for (const keyPrefix of ['app:', 'a{b:', '{}a:']) {
    for (const client of make(keyPrefix)) {
      const error = expect.objectContaining({
        code: 'ERR_CONFIG',
        message: expect.stringMatching(/keyPrefix .* option prefix/),
      })
      expect(() => new Holdfast(client)).toThrow(error)
    }
  }
  for (const client of [...make('{app}:'), ...make('')]) new Holdfast(client)
  new Holdfast(new Redis({ lazyConnect, keyPrefix: 'app:' }))
})

test('passes a port through', () => {
  const port = recognise(createClient())
  expect(recognise(port)).toBe(port)
})

class Database {}

test.each([
  ['undefined', undefined, /given undefined\. .*Holdfast\.inMemory\(\)/],
  ['null', null, /given null\. .*Holdfast\.inMemory\(\)/],
  ['a URL as text', 'redis://:secret@host:6379', /given a URL\. .*new Redis\(url\)/],
  ['a host name', 'localhost', /given a string\. .*new Redis\(url\)/],
  ['a URL', new URL('redis://:secret@host'), /given a URL\. .*new Redis\(url\.href\)/],
  ['a number', 6379, /given a number\.$/],
  ['a class', Redis, /given the function Redis\. /],
  ['an array in an array', [createClient()], /given an array within an array\. /],
  ['a pool', createClientPool(), /given a node-redis pool\. .*createClient\(\)/],
  [
    'node-redis 4',
    new (class {
      evalSha() {}
      subscribe() {}
    })(),
    /given a node-redis client older than 5\./,
  ],
  [
    'GLIDE 1',
    new (class {
      customCommand() {}
    })(),
    /given a Valkey GLIDE client older than 2\.3\./,
  ],
  ['a promise', Promise.resolve(createClient()), /given a promise\. .*await/],
  ['options', { host: 'localhost' }, /given a plain object\. .*new Redis\(options\)/],
  ['an object of nothing', Object.create(null), /given a plain object\. /],
  ['another object', new Database(), /given an object of class Database\.$/],
  ['node-redis in legacy mode', createClient().legacy(), /given an object of class RedisLegacy/],
  ['a pipeline', new Redis({ lazyConnect: true }).pipeline(), /given an object of class Pipeline/],
])('refuses %s and says what it is', (_what, given, message) => {
  const error = expect.objectContaining({
    code: 'ERR_CONFIG',
    message: expect.stringMatching(message),
  })
  expect(() => recognise(given)).toThrow(error)
  expect(() => recognise(given)).toThrow(/ioredis.*node-redis/)
  expect(() => recognise(given)).not.toThrow(/secret/)
})

test('of several clients it says which is none', () => {
  const client = new Redis({ lazyConnect: true })
  expect(() => recogniseAll([client, 'redis://localhost'])).toThrow(
    /; as client 2 of 2 it was given a URL\. Create a client/,
  )
  expect(() => recogniseAll([undefined, client, client])).toThrow(/as client 1 of 3 it was given/)
  expect(() => recogniseAll(['redis://localhost'])).toThrow(/; it was given a URL/)
})

test('several clients, each of a server of its own', () => {
  const lazyConnect = true
  const [a, b] = [new Redis({ lazyConnect }), createClient()]
  expect(recogniseAll([a, b]).map(({ kind }) => kind)).toEqual(['ioredis', 'node-redis'])
  expect(recogniseAll(a).map(({ kind }) => kind)).toEqual(['ioredis'])
  const cluster = new Cluster([{ port: 1 }], { lazyConnect })
  const prefixed = new Redis({ lazyConnect, keyPrefix: 'app:' })
  for (const [given, message] of [
    [[], /empty array.*Holdfast.inMemory/],
    [[a, undefined], /given undefined/],
    [[a, b, a], /clients 1 and 3 are the same/],
    [[a, b, cluster], /Client 3 is of a Cluster/],
    [[a, prefixed], /Clients 1 and 2 put different prefixes/],
  ] as const) {
    expect(() => recogniseAll(given)).toThrow(message)
    expect(() => recogniseAll(given)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }))
  }
})

test('a Cluster of ioredis runs scripts, subscribes and ends what is its own', async () => {
  // Without peers a node does not know its own address.
  const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
  await using server = await startServer({ args })
  const admin = new Redis(server.url)
  await admin.cluster('ADDSLOTSRANGE', 0, 16383)
  // A new cluster says that it is down for its first two seconds.
  const up = async (): Promise<void> =>
    expect(await admin.cluster('INFO')).toContain('cluster_state:ok')
  await vi.waitFor(up, 10_000)
  const cluster = new Cluster([server.url], { lazyConnect: true, keyPrefix: 'app:' })
  const port = recognise(cluster)
  await new Promise<void>((resolve) => port.onReady(resolve))
  const set = script("return redis.call('SET', KEYS[1], ARGV[1])")
  await port.run(set, ['{x}k'], ['1'])
  await port.run(set, ['{x}k'], ['2'])
  expect(await admin.get('app:{x}k')).toBe('2')
  const messages: string[] = []
  const events = { onMessage: (text: string) => void messages.push(text), onGap: () => {} }
  const subscription = await port.subscribe('a', events)
  expect(await admin.publish('a', 'x')).toBe(1)
  await vi.waitFor(() => expect(messages).toEqual(['x']))
  await subscription.close()
  await vi.waitFor(async () => expect(await admin.pubsub('NUMSUB', 'a')).toEqual(['a', 0]))
  await port.close()
  expect(await cluster.ping()).toBe('PONG')
  cluster.disconnect()
  admin.disconnect()
})
