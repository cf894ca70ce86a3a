import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { expect, test, vi } from 'vitest'
import { portOf, type SubscriberEvents } from '../../src/clients/common.js'
import { onDuplicate, type NodeRedisLike } from '../../src/clients/node-redis-subscriber.js'
import { recognise } from '../../src/clients/recognise.js'
import { startServer } from '../../src/testing/index.js'
import { later } from './kinds.js'

// What no real client can be brought to do at a given moment.
test('a subscription that is closed while it is confirmed again is told no gap', async () => {
  const answers = [later(), later(), later()]
  let asked = 0
  let events!: SubscriberEvents
  const port = portOf({
    kind: 'fake',
    ready: () => true,
    watch: () => () => {},
    start: () => {},
    byHash: async () => null,
    byText: async () => null,
    open: (given) => {
      events = given
      return {
        ready: true,
        start: () => {},
        subscribe: async () => answers[asked++]?.promise,
        unsubscribe: async () => {},
        end: () => {},
      }
    },
  })
  const onGap = vi.fn<() => void>()
  const pending = port.subscribe('a', { onMessage: () => {}, onGap })
  answers[0]?.resolve()
  const subscription = await pending
  events.ready()
  answers[1]?.resolve()
  await vi.waitFor(() => expect(onGap).toHaveBeenCalledTimes(1))
  events.ready()
  await subscription.close()
  answers[2]?.resolve()
  await answers[2]?.promise
  await new Promise((resolve) => setImmediate(resolve))
  expect(asked).toBe(3)
  expect(onGap).toHaveBeenCalledTimes(1)
})

test('a look that finds the client not ready is no reason to call back', async () => {
  let ready = false
  let check!: () => void
  const unwatch = vi.fn<() => void>()
  const none = { byHash: async () => null, byText: async () => null, start: () => {} }
  const port = portOf({
    kind: 'fake',
    ...none,
    ready: () => ready,
    watch: (given) => {
      check = given
      return unwatch
    },
    open: () => expect.unreachable(),
  })
  const callback = vi.fn<() => void>()
  port.onReady(callback)
  check()
  expect([callback.mock.calls.length, unwatch.mock.calls.length]).toEqual([0, 0])
  ready = true
  check()
  check()
  expect([callback.mock.calls.length, unwatch.mock.calls.length]).toEqual([1, 1])
})

test('a break that ioredis has not noticed yet is no refusal', async () => {
  await using server = await startServer()
  const client = new Redis(server.url, { enableOfflineQueue: false })
  const duplicate = vi.spyOn(client, 'duplicate')
  const port = recognise(client)
  const events = { onMessage: () => {}, onGap: vi.fn<() => void>() }
  await port.subscribe('a', events)
  const own = duplicate.mock.results[0]?.value as Redis & { stream: { destroy(): void } }
  own.stream.destroy()
  expect(own.status).toBe('ready')
  await port.subscribe('b', events)
  await vi.waitFor(() => expect(events.onGap).toHaveBeenCalledTimes(1))
  await port.close()
  client.disconnect()
})

test('a client has one listener, however many wait for it', async () => {
  const client = new Redis({ lazyConnect: true, port: 1, retryStrategy: null })
  client.on('error', () => {})
  const ports = [1, 2, 3].map(() => recognise(client))
  const before = client.listenerCount('ready')
  const stops = ports.map((port) => port.onReady(() => {}))
  expect(client.listenerCount('ready')).toBe(before + 1)
  stops[0]!()
  stops[0]!()
  expect(client.listenerCount('ready')).toBe(before + 1)
  for (const stop of stops) stop()
  expect(client.listenerCount('ready')).toBe(before)
  client.disconnect()
})

test.each([
  ['node-redis', createClient],
  ['node-redis 5', createClient5 as unknown as typeof createClient],
])('a connection of %s that is ended while it is replaced stays ended', async (_name, create) => {
  await using server = await startServer()
  const admin = new Redis(server.url)
  const connections = async (): Promise<number> =>
    String(await admin.client('LIST'))
      .trim()
      .split('\n').length
  const client = create({ url: server.url })
  await client.connect()
  let ready = 0
  const own = onDuplicate(client as unknown as NodeRedisLike)({
    message: () => {},
    ready: () => ready++,
    error: () => {},
    ended: () => {},
  })
  own.start()
  await vi.waitFor(() => expect(ready).toBe(1))
  own.reset!()
  own.end()
  // What it had asked for by then it is given, and gives it back.
  for (let i = 0; i < 20; i++) {
    await admin.ping()
    await client.ping()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(await connections()).toBe(2)
  client.destroy()
  admin.disconnect()
})

test('what a connection still says after its end is nothing to those of the next one', async () => {
  const told: SubscriberEvents[] = []
  const ends: number[] = []
  let end = (): void => {}
  let watched = 0
  const answer = later()
  const port = portOf({
    kind: 'fake',
    ready: () => true,
    watch: () => () => {},
    ended: (given) => {
      end = given
      watched++
      return () => watched--
    },
    start: () => {},
    byHash: async () => null,
    byText: async () => null,
    open: (events) => {
      const mine = told.push(events) - 1
      return {
        ready: true,
        start: () => {},
        subscribe: async () => (mine === 0 ? null : answer.promise),
        unsubscribe: async () => {},
        end: () => void ends.push(mine),
      }
    },
  })
  const seen = { onMessage: vi.fn<() => void>(), onGap: vi.fn<() => void>() }
  await port.subscribe('a', seen)
  end()
  const next = port.subscribe('a', seen)
  expect([told.length, ends, watched]).toEqual([2, [0], 1])
  told[0]!.ended(new Error('Connection is closed.'))
  told[0]!.error(new Error('NOPERM'))
  // It was ended while it connected, and has connected all the same.
  told[0]!.ready()
  expect(ends).toEqual([0, 0])
  answer.resolve()
  await next
  expect(seen.onGap).not.toHaveBeenCalled()
  await port.close()
  expect([ends, watched]).toEqual([[0, 0, 1], 0])
})
