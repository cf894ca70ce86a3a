// Renewal: at a third, together, tried again; and what it must not do.
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { World } from '../kit/world.js'

/** What was said on these channels while the function ran. */
async function listening(names: string[], run: () => Promise<void>): Promise<string[]> {
  const said: string[] = []
  const ends = names.map((name) => {
    const listener = (): void => void said.push(name)
    channel(`holdfast:${name}`).subscribe(listener)
    return () => channel(`holdfast:${name}`).unsubscribe(listener)
  })
  await run()
  for (const end of ends) end()
  return said
}

test('a lease is renewed at a third of it', async () => {
  const w = new World()
  const a = w.client()
  await a.locks.mutex('x').acquire()
  await w.advance(3200)
  expect(w.net.count('renew')).toBe(0)
  await w.advance(200)
  expect(w.net.count('renew')).toBe(1)
  await w.advance(60_000)
  expect(w.net.count('renew')).toBe(19)
})

test('so is the shortest one: ten times a second, and no more', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { ttl: 300 }).acquire()
  await w.advance(3000)
  expect(lock.signal.aborted).toBe(false)
  expect(w.net.count('renew')).toBeGreaterThanOrEqual(29)
  expect(w.net.count('renew')).toBeLessThanOrEqual(32)
  await lock.release()
  await w.advance(1000)
  expect(w.net.count('renew')).toBeLessThanOrEqual(32)
})

test('250 leases take one timer, and three calls of at most 100 a third', async () => {
  const w = new World()
  const a = w.client()
  const names = Array.from({ length: 250 }, (_, i) => `n${i}`)
  const locks = await Promise.all(names.map((name) => a.locks.mutex(name).acquire()))
  expect(w.clock.timers).toBe(1)
  await w.advance(3400)
  expect(w.net.log.filter(({ what }) => what === 'renew').map(({ items }) => items)).toEqual([
    100, 100, 50,
  ])
  expect(Math.min(...locks.map(({ validFor }) => validFor))).toBeGreaterThan(9000)
})

test('of more than 100 the rest goes when the event loop has come round, in full calls', async () => {
  const w = new World()
  const a = w.client()
  const names = Array.from({ length: 450 }, (_, i) => `n${i}`)
  const locks = await Promise.all(names.map((name) => a.locks.mutex(name).acquire()))
  const calls = (): number[] =>
    w.net.log.filter(({ what }) => what === 'renew').map(({ items }) => items)
  // The world's timers are run one by one, and what each began is sent before the next.
  let mostInOneTurn = 0
  const setTimer = a.clock.setTimer.bind(a.clock)
  a.clock.setTimer = (callback, ms) => {
    const turn = (): void => {
      const before = calls().length
      callback()
      setTimeout(() => {
        mostInOneTurn = Math.max(mostInOneTurn, calls().length - before)
      })
    }
    return setTimer(turn, ms)
  }
  await w.advance(3400)
  expect(calls()).toEqual([100, 100, 100, 100, 50])
  expect(mostInOneTurn).toBe(1)
  expect(Math.min(...locks.map(({ validFor }) => validFor))).toBeGreaterThan(9000)
})

test('a lock that is handed on here before its turn to be renewed is renewed for whoever has it then', async () => {
  const w = new World()
  const { locks, clock } = w.client({}, { localHandovers: 16 })
  const names = Array.from({ length: 100 }, (_, i) => `n${i}`)
  await Promise.all(names.map((name) => locks.mutex(name).acquire()))
  const first = await locks.mutex('x').acquire()
  const second = w.watch(locks.mutex('x', { wait: 60_000 }).acquire())
  const setTimer = clock.setTimer.bind(clock)
  let handed = false
  clock.setTimer = (callback, ms) => {
    const next = (): void => {
      handed = true
      void first.release()
      setTimer(callback, 0)
    }
    // The turn in which the rest is renewed.
    return setTimer(ms === 0 && !handed ? next : callback, ms)
  }
  await w.advance(3400)
  expect([handed, second.state]).toEqual([true, 'done'])
  expect(second.value.validFor).toBeGreaterThan(9000)
  await w.advance(60_000)
  expect(second.value.signal.aborted).toBe(false)
})

test('those that are due soon are renewed along', async () => {
  const w = new World()
  const a = w.client()
  for (const name of ['a', 'b', 'c']) {
    await a.locks.mutex(name).acquire()
    await w.advance(100)
  }
  await w.advance(3200)
  expect(w.net.log.filter(({ what }) => what === 'renew').map(({ items }) => items)).toEqual([3])
})

