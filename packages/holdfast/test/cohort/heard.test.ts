// Whoever hears of an event, or of the end of a signal, does so in the middle of it: what it does there breaks nothing.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { on } from '../kit/heard.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

const LOCAL = { localHandovers: 16 } as const
const LINGER = { linger: 500 } as const

/** A client that can be told that somebody wants what it keeps. */
async function warm(world: World): Promise<SimClient> {
  const client = world.client({}, LOCAL)
  const lock = await world.now(client.locks.mutex('warm-up').acquire())
  const waits = client.locks.semaphore('warm-up', { limit: 1 }).use(() => {})
  await world.advance(1)
  await world.now(lock.release())
  await world.now(waits)
  world.net.log.length = 0
  return client
}

test('a release by which the last who waits is aborted: it does not fail, and the name is free', async () => {
  const world = new World()
  const { locks } = world.client({}, LOCAL)
  const mutex = locks.mutex('a')
  const first = await world.now(mutex.acquire())
  const abort = new AbortController()
  const next = world.watch(mutex.acquire({ signal: abort.signal }))
  await world.advance(10)
  on('released', () => abort.abort('away'))
  const released = world.watch(first.release())
  await world.advance(10)
  expect([next.state, next.error]).toEqual(['failed', 'away'])
  expect([released.state, released.value]).toEqual(['done', { released: true }])
  expect(world.left()).toEqual([])
  expect((await world.now(mutex.acquire())).isHeld).toBe(true)
})

test('a release by which all is closed, with somebody who waits, and with what is kept', async () => {
  for (const linger of [0, 500]) {
    const world = new World()
    const { locks } = await warm(world)
    const mutex = locks.mutex('a', { linger })
    const first = await world.now(mutex.acquire())
    const next = linger ? undefined : world.watch(mutex.acquire())
    await world.advance(10)
    on('released', () => void locks.close())
    const released = world.watch(first.release())
    await world.advance(10)
    if (next) expect(next.error.code).toBe('ERR_CLOSED')
    expect(released.state).toBe('done')
    expect([world.left(), world.clock.timers]).toEqual([[], 0])
  }
})

test('linger: who asks for it when it is let go has it at once', async () => {
  const world = new World()
  const { locks } = await warm(world)
  const mutex = locks.mutex('a', LINGER)
  const first = await world.now(mutex.acquire())
  let next: Outcome<Lock> | undefined
  on('released', () => (next = world.watch(mutex.acquire())))
  await world.now(first.release())
  expect(next!.state).toBe('done')
  expect(next!.value.fence).toBe(first.fence + 1)
  await world.now(next!.value.release())
  await world.advance(600)
  expect(world.left()).toEqual([])
})

test('a hand-over by which its call is aborted: nobody has it', async () => {
  for (const localHandovers of [16, 0]) {
    const world = new World()
    const [a, b] = [world.client({}, { localHandovers }), world.client()]
    const theirs = await world.now(b.locks.mutex('a').acquire())
    const abort = new AbortController()
    const mine = world.watch(a.locks.mutex('a').acquire({ signal: abort.signal }))
    await world.advance(10)
    const told: string[] = []
    const ends = ['granted', 'lost'].map((event) => on(event, () => told.push(event)))
    on('handover', () => abort.abort('away'))
    await world.now(theirs.release())
    expect([mine.error, world.holder('a')]).toEqual(['away', null])
    await world.advance(5000)
    for (const end of ends) end()
    expect(told).toEqual([])
    expect(a.clock.timers).toBe(0)
  }
})

test('a call by which all is closed: it ends, and asks no more', async () => {
  for (const how of ['shared', 'own', 'all'] as const) {
    const world = new World()
    const [a, b] = [world.client({}, { localHandovers: how === 'shared' ? 16 : 0 }), world.client()]
    await world.now(b.locks.mutex('a').acquire())
    for (const what of ['acquire', 'all'])
      world.net.delay('reply', what, 1, { of: a, times: Infinity })
    on('requested', () => void a.locks.close())
    const wait = { wait: Infinity }
    const call = world.watch<unknown>(
      how === 'all' ? a.locks.all(['a', 'b']).acquire(wait) : a.locks.mutex('a').acquire(wait),
    )
    await world.advance(100)
    expect([call.state, call.error?.code]).toEqual(['failed', 'ERR_CLOSED'])
    expect(world.net.count(undefined, a)).toBe(0)
  }
})

test('released once more while it is being released: the same result, and it counts once', async () => {
  const world = new World()
  const { locks } = world.client({}, LOCAL)
  const mutex = locks.mutex('a')
  const first = await world.now(mutex.acquire())
  const next = world.watch(mutex.acquire())
  await world.advance(10)
  let inner: Outcome<unknown> | undefined
  on('released', () => (inner = world.watch(first.release())))
  expect(await world.now(first.release())).toEqual({ released: true })
  expect(inner!.value).toEqual({ released: true })
  expect(next.value.isHeld).toBe(true)
})
