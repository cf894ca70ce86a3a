// L3: order within and between processes. L6: bounded scripts. L10: lost and late. L11: foreign
// libraries. C3: after a break of the subscription.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { believers, channelOfClient, ownerId, World, type Outcome } from '../kit/world.js'

test('L3: order is strict across processes: each waiter has a place of its own', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const order: number[] = []
  const calls = [a, a, b, a, c, a, b, c, c, a]
  for (const [i, { locks }] of calls.entries()) {
    void locks.mutex('x').use(() => void order.push(i), { wait: '60s' })
    await w.advance(1)
  }
  await held.release()
  await w.advance(100)
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(w.left()).toEqual([])
})

test('L3: only the first of a process asks', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  for (let i = 0; i < 20; i++) {
    w.watch(b.locks.mutex('x').acquire({ wait: Infinity }))
    await w.advance(1)
  }
  const before = w.net.count('acquire', b)
  await w.advance(100_000)
  expect(w.net.count('acquire', b) - before).toBeLessThanOrEqual(17)
  expect(w.net.log.filter(({ port, at }) => port === b.port && at > 100)).toEqual(
    w.net.log.filter(({ port, at, items }) => port === b.port && at > 100 && items === 1),
  )
})

test('L3: a head that was cancelled gives its place to the next, and is not waited for', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const gone = new AbortController()
  const first = w.watch(b.locks.mutex('x').acquire({ signal: gone.signal }))
  await w.advance()
  const second = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  gone.abort(new Error('never mind'))
  await w.advance()
  expect(first.error.message).toBe('never mind')
  expect(w.line('x').length).toBe(1)
  await held.release()
  await w.advance()
  expect(second.state).toBe('done')
})

test('L3: whoever asks while the name is free and others wait hands it to the head', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  await a.locks.mutex('x', { renew: false, ttl: 1000 }).acquire()
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  a.clock.freeze('stopped')
  w.clock.block(1001)
  expect(await c.locks.mutex('x').tryAcquire()).toBe(null)
  await w.advance()
  expect(wait.state).toBe('done')
})

test('L6: one call works off at most 64 heads, and the new head, who is told, calls on', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  const crowd = (client: number, from: number, count: number): void => {
    const unsubscribe = w.server.subscribe(channelOfClient(client), () => undefined)
    for (let i = from; i < from + count; i++) w.ask('x', ownerId(client, i))
    unsubscribe()
  }
  crowd(0xa, 1, 64)
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  crowd(0xb, 1, 40)
  const push = w.net.hold('push', 'first', { of: b })
  await held.release()
  await w.advance()
  expect(w.line('x').length).toBe(41)
  expect(w.holder('x')).toBe(null)
  push.release()
  await w.advance(10)
  expect(wait.state).toBe('done')
})

test('L6: at most 64 readers are let in by one call', () => {
  const w = new World()
  w.ask('x', ownerId(1))
  for (let i = 1; i <= 100; i++) w.ask('x', ownerId(2, i), { mode: 's' })
  w.release('x', ownerId(1))
  expect(w.line('x').length).toBe(36)
  // The next one is told that it may enter, and takes the others along.
  expect(w.ask('x', ownerId(2, 65), { mode: 's' })[0]).toBe('granted')
  expect(w.line('x')).toEqual([])
})

test('L10: after a lease was lost here it is released on the server in the background', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  w.net.drop('reply', 'renew', { times: Infinity })
  await w.advance(9500)
  expect(lock.signal.aborted).toBe(true)
  // The renewals were carried out: without the release the name would be held for long.
  expect(w.holder('x')).toBe(null)
})

