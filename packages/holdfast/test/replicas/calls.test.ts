// The option replicas, under virtual time: what is granted to too few replicas is not granted.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import type { Port } from '../../src/clients/port.js'
import { Events } from '../real/kit.js'
import { World, type SimClient } from '../kit/world.js'

let events: Events
beforeAll(() => {
  events = new Events()
})
beforeEach(() => void events.seen.splice(0))
afterAll(() => events.stop())

const asking = (w: World, replicas = 1): SimClient => w.client({}, { replicas })

test('without the option nothing is asked of replicas, and lock.replicas is 0', async () => {
  const w = new World()
  const a = w.client()
  const lock = w.watch(a.locks.mutex('x').acquire())
  await w.advance(4000)
  expect(lock.value.replicas).toBe(0)
  expect(events.of('holdfast:renewed')).toHaveLength(1)
  void lock.value.release()
  await w.advance()
  expect(a.port.waits).toBe(0)
})

test('grants, renewals and turns are asked for with it, other calls are not', async () => {
  const w = new World()
  const a = asking(w)
  a.port.acknowledges = 2
  const lock = w.watch(a.locks.mutex('x').acquire())
  await w.advance()
  expect(lock.value.replicas).toBe(2)
  expect(a.port.waits).toBe(1)
  a.port.acknowledges = 1
  await w.advance(4000)
  expect(lock.value.replicas).toBe(1)
  expect(a.port.waits).toBe(2)
  const reader = w.watch(lock.value.downgrade())
  await w.advance()
  expect(reader.value.replicas).toBe(1)
  expect(a.port.waits).toBe(3)
  const set = w.watch(a.locks.all(['p', 'q']).acquire())
  await w.advance()
  expect(set.value.replicas).toBe(1)
  expect(a.port.waits).toBe(4)
  void a.locks.inspect('x')
  void set.value.release()
  void reader.value.release()
  await w.advance()
  expect(a.port.waits).toBe(4)
  expect(w.left()).toEqual([])
})

const modes: readonly [string, (locks: Holdfast) => { tryAcquire(): Promise<unknown> }][] = [
  ['a mutex', (locks) => locks.mutex('x')],
  ['a reader', (locks) => locks.readWrite('x').read()],
  ['permits', (locks) => locks.semaphore('x', { limit: 3 })],
  ['several names', (locks) => locks.all(['x', 'y'])],
]
test.each(modes)('%s that too few have is not granted, and nothing is left', async (_what, of) => {
  const w = new World()
  const a = asking(w, 2)
  const one = w.watch(of(a.locks).tryAcquire())
  await w.advance(1000)
  expect(one.state).toBe('failed')
  expect(one.error.code).toBe('ERR_UNAVAILABLE')
  expect(one.error.message).toContain('only 1 of the 2 replicas asked for acknowledged it')
  expect(a.port.waits).toBe(1)
  expect(w.left()).toEqual([])
})

