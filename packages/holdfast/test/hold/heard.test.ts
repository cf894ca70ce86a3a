// Whoever hears of an event closes everything in the middle of it: nothing stays held, and nothing is let go too early.
import { expect, test } from 'vitest'
import type { HoldfastOptions, LockOptions } from '../../src/index.js'
import { on } from '../kit/heard.js'
import { World, type Outcome } from '../kit/world.js'

test('a downgrade by which all is closed: nothing is held', async () => {
  for (const event of ['released', 'granted']) {
    const w = new World()
    const { locks, clock } = w.client()
    const write = await locks.readWrite('x').write().acquire()
    const told: boolean[] = []
    const ends = [0, 1].map(() => on('released', () => told.push(true)))
    let closed: Promise<void> | undefined
    on(event, () => {
      closed = locks.close()
    })
    const reader = w.watch(write.downgrade())
    await w.advance(10)
    expect([reader.state, reader.error?.code]).toEqual(['failed', 'ERR_CLOSED'])
    await closed
    expect([w.left(), clock.timers]).toEqual([[], 0])
    for (const end of ends) end()
  }
})

test('closed by whoever hears of its grant: ERR_CLOSED, and nothing is held', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const lock = await a.locks.mutex('x').acquire()
  const token = await lock.handOver()
  on('granted', () => void b.locks.close())
  const taken = w.watch(b.locks.takeOver(token))
  await w.advance(10)
  expect([taken.state, taken.error?.code]).toEqual(['failed', 'ERR_CLOSED'])
  expect([w.left(), b.clock.timers]).toEqual([[], 0])
})

test('a loss by which all is closed: the name is kept from others all the same', async () => {
  const cases: readonly [HoldfastOptions, LockOptions][] = [
    [{}, { ttl: 1000, lockDelay: 3000, renew: false }],
    [{ forced: 'keep' }, { ttl: 1000 }],
  ]
  for (const [options, own] of cases) {
    const w = new World()
    const [a, b] = [w.client({}, options), w.client()]
    const lock = await a.locks.mutex('x', own).acquire()
    // Who waits is subscribed: it hears at once that it is forced.
    const waits = w.watch(a.locks.mutex('x').acquire({ wait: 5 }))
    await w.advance(10)
    expect(waits.error.code).toBe('ERR_TIMEOUT')
    on('lost', () => void a.locks.close())
    if (options.forced) await b.locks.forceRelease('x')
    await w.advance(own.renew === false ? 990 : 10)
    expect(lock.isHeld).toBe(false)
    expect(w.holder('x')).toBe(lock.owner)
    await w.advance(4000)
    expect(w.left()).toEqual([])
  }
})

test('several names of which a grant closes all: close waits until they are given back', async () => {
  const w = new World()
  const a = w.client({}, { history: true })
  // Whoever listens to calls makes it take a few turns more until their locks are there.
  const end = on('failed', () => undefined)
  w.net.delay('request', 'release', 50, { times: Infinity })
  let closed: Outcome<void> | undefined
  on('granted', () => {
    closed = w.watch(a.locks.close())
  })
  const set = w.watch(a.locks.all(['x', 'y']).acquire())
  await w.advance(40)
  expect([closed!.state, a.port.closed]).toEqual(['pending', false])
  await w.advance(20)
  expect(set.error.code).toBe('ERR_CLOSED')
  expect([closed!.state, w.left(), a.clock.timers]).toEqual(['done', [], 0])
  end()
})