test('L10: a renewal that comes late locks nothing for nobody', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { renew: false, ttl: 1000 }).acquire()
  const renewal = w.net.hold('request', 'renew')
  w.net.drop('request', 'release', { times: Infinity })
  const asked = w.watch(lock.verify())
  await w.advance(940)
  expect(asked.error.code).toBe('ERR_UNAVAILABLE')
  expect(lock.signal.aborted).toBe(true)
  const [k] = keysOf('x', 'lock:')
  const ends = w.server.space.expiry(k)
  renewal.release()
  await w.advance()
  expect(w.server.space.expiry(k)).toBe(ends)
})

test('L10: a waiter whose claim lapsed goes to the end of the line', async () => {
  const w = new World()
  const all = Array.from({ length: 4 }, () => w.client())
  const held = await all[0]!.locks.mutex('x').acquire()
  const waits: Outcome<Lock>[] = []
  for (const { locks } of all.slice(1)) {
    waits.push(w.watch(locks.mutex('x').acquire({ wait: '60s' })))
    await w.advance()
  }
  const [slow, second, third] = waits
  // The slow one lives, but does not hear: its claim passes, and the next one holds the name.
  w.net.drop('push', 'grant', { of: all[1]! })
  await held.release()
  await w.advance(2100)
  expect(second!.state).toBe('done')
  all[1]!.port.mendPushes()
  await w.advance()
  await second!.value.release()
  await w.advance()
  expect([slow!.state, third!.state]).toEqual(['pending', 'done'])
  await third!.value.release()
  await w.advance()
  expect(slow!.state).toBe('done')
})

test('L11: a holder of another library is looked at each 50 to 250 ms, by the head', async () => {
  const w = new World()
  const [b, c] = [w.client(), w.client()]
  w.server.set('lock:x', 'redlock', 10_000)
  const first = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  const others = [b, b, c, c].map(({ locks }) => w.watch(locks.mutex('x').acquire({ wait: '60s' })))
  await w.advance(9000)
  const times = w.net.log.filter((one) => one.port === b.port && one.at > 0).map(({ at }) => at)
  const gaps = times.slice(1).map((at, i) => at - times[i]!)
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(250)
  // The others stand behind: far fewer questions, from the first of their process.
  expect(w.net.count('acquire', c)).toBeLessThan(20)
  expect([first, ...others].map(({ state }) => state)).toEqual(Array(5).fill('pending'))
  w.server.del('lock:x')
  await w.advance(250)
  expect(first.state).toBe('done')
})

test('L11: exclusion with it is kept, in both directions', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  // Somebody deletes our key, and another library takes it.
  w.server.del('lock:x')
  w.server.set('lock:x', 'redlock', 60_000)
  await w.advance(3500)
  expect(held.signal.aborted).toBe(true)
  expect(w.holder('x')).toBe('redlock')
  expect(wait.state).toBe('pending')
})

test('C3: subscribed again, then all waits are asked for, in batches', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const names = Array.from({ length: 250 }, (_, i) => `n${i}`)
  const held = await Promise.all(names.map((name) => a.locks.mutex(name).acquire()))
  const waits = names.map((name) => w.watch(b.locks.mutex(name).acquire()))
  await w.advance()
  b.port.cutPushes()
  w.net.drop('push', '*', { of: b, times: Infinity })
  await Promise.all(held.map((lock) => lock.release()))
  const before = w.net.log.length
  b.port.mendPushes()
  await w.advance()
  const asked = w.net.log.slice(before)
  expect(asked.map(({ what, items }) => [what, items])).toEqual([
    ...Array.from({ length: 6 }, () => ['acquire', 40]),
    ['acquire', 10],
  ])
  expect(waits.filter(({ state }) => state === 'done').length).toBe(250)
  expect(believers(...waits.map(({ value }) => value))).toBe(250)
})

test('C3: nobody stands in line before its subscription is confirmed', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  b.port.subscribable = false
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: 2000 }))
  await w.advance(1500)
  expect(w.line('x')).toEqual([])
  await w.advance(600)
  expect(wait.error.code).toBe('ERR_TIMEOUT')
  expect(w.left()).toEqual(['lock:x'])
})
