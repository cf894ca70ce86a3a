// A lock that nobody renews, renewed and released by its owner id.
import { describe, expect, test } from 'vitest'
import type { Holdfast, HoldfastError, Lock } from '../../src/index.js'
import { Servers } from '../quorum/kit.js'
import { ownerId } from '../kit/world.js'
import { ask, world } from './kit.js'

const code = (error: HoldfastError): unknown => [error.code, error.reason]

/** A lock of one that was handed over, and another one who knows its owner id. */
async function left(take: (locks: Holdfast) => Promise<Lock>) {
  const { w, clients } = await world(3)
  const lock = await take(clients[0]!.locks)
  await lock.handOver()
  const next = await ask(w, clients[2]!)
  return { w, lock, next, other: clients[1]!.locks }
}

const kinds: readonly [string, (locks: Holdfast) => Promise<Lock>][] = [
  ['a mutex', (locks) => locks.mutex('x', { ttl: 5000 }).acquire()],
  ['a reader', (locks) => locks.readWrite('x', { ttl: 5000 }).read().acquire()],
  ['permits', (locks) => locks.semaphore('x', { ttl: 5000, limit: 3 }).acquire({ permits: 2 })],
]

describe.each(kinds)('%s', (_, take) => {
  test('is held for as long as it is renewed, with the same owner id and fence, by one command each', async () => {
    const { w, lock, next, other } = await left(take)
    for (let i = 0; i < 4; i++) {
      await w.advance(4000)
      const before = w.net.count()
      const renewed = await other.renew('x', lock.owner, { ttl: 5000 })
      expect(w.net.count() - before).toBe(1)
      expect(renewed.fence).toBe(lock.fence)
      expect(renewed.remaining).toBeGreaterThan(4900)
      expect(renewed.remaining).toBeLessThanOrEqual(5000)
    }
    expect(next.state).toBe('pending')
    await w.advance(6000)
    expect(next.state).toBe('done')
    expect(await other.renew('x', lock.owner).catch(code)).toEqual(['ERR_LOST', 'gone'])
    await next.value.release()
    expect(w.left()).toEqual([])
  })

  test('is released by one command, and the next one has it', async () => {
    const { w, lock, next, other } = await left(take)
    const before = w.net.count()
    expect(await other.release('x', lock.owner)).toEqual({ released: true })
    expect(w.net.count() - before).toBe(1)
    await w.advance()
    expect(next.state).toBe('done')
    expect(await other.release('x', lock.owner)).toEqual({ released: false, reason: 'lost' })
    await next.value.verify()
    await next.value.release()
    expect(w.left()).toEqual([])
  })
})

test('a renewal shortens nothing, and says what was asked for', async () => {
  const { w, lock, other } = await left((locks) => locks.mutex('x', { ttl: 60_000 }).acquire())
  expect((await other.renew('x', lock.owner, { ttl: 1000 })).remaining).toBeLessThanOrEqual(1000)
  await w.advance(50_000)
  await other.renew('x', lock.owner, { ttl: 1000 })
  await other.release('x', lock.owner)
})

test('of one whose end was forced it is refused; its release lets the next one in', async () => {
  const { w, lock, next, other } = await left((locks) => locks.mutex('x').acquire())
  await other.forceRelease('x')
  expect(await other.renew('x', lock.owner).catch(code)).toEqual(['ERR_LOST', 'forced'])
  await w.advance()
  expect(next.state).toBe('pending')
  expect(await other.release('x', lock.owner)).toEqual({ released: true })
  await w.advance()
  expect(next.state).toBe('done')
})

test('its release does not keep the name, whatever holdAtLeast was', async () => {
  const { w, lock, next, other } = await left((locks) =>
    locks.mutex('x', { holdAtLeast: 9000 }).acquire(),
  )
  expect(await other.release('x', lock.owner)).toEqual({ released: true })
  await w.advance()
  expect(next.state).toBe('done')
})

test('while the server is away each ends by its time limit', async () => {
  const { w, lock, other } = await left((locks) => locks.mutex('x').acquire())
  w.net.drop('request', 'renew', { times: 9 })
  w.net.drop('request', 'release', { times: 9 })
  const renewed = w.watch(other.renew('x', lock.owner))
  const released = w.watch(other.release('x', lock.owner))
  await w.advance(501)
  expect(renewed.error).toMatchObject({ code: 'ERR_UNAVAILABLE', lock: 'x' })
  expect(released.value).toEqual({ released: false, reason: 'unavailable' })
})

test('bad input is refused at the call, and sends nothing', async () => {
  const { w, lock, other } = await left((locks) => locks.mutex('x').acquire())
  const before = w.net.count()
  const invalid = ['ERR_INVALID_ARGUMENT', undefined]
  for (const owner of ['', 'me', `${lock.owner} `, 7 as never, undefined as never]) {
    expect(await other.renew('x', owner).catch(code)).toEqual(invalid)
    expect(await other.release('x', owner).catch(code)).toEqual(invalid)
  }
  expect(await other.renew('x', lock.owner, { ttl: 49 }).catch(code)).toEqual(invalid)
  expect(await other.renew('x', lock.owner, { wait: 1 } as never).catch(code)).toEqual(invalid)
  expect(await other.renew('', lock.owner).catch(code)).toEqual(invalid)
  await other.close()
  expect(await other.renew('x', lock.owner).catch(code)).toEqual(['ERR_CLOSED', undefined])
  expect(await other.release('x', ownerId(1, 1)).catch(code)).toEqual(['ERR_CLOSED', undefined])
  expect(w.net.count() - before).toBe(0)
})

test('on several servers a majority renews and releases it', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('x', { ttl: 5000 }).acquire(), 1)
  await w.after(lock.handOver(), 1)
  const other = w.client().locks
  await w.advance(4000)
  const renewed = await w.after(other.renew('x', lock.owner, { ttl: 5000 }), 1)
  expect(renewed.fence).toBe(lock.fence)
  await w.advance(4000)
  const next = w.watch(locks.mutex('x').acquire({ wait: 9000 }))
  await w.advance(500)
  expect(next.state).toBe('pending')
  expect(await w.after(other.release('x', lock.owner), 1)).toEqual({ released: true })
  await w.advance(500)
  expect(next.state).toBe('done')
  expect(next.value.fence).toBeGreaterThan(lock.fence)
  await w.after(next.value.release(), 20)
  expect(w.left()).toEqual([])
})