test('a call that waits gives it back, tries anew, and is granted when replicas are there', async () => {
  const w = new World()
  const [a, other] = [asking(w), w.client()]
  a.port.acknowledges = 0
  const wait = w.watch(a.locks.mutex('x').acquire({ wait: 60_000 }))
  await w.advance()
  const first = w.holder('x')
  await w.advance(251)
  // Others, who ask for less, are not kept from it meanwhile.
  expect(w.holder('x')).toBe(null)
  const free = w.watch(other.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(free.value).not.toBe(null)
  void free.value!.release()
  await w.advance(5000)
  expect(wait.state).toBe('pending')
  a.port.acknowledges = 1
  await w.advance(2000)
  expect(wait.state).toBe('done')
  expect(wait.value.owner).not.toBe(first)
  expect(w.holder('x')).toBe(wait.value.owner)
  void wait.value.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test.each(['one name', 'several'])('%s: at the end of the wait it says why', async (what) => {
  const w = new World()
  const a = asking(w)
  a.port.acknowledges = 0
  const locks = what === 'several' ? a.locks.all(['x', 'y']) : a.locks.mutex('x')
  const wait = w.watch<unknown>(locks.acquire({ wait: 3000 }))
  await w.advance(3001)
  expect(wait.state).toBe('failed')
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  expect(wait.error.message).toContain('only 0 of the 1 replicas')
  await w.advance(1000)
  expect(w.left()).toEqual([])
})

test('a call that is called off while replicas are waited for leaves nothing', async () => {
  const w = new World()
  const a = asking(w)
  a.port.acknowledges = 0
  const request = w.net.hold('request', 'acquire')
  const controller = new AbortController()
  const wait = w.watch(a.locks.mutex('x').acquire({ signal: controller.signal }))
  await w.advance()
  controller.abort(new Error('enough'))
  await w.advance()
  expect(wait.error.message).toBe('enough')
  // It was on another connection than its release, which has passed it by.
  request.release()
  await w.advance()
  expect(w.holder('x')).not.toBe(null)
  await w.advance(300)
  expect(w.left()).toEqual([])
})

describe('a renewal that too few have', () => {
  test('is none: in jeopardy, tried again, and well when replicas are back', async () => {
    const w = new World()
    const a = asking(w)
    const lock = w.watch(a.locks.mutex('x').acquire())
    await w.advance()
    a.port.acknowledges = 0
    await w.advance(5000)
    expect(events.of('holdfast:renewed')).toHaveLength(0)
    expect(events.of('holdfast:jeopardy')).toHaveLength(1)
    expect(String(events.of('holdfast:jeopardy')[0]!.error)).toContain('only 0 of the 1 replicas')
    expect(lock.value.validFor).toBeLessThan(5000)
    await expect(Promise.race([lock.value.verify(), w.advance(600)])).rejects.toMatchObject({
      code: 'ERR_UNAVAILABLE',
    })
    a.port.acknowledges = 1
    await w.advance(2000)
    expect(lock.value.signal.aborted).toBe(false)
    expect(lock.value.validFor).toBeGreaterThan(5000)
  })

  test('is lost in time, by the last lease that was acknowledged, and given back', async () => {
    const w = new World()
    const a = asking(w)
    const lock = w.watch(a.locks.mutex('x').acquire())
    await w.advance()
    a.port.acknowledges = 0
    await w.advance(9300)
    expect(lock.value.signal.aborted).toBe(false)
    await w.advance(200)
    expect(lock.value.signal.aborted).toBe(true)
    expect(events.of('holdfast:lost')).toMatchObject([{ reason: 'expired' }])
    await w.advance(1000)
    expect(w.left()).toEqual([])
  })
})

test('a downgrade that too few have holds nothing any more', async () => {
  const w = new World()
  const a = asking(w)
  const lock = w.watch(a.locks.mutex('x').acquire())
  await w.advance()
  a.port.acknowledges = 0
  const reader = w.watch(lock.value.downgrade())
  await w.advance(1000)
  expect(reader.error.code).toBe('ERR_UNAVAILABLE')
  expect(reader.error.message).toContain('only 0 of the 1 replicas')
  expect(w.left()).toEqual([])
})

test('a lock is not taken over before replicas have it', async () => {
  const w = new World()
  const [a, b] = [asking(w), asking(w)]
  const lock = w.watch(a.locks.mutex('x').acquire())
  await w.advance()
  const token = w.watch(lock.value.handOver())
  await w.advance()
  b.port.acknowledges = 0
  const heir = w.watch(b.locks.takeOver(token.value))
  await w.advance(1000)
  expect(heir.error.message).toContain('only 0 of the 1 replicas')
  expect(w.left()).toEqual([])
})

describe('refused', () => {
  test.each([-1, 1.5, 1001, '1', null, NaN])('replicas: %s', (replicas) => {
    const make = (): unknown => Holdfast.inMemory({ replicas } as unknown as HoldfastOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  })

  test('of several servers, each of which has a vote', () => {
    const ports = [1, 2, 3].map(() => new World().client().port)
    const make = (): Holdfast => new Holdfast(ports, { replicas: 1 })
    const given = { code: 'ERR_INVALID_ARGUMENT', given: 1 }
    expect(make).toThrow(expect.objectContaining(given))
  })

  test('where there are no replicas that could be waited for', () => {
    const { port } = new World().client()
    const made = (given: Partial<Port>): (() => Holdfast) => {
      const fields = { kind: 'mine', ready: true, onReady: () => () => undefined }
      const bare = {
        ...fields,
        run: port.run.bind(port),
        subscribe: port.subscribe.bind(port),
        close: port.close.bind(port),
        ...given,
      }
      return () => new Holdfast(bare as Port, { replicas: 1 })
    }
    const config = (message: string): unknown =>
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) })
    expect(made({})).toThrow(config('a port of mine cannot wait for them'))
    const runAcknowledged = port.runAcknowledged!.bind(port)
    expect(made({ cluster: true, runAcknowledged })).toThrow(config('the Cluster of a mine client'))
    expect(() => Holdfast.inMemory({ replicas: 1 })).toThrow(config('memory'))
    expect(made({ runAcknowledged })()).toBeInstanceOf(Holdfast)
  })
})
