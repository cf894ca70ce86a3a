// S2 (one server): an owner id names one tenure. S3: the deadline is what the server gave.
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
import { believers, ownerId, World, type SimClient } from '../kit/world.js'

const expiryOf = (w: World, name: string): number =>
  w.server.space.expiry(keysOf(name, 'lock:')[0])!

test('S2: a late copy of a release hands nothing away under the next holder', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const copy = w.net.double('request', 'release')
  await (await a.locks.mutex('x').acquire()).release()
  const held = await b.locks.mutex('x').acquire()
  const next = w.watch(c.locks.mutex('x').acquire())
  await w.advance()
  expect(copy.count).toBe(1)
  copy.release()
  await w.advance()
  expect(w.holder('x')).toBe(held.owner)
  expect(next.state).toBe('pending')
  held.assertHeld()
})

test('S2: nor under the same process, which never uses an owner id again', async () => {
  const w = new World()
  const a = w.client()
  const copy = w.net.double('request', 'release')
  const earlier = await a.locks.mutex('x').acquire()
  await earlier.release()
  const held = await a.locks.mutex('x').acquire()
  expect(held.owner).not.toBe(earlier.owner)
  copy.release()
  await w.advance()
  expect(w.holder('x')).toBe(held.owner)
  expect(await held.verify()).toBe(undefined)
})

test('S2: an owner id whose claim ran out never holds again', () => {
  const w = new World()
  w.ask('x', ownerId(1))
  w.ask('x', ownerId(2))
  w.ask('x', ownerId(3))
  w.release('x', ownerId(1))
  w.clock.block(2001)
  expect(w.ask('x', ownerId(2))).toEqual(['lapsed'])
  expect(w.ask('x', ownerId(3))[0]).toBe('granted')
})

test('S2: a waiter whose claim lapsed goes on under another owner id', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const late = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  w.watch(c.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  w.net.drop('push', 'grant', { of: b })
  await held.release()
  const before = w.holder('x')
  c.clock.freeze('stopped')
  await w.advance(2500)
  // It asks, is told that its time is over, and stands in line again.
  b.port.mendPushes()
  await w.advance(3000)
  expect(late.state).toBe('done')
  expect(late.value.owner).not.toBe(before)
})

/** a holds, b waits with 30 s; a releases, and the message to b is lost. */
async function lostPush(w: World): Promise<SimClient> {
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  w.watch(b.locks.mutex('x').acquire({ ttl: '30s', wait: '60s' }))
  await w.advance()
  w.net.drop('push', 'grant')
  await held.release()
  await w.advance(1000)
  return b
}

test('S3: a lost push is never answered with a longer deadline than the server gave', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  const wait = w.watch(b.locks.mutex('x', { renew: false }).acquire({ ttl: '30s' }))
  await w.advance()
  w.net.drop('push', 'grant')
  await held.release()
  await w.advance(1000)
  b.port.mendPushes()
  await w.advance()
  expect(wait.state).toBe('done')
  const lock = wait.value
  expect(w.serverMs + lock.validFor).toBeLessThan(expiryOf(w, 'x'))
  // The first question extends to what was asked for, and states it.
  expect(expiryOf(w, 'x')).toBe(w.serverMs + 30_000)
  const next = w.watch(c.locks.mutex('x').acquire({ wait: '60s' }))
  while (next.state === 'pending' && w.clock.monotonic() < 60_000) {
    await w.advance(100)
    expect(believers(lock, next.value)).toBeLessThanOrEqual(1)
  }
  expect(next.state).toBe('done')
})

test('S3: what a reply states counts, not what was asked for', async () => {
  const w = new World()
  const b = w.client()
  // A server that answers "already yours" without extending.
  w.net.rewrite('acquire', (reply) => {
    const [us, run, failure, item] = reply as [string, string, string, readonly Reply[]]
    const ends = String(Math.floor(Number(us) / 1000) + 1000)
    return [us, run, failure, item[0] === 'granted' ? ['granted', item[1]!, ends] : item]
  })
  const lock = await b.locks.mutex('x').acquire({ ttl: '30s' })
  expect(lock.validFor).toBeLessThan(1000)
})

test('S3: a try again after a lost reply counts from its own sending and what it states', async () => {
  const w = new World()
  const a = w.client()
  w.net.drop('reply', 'acquire')
  const wait = w.watch(a.locks.mutex('x').acquire({ ttl: '5s' }))
  await w.advance(1000)
  expect(wait.state).toBe('done')
  expect(w.net.count('acquire')).toBe(2)
  expect(w.serverMs + wait.value.validFor).toBeLessThan(expiryOf(w, 'x'))
  expect(wait.value.validFor).toBeGreaterThan(4000)
})

test('S3: the head asks again by itself when the message never comes', async () => {
  const w = new World()
  const b = await lostPush(w)
  const asked = w.net.count('acquire', b)
  await w.advance(30_000)
  expect(w.net.count('acquire', b)).toBeGreaterThan(asked)
  expect(w.holder('x')).toMatch(/^[0-9a-f]{32}\.\d+$/)
})