test('a batch that fails is tried again, and delays no other', async () => {
  const w = new World()
  const a = w.client()
  const names = Array.from({ length: 150 }, (_, i) => `n${i}`)
  const locks = await Promise.all(names.map((name) => a.locks.mutex(name).acquire()))
  w.net.drop('request', 'renew')
  await w.advance(3400)
  expect(locks[0]!.validFor).toBeLessThan(6100)
  expect(locks[149]!.validFor).toBeGreaterThan(9000)
  await w.advance(2000)
  expect(Math.min(...locks.map(({ validFor }) => validFor))).toBeGreaterThan(7000)
})

test('held, in jeopardy, held again: each is told once', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  const said = await listening(['jeopardy', 'renewed', 'lost'], async () => {
    const end = w.net.silence()
    await w.advance(6000)
    expect(w.net.count('renew')).toBeGreaterThan(2)
    end()
    await w.advance(1000)
    lock.assertHeld()
  })
  expect(said).toEqual(['jeopardy', 'renewed'])
})

test('in jeopardy and then lost', async () => {
  const w = new World()
  const a = w.client()
  await a.locks.mutex('x').acquire()
  const said = await listening(['jeopardy', 'renewed', 'lost'], async () => {
    w.net.silence()
    await w.advance(10_000)
  })
  expect(said).toEqual(['jeopardy', 'lost'])
})

test('a failed renewal changes nothing of what is believed', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  w.net.silence()
  await w.advance(5000)
  expect(lock.validFor).toBe(10_000 - 5000 - 102 - 500)
})

test('a release that races a renewal leaves no key, whichever comes first', async () => {
  for (const late of ['renew', 'release']) {
    const w = new World()
    const a = w.client()
    const lock = await a.locks.mutex('x').acquire()
    w.net.delay('request', late, 50)
    const asked = w.watch(lock.verify())
    const released = w.watch(lock.release())
    await w.advance(100)
    expect(released.value).toEqual({ released: true })
    expect(asked.state).toBe('failed')
    expect(w.left()).toEqual([])
    expect(w.clock.timers).toBe(0)
    expect(lock.signal.aborted).toBe(false)
  }
})

test('verify renews, and says when the lock is not ours any more', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  await w.advance(2000)
  await lock.verify()
  expect(lock.validFor).toBeGreaterThan(9300)
  w.server.set('lock:x', 'redlock')
  await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
  expect(lock.signal.aborted).toBe(true)
})

test('verify with a silent server: not known, and the lease stays as it was', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  const end = w.net.silence()
  const asked = w.watch(lock.verify())
  await w.advance(500)
  expect(asked.error.code).toBe('ERR_UNAVAILABLE')
  lock.assertHeld()
  end()
  await lock.verify()
})

test('extend to a longer time: at once, and by renewals from then on', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  await lock.extend('60s')
  expect(lock.validFor).toBeGreaterThan(56_000)
  expect(w.server.space.expiry(keysOf('x', 'lock:')[0])).toBe(w.serverMs + 60_000)
  await w.advance(20_100)
  expect(w.net.count('renew')).toBe(2)
  expect(lock.validFor).toBeGreaterThan(56_000)
})

test('extend to a shorter time: believed no longer, whatever the server still has', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  await lock.extend(600)
  expect(lock.validFor).toBeLessThan(600)
  w.net.silence()
  await w.advance(600)
  expect(lock.signal.aborted).toBe(true)
})

test('extend without renewal sets the time once', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { renew: false }).acquire()
  await lock.extend('30s')
  await w.advance(28_000)
  lock.assertHeld()
  await w.advance(1000)
  expect(lock.signal.aborted).toBe(true)
  expect(w.net.count('renew')).toBe(1)
  await expect(lock.extend('30s')).rejects.toMatchObject({ code: 'ERR_LOST' })
})

test('extend with a silent server rejects, and believes in nothing more', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  w.net.silence()
  const asked = w.watch(lock.extend('60s'))
  await w.advance(500)
  expect(asked.error.code).toBe('ERR_UNAVAILABLE')
  expect(lock.validFor).toBe(10_000 - 500 - 102 - 500)
})

test('extend to a shorter time with a silent server: the signal aborts at that time', async () => {
  const w = new World()
  const lock = await w.client().locks.mutex('x').acquire()
  let lost = NaN
  lock.signal.addEventListener('abort', () => (lost = w.clock.monotonic()))
  const from = w.clock.monotonic()
  w.net.silence()
  const asked = w.watch(lock.extend(300))
  await w.advance(1000)
  expect(lost - from).toBeLessThan(300)
  expect(asked.error.code).toBe('ERR_LOST')
})

test('a renewal is not sent once the release has begun', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  await lock.release()
  await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_LOST' })
  await w.advance(30_000)
  expect(w.net.count('renew')).toBe(0)
})
