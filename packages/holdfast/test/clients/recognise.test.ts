import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster } from 'redis'
import { expect, test, vi } from 'vitest'
import { recognise } from '../../src/clients/recognise.js'
import { startServer } from '../../src/testing/index.js'
import { script } from './kinds.js'

test('takes clients by their shape', () => {
  expect(recognise(new Redis({ lazyConnect: true })).kind).toBe('ioredis')
  expect(recognise(new Cluster([{ port: 1 }], { lazyConnect: true })).kind).toBe('ioredis')
  expect(recognise(createClient()).kind).toBe('node-redis')
  expect(recognise(createClient().withTypeMapping({})).kind).toBe('node-redis')
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
  ['an array', [createClient()], /given an array\. /],
  ['a pool', createClientPool(), /given a node-redis pool\. .*createClient\(\)/],
  ['a node-redis cluster', createCluster({ rootNodes: [] }), /given a node-redis cluster\. /],
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
