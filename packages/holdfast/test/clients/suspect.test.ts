import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  portOf,
  type Open,
  type Subscriber,
  type SubscriberEvents,
} from '../../src/clients/common.js'
import { wandering, type Place } from '../../src/clients/wandering.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { FaultProxy } from '../kit/proxy.js'
import { until } from '../real/kit.js'
import { kinds, listener, otherKinds } from './kinds.js'

const never = (): Promise<never> => new Promise(() => {})
const at = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
// Longer than anybody waits for an answer, and for what comes after.
const LONG = 10_000

function port(open: Open) {
  const none = { byHash: async () => null, byText: async () => null, start: () => {} }
  return portOf({ kind: 'fake', ...none, ready: () => true, watch: () => () => {}, open })
}

/** A connection that is ready at once, and what was done to it. */
function subscriber(events: SubscriberEvents, own: Partial<Subscriber>): Subscriber {
  const none = { subscribe: async () => {}, unsubscribe: async () => {}, end: () => {} }
  return { ready: true, start: () => events.ready(), ...none, ...own }
}

describe('whoever does not answer is left', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const well: Place = { open: (events) => subscriber(events, {}) }
  const ends = vi.fn<() => void>()
  const mute = (own: Partial<Subscriber>): Place => ({
    open: (events) => subscriber(events, { end: ends, ...own }),
  })

  test.each<[string, () => Promise<Place>, number]>([
    ['a place is never found', never, 0],
    ['it is never reached', async () => mute({ ready: false, start: () => {} }), 1],
    ['a subscription is never confirmed', async () => mute({ subscribe: never }), 1],
  ])('when %s', async (_what, first, ended) => {
    ends.mockClear()
    const pick = vi.fn<() => Promise<Place>>(async () => well).mockImplementationOnce(first)
    const subscribed = vi.fn<() => void>()
    const wanderer = port(wandering(pick, () => false))
    void wanderer.subscribe('a', listener()).then(subscribed)
    await at(1000)
    expect([pick.mock.calls.length, subscribed.mock.calls.length]).toEqual([1, 0])
    await at(LONG)
    expect([pick.mock.calls.length, subscribed.mock.calls.length]).toEqual([2, 1])
    expect(ends).toHaveBeenCalledTimes(ended)
    await at(10 * LONG)
    expect(pick).toHaveBeenCalledTimes(2)
    await wanderer.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a place that is found too late is given up', async () => {
    let found!: (place: Place) => void
    const pick = vi
      .fn<() => Promise<Place>>(async () => well)
      .mockImplementationOnce(() => new Promise((resolve) => (found = resolve)))
    const seen = listener()
    const wanderer = port(wandering(pick, () => false))
    void wanderer.subscribe('a', seen)
    await at(LONG)
    ends.mockClear()
    found(mute({}))
    await at(1)
    expect(ends).toHaveBeenCalledTimes(1)
    expect(seen).toMatchObject({ gaps: 0, ends: 0 })
    await wanderer.close()
  })

  test('it is asked when it is suspected, once at a time, and stays if it answers', async () => {
    const answers = [async () => {}, () => Promise.reject(new Error('NOPERM')), never]
    const probe = vi.fn<(channel: string) => Promise<unknown>>(() => answers.shift()!())
    const pick = vi.fn<() => Promise<Place>>(async () => mute({ probe }))
    const seen = listener()
    const wanderer = port(wandering(pick, () => false))
    const subscription = await wanderer.subscribe('a', seen)
    for (const asked of [1, 2]) {
      subscription.suspect?.()
      await at(LONG)
      expect(probe).toHaveBeenCalledTimes(asked)
    }
    expect([pick.mock.calls.length, seen.gaps]).toEqual([1, 0])
    subscription.suspect?.()
    subscription.suspect?.()
    await at(LONG)
    expect([pick.mock.calls.length, probe.mock.calls.length, seen.gaps]).toEqual([2, 3, 1])
    await wanderer.close()
    subscription.suspect?.()
    expect(probe).toHaveBeenCalledTimes(3)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a subscriber connection of which only one end is left', () => {
  let server: RunningServer
  let admin: Redis
  beforeAll(async () => {
    server = await startServer()
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    admin.disconnect()
    await server.stop()
  })

  const all = [...kinds, ...otherKinds].filter(({ silent }) => silent !== true)
  test.concurrent.each(all)('$name: is given up when it is suspected', async ({ make, name }) => {
    await using proxy = await FaultProxy.start(server)
    const one = await make(proxy.url)
    await one.connect()
    const channel = `of ${name}`
    const seen = listener()
    const subscription = await one.port.subscribe(channel, seen)
    subscription.suspect?.()
    await admin.publish(channel, '1')
    await until(() => expect(seen.messages).toEqual(['1']))
    await until(async () =>
      expect(await admin.pubsub('CHANNELS', `${channel}*`)).toEqual([channel]),
    )
    proxy.vanish('server')
    subscription.suspect?.()
    await until(() => expect(seen.gaps).toBe(1), 15_000)
    await admin.publish(channel, '2')
    await until(() => expect(seen.messages).toEqual(['1', '2']))
    expect(seen).toMatchObject({ gaps: 1, ends: 0 })
    await one.port.close()
    one.end()
  })
})
