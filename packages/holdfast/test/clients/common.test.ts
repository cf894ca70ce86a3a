import { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { portOf, type SubscriberEvents } from '../../src/clients/common.js'
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
  const before = client.listenerCount('ready')
  const ports = [1, 2, 3].map(() => recognise(client))
  const stops = ports.map((port) => port.onReady(() => {}))
  expect(client.listenerCount('ready')).toBe(before + 1)
  stops[0]!()
  stops[0]!()
  expect(client.listenerCount('ready')).toBe(before + 1)
  for (const stop of stops) stop()
  expect(client.listenerCount('ready')).toBe(before)
  client.disconnect()
})
