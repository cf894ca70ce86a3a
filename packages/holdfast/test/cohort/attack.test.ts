// Interleavings that were looked for on purpose: what a hand-over inside a process, or a lock that is kept, must
// not break for the calls around it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { believers, World, type Outcome, type SimClient } from '../kit/world.js'

const LOCAL = { localHandovers: 16 } as const
const LINGER = { linger: 500 } as const

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A client that can be told that somebody wants what it keeps. */
async function warm(world: World, options: object = LOCAL): Promise<SimClient> {
  const client = world.client({}, options)
  void client.locks
    .mutex('warm-up')
    .acquire()
    .then((lock) => {
      void client.locks.semaphore('warm-up', { limit: 1 }).use(() => {})
      setImmediate(() => void lock.release())
    })
  await world.advance(1)
  await world.advance(1)
  world.net.log.length = 0
  return client
}

test('a call that was aborted before it began leaves nothing', async () => {
  const world = new World()
  const { locks } = world.client({}, LOCAL)
  const signal = AbortSignal.abort('early')
  const names = async (from: number): Promise<number> => {
    for (let i = from; i < from + 2000; i++) {
      await locks
        .mutex(`name ${i}`)
        .acquire({ signal })
        .catch(() => undefined)
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await names(0)
  expect((await names(2000)) - before).toBeLessThan(2_000_000)
})

test('several names at once, one of them kept here: one try has them', async () => {
  const world = new World()
  const a = await warm(world)
  await world.now((await world.now(a.locks.mutex('a', LINGER).acquire())).release())
  expect(world.holder('a')).not.toBe(null)
  expect(await world.now(a.locks.all(['a', 'b']).tryAcquire())).not.toBe(null)
})

test('one try on other terms of what is kept here, beside another call: it has it', async () => {
  const world = new World()
  const a = await warm(world)
  await world.now((await world.now(a.locks.mutex('a', LINGER).acquire())).release())
  expect(world.holder('a')).not.toBe(null)
  const beside = world.watch(a.locks.mutex('b').tryAcquire())
  const tried = world.watch(a.locks.mutex('a').tryAcquire())
  await world.advance()
  expect([beside.value, tried.value].every((one) => one !== null)).toBe(true)
})

test('a short maxHold is of each holder, and hinders no hand-over', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mutex = a.locks.mutex('a', { maxHold: 1000 })
  const calls = Array.from({ length: 5 }, () => world.watch(mutex.use(() => {})))
  await world.advance()
  expect(calls.every(({ state }) => state === 'done')).toBe(true)
  expect(world.net.count('release')).toBe(1)
})

test.each([500, 60_000])('a lease that was set to %i ms is not handed on', async (ms) => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const locks: Lock[] = []
  for (let i = 0; i < 3; i++)
    void a.locks
      .mutex('a')
      .acquire()
      .then((lock) => locks.push(lock))
  await world.advance()
  await world.now(locks[0]!.extend(ms))
  await world.advance(300)
  await world.now(locks[0]!.release())
  expect(locks).toHaveLength(2)
  // Of its own length, as asked for: so long it may stand still, and so long the others wait if it dies.
  expect(locks[1]!.validFor).toBeGreaterThan(9000)
  expect(locks[1]!.validFor).toBeLessThan(10_000)
})

test('an abort handler that lets go of another lock during close leaves no timer', async () => {
  const world = new World()
  const a = await warm(world)
  const first = await world.now(a.locks.mutex('a', LINGER).acquire())
  const second = await world.now(a.locks.mutex('b', LINGER).acquire())
  first.signal.addEventListener('abort', () => void second.release())
  await world.now(a.locks.close())
  expect(world.left()).toEqual([])
  expect(world.clock.timers).toBe(0)
})

test('an abort handler that asks for a lock, or closes again, during close is told so', async () => {
  const world = new World()
  const a = await warm(world)
  const b = world.client()
  await world.now(b.locks.mutex('b').acquire())
  const first = await world.now(a.locks.mutex('a', LINGER).acquire())
  const mutex = a.locks.mutex('b', { wait: Infinity })
  let waits: Outcome<Lock> | undefined
  let closes: Promise<void> | undefined
  first.signal.addEventListener('abort', () => {
    closes = a.locks.close()
    waits = world.watch(mutex.acquire())
  })
  const closing = a.locks.close()
  await world.now(closing)
  expect(waits!.error.code).toBe('ERR_CLOSED')
  expect(closes).toBe(closing)
  expect(world.line('b')).toEqual([])
})

test('events: whoever calls from inside of a hand-over', async () => {
  for (const channel of ['holdfast:granted', 'holdfast:released']) {
    const world = new World()
    const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
    const had: Lock[] = []
    const mutex = a.locks.mutex('a', { wait: Infinity })
    const abort = new AbortController()
    let times = 0
    const more = (): void => {
      if (times++ > 40) return
      void mutex.acquire().then((lock) => {
        had.push(lock)
        expect(believers(...had)).toBe(1)
        void lock.release()
      })
      if (times === 5) abort.abort('now')
    }
    subscribe(channel, more)
    const calls = [undefined, undefined, undefined, abort.signal, undefined].map((signal) =>
      world.watch(mutex.acquire({ signal }).then((lock) => lock.release())),
    )
    const theirs = world.watch(b.locks.mutex('a').use(() => {}))
    await world.advance(100)
    unsubscribe(channel, more)
    await world.advance(20_000)
    expect(calls.every(({ state }) => state !== 'pending')).toBe(true)
    expect(theirs.state).toBe('done')
    expect(world.left()).toEqual([])
    await world.now(a.locks.close())
    await world.now(b.locks.close())
    expect(world.clock.timers).toBe(0)
  }
})

test('close, and an abort, in the turn in which something that was kept is given back for a call', async () => {
  for (const way of ['close', 'abort'] as const) {
    const world = new World()
    const a = await warm(world)
    await world.now((await world.now(a.locks.mutex('a', LINGER).acquire())).release())
    const abort = new AbortController()
    // On other terms: it is asked for anew.
    const call = world.watch(
      a.locks.mutex('a', { renew: false }).acquire({ wait: 5000, signal: abort.signal }),
    )
    if (way === 'abort') abort.abort('away')
    const closing = a.locks.close()
    await world.advance()
    expect(call.state).toBe('failed')
    await closing
    expect([world.left(), world.clock.timers]).toEqual([[], 0])
  }
})

test('a renewal that tells of a wish that it be let go, while it is kept: it is given back', async () => {
  const world = new World()
  const [a, b] = [await warm(world), world.client()]
  const terms = { ...LINGER, ttl: 1500 }
  const lock = await world.now(a.locks.mutex('a', terms).acquire())
  world.net.drop('push', 'revoked')
  await world.now(b.locks.revoke('a'))
  const held = world.net.hold('reply', 'renew')
  await world.advance(600)
  expect(held.count).toBe(1)
  await world.now(lock.release())
  expect(world.holder('a')).toBe(lock.owner)
  held.release()
  await world.advance()
  expect(world.holder('a')).toBe(null)
})

test('what this process has ended itself is not handed on in it, whatever comes of the message', async () => {
  for (const how of [{ now: true }, {}]) {
    const world = new World()
    const a = await warm(world)
    world.net.drop('push', 'forced', { times: Infinity })
    const mutex = a.locks.mutex('a', LINGER)
    const kept = await world.now(mutex.acquire())
    await world.now(kept.release())
    await world.now(a.locks.forceRelease('a', how))
    const next = await world.now(mutex.acquire())
    expect(next.owner).not.toBe(kept.owner)
    const waits = world.watch(mutex.acquire())
    await world.now(a.locks.forceRelease('a', how))
    expect(next.signal.aborted).toBe(true)
    await world.now(next.release())
    expect(waits.value.owner).not.toBe(next.owner)
    expect(waits.value.fence).toBeGreaterThan(next.fence)
  }
})

/** Calls of one client that wait for what another one has, and a question of theirs that is never answered. */
async function asking(world: World, a: SimClient, options: object): Promise<Lock[]> {
  const b = world.client()
  const theirs = await world.now(b.locks.mutex('a').acquire())
  const mine: Lock[] = []
  const mutex = a.locks.mutex('a', { wait: Infinity, ...options })
  for (let i = 0; i < 2; i++) void mutex.acquire().then((lock) => mine.push(lock))
  await world.advance(100)
  world.net.drop('reply', 'acquire', { of: a })
  a.port.mendPushes()
  await world.advance()
  await world.now(theirs.release())
  expect(mine).toHaveLength(1)
  return mine
}

test('a question that is never answered gives nothing back of what is kept', async () => {
  const world = new World()
  const a = await warm(world)
  const mine = await asking(world, a, { linger: 1000 })
  await world.now(mine[0]!.release())
  await world.now(mine[1]!.release())
  expect(world.holder('a')).toBe(mine[1]!.owner)
  await world.advance(600)
  expect(world.holder('a')).toBe(mine[1]!.owner)
})

test('nor of what its last holder has handed over to another process', async () => {
  const world = new World()
  const a = await warm(world)
  const mine = await asking(world, a, {})
  await world.now(mine[0]!.release())
  expect(mine[1]!.owner).toBe(mine[0]!.owner)
  const token = await world.now(mine[1]!.handOver())
  await world.advance(600)
  const taken = await world.now(world.client().locks.takeOver(token))
  expect(taken.isHeld).toBe(true)
})

test('nothing is granted after the end of the last call that waits for it', async () => {
  const world = new World()
  const a = await warm(world)
  const held = world.net.hold('request', 'acquire')
  const call = world.watch(a.locks.mutex('a', { wait: 100 }).acquire())
  await world.advance(150)
  expect(call.state).toBe('failed')
  world.net.drop('reply', 'acquire')
  held.release()
  await world.advance()
  expect(world.holder('a')).toBe(null)
})

test('that somebody wanted it counts for one grant', async () => {
  const world = new World()
  const [a, b] = [await warm(world), world.client()]
  const mutex = a.locks.mutex('a', { ...LINGER, localHandovers: 1 })
  const first = await world.now(mutex.acquire())
  const theirs = world.watch(b.locks.mutex('a').use(() => {}))
  await world.advance()
  const [second, third] = [world.watch(mutex.acquire()), world.watch(mutex.acquire())]
  await world.advance()
  await world.now(first.release())
  await world.now(second.value.release())
  expect([theirs.state, third.state]).toEqual(['done', 'done'])
  expect(third.value.owner).not.toBe(first.owner)
  await world.now(third.value.release())
  expect(world.holder('a')).toBe(third.value.owner)
})

test('what is kept keeps its process alive until it is given back, and no longer', async () => {
  const world = new World()
  const [a, b] = [await warm(world), world.client()]
  const alive: unknown[] = []
  const setTimer = a.clock.setTimer.bind(a.clock)
  a.clock.setTimer = (callback, ms, ...more: unknown[]) => {
    if (ms === 400) alive.push(...more)
    return setTimer(callback, ms)
  }
  const lock = await world.now(a.locks.mutex('a', { linger: 400 }).acquire())
  const before = a.clock.timers
  await world.now(lock.release())
  expect(alive).toEqual([true])
  expect(a.clock.timers).toBe(before + 1)
  expect(await world.now(b.locks.mutex('a').tryAcquire())).toBe(null)
  expect([world.holder('a'), a.clock.timers]).toEqual([null, 0])
})

test('close while it is held again: no timer is left', async () => {
  const world = new World()
  const a = await warm(world)
  const mutex = a.locks.mutex('a', LINGER)
  await world.now((await world.now(mutex.acquire())).release())
  await world.now(mutex.acquire())
  await world.now(a.locks.close())
  expect([world.left(), a.clock.timers]).toEqual([[], 0])
})

test('a call that comes in the turn of a release asks together with those who wait', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const had: string[] = []
  const mutex = a.locks.mutex('a', { localHandoverMs: 1 })
  const lock = await world.now(mutex.acquire())
  const second = mutex.use(() => void had.push('second'))
  await world.advance(5)
  world.net.log.length = 0
  void lock.release()
  const third = mutex.use(() => void had.push('third'))
  await world.advance(5)
  await Promise.all([second, third])
  expect(had).toEqual(['second', 'third'])
  expect(world.net.count('acquire')).toBe(1)
  expect(world.left()).toEqual([])
})

test('of a signal nothing is left behind, however its calls end', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const { signal } = new AbortController()
  const mutex = a.locks.mutex('a', { signal, wait: 100 })
  const calls = Array.from({ length: 3 }, () => world.watch(mutex.acquire()))
  await world.advance()
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await world.now(calls[0]!.value.release())
  await world.advance(200)
  expect(calls.map(({ state }) => state)).toEqual(['done', 'done', 'failed'])
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('those who wait behind a holder of their own process hear of close, whoever else has given up', async () => {
  for (const order of [
    [{}, { ttl: 5000 }],
    [{ ttl: 5000 }, {}],
  ]) {
    const world = new World()
    const a = world.client({}, LOCAL)
    const terms = { wait: Infinity }
    const abort = new AbortController()
    const calls = order.map((own) => a.locks.mutex('a', { ...terms, ...own }))
    await world.now(calls[0]!.acquire())
    const waits = world.watch(calls[0]!.acquire())
    const other = world.watch(calls[1]!.acquire({ signal: abort.signal }))
    await world.advance()
    abort.abort('away')
    await world.advance()
    expect([waits.state, other.state]).toEqual(['pending', 'failed'])
    const asked = world.net.count('acquire')
    await world.now(a.locks.close())
    expect(waits.error.code).toBe('ERR_CLOSED')
    expect(world.net.count('acquire')).toBe(asked)
  }
})

test('steal takes it from this process too, and from those who wait in it', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine: Lock[] = []
  for (let i = 0; i < 3; i++)
    void a.locks
      .mutex('a')
      .acquire()
      .then((lock) => mine.push(lock))
  await world.advance()
  let inside = 0
  const stolen = world.watch(
    a.locks.lockManager().request('a', { steal: true }, (lock) => {
      inside++
      expect(believers(...mine)).toBe(0)
      return lock.name
    }),
  )
  await world.advance(10)
  expect([stolen.state, inside]).toEqual(['done', 1])
  expect(mine).toHaveLength(2)
  expect([mine[0]!.isHeld, mine[1]!.isHeld]).toEqual([false, true])
})

test('steal of what is kept, and an election of its name: they have it at once', async () => {
  const world = new World()
  const a = await warm(world)
  const keep = async (): Promise<void> => {
    await world.now((await world.now(a.locks.mutex('a', LINGER).acquire())).release())
    expect(world.holder('a')).not.toBe(null)
  }
  await keep()
  await world.now(a.locks.lockManager().request('a', { steal: true }, () => 0))
  await keep()
  const leader = await world.now(a.locks.election('a').campaign())
  expect(leader.isLeader).toBe(true)
})

test('an answer to a renewal that comes while it is kept counts for whoever has it next', async () => {
  const world = new World()
  const a = await warm(world)
  const mutex = a.locks.mutex('a', { linger: 1000, ttl: 1500 })
  const first = await world.now(mutex.acquire())
  const held = world.net.hold('reply', 'renew')
  await world.advance(510)
  expect(held.count).toBe(1)
  await world.now(first.release())
  held.release()
  await world.advance()
  const next = await world.now(mutex.acquire())
  expect(next.owner).toBe(first.owner)
  await world.advance(6000)
  expect(next.isHeld).toBe(true)
})

test('of a name that was kept and then released nothing is left here', async () => {
  const world = new World()
  const { locks } = await warm(world)
  const names = async (from: number): Promise<number> => {
    for (let i = from; i < from + 1500; i++) {
      const mutex = locks.mutex(`name ${i}`, { linger: 1 })
      await mutex.use(() => {})
      // Of another length it is not kept.
      await mutex.use((lock) => lock.extend(9000))
    }
    await world.advance(5)
    world.server.flush()
    world.net.log.length = 0
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await names(0)
  expect((await names(1500)) - before).toBeLessThan(1_000_000)
})

test('who waits elsewhere is passed over by no more calls because the name is kept', async () => {
  for (const lost of [false, true]) {
    const world = new World()
    const [a, b] = [await warm(world), world.client()]
    const had: string[] = []
    const use = (client: SimClient, who: string, options = {}): void =>
      void client.locks.mutex('a', { wait: Infinity, ...options }).use(async () => {
        had.push(who)
        await new Promise<void>((resolve) => world.clock.setTimer(resolve, 1))
      })
    // One after the other, so that it is kept each time; then all at once.
    for (let i = 0; i < 30; i++) {
      use(a, 'k', LINGER)
      await world.advance(2)
    }
    expect(world.net.count('acquire', a)).toBe(1)
    for (let i = 0; i < 40; i++) use(a, 'a', LINGER)
    if (lost) world.net.drop('push', 'wanted', { times: Infinity })
    use(b, 'b')
    await world.advance(100)
    expect(had.join('')).toBe(`${'k'.repeat(30)}${'a'.repeat(17)}b${'a'.repeat(23)}`)
  }
})

test('close in the turn of a hand-over: who was next hears of it, and nothing is left', async () => {
  for (const renewing of [false, true]) {
    const world = new World()
    const a = world.client({}, LOCAL)
    const mutex = a.locks.mutex('a', { ttl: 3000 })
    const first = await world.now(mutex.acquire())
    const next = world.watch(mutex.acquire())
    const held = world.net.hold('reply', 'renew')
    await world.advance(renewing ? 1000 : 0)
    expect(held.count).toBe(renewing ? 1 : 0)
    void first.release()
    await world.now(a.locks.close())
    held.release()
    await world.advance()
    expect(next.error.code).toBe('ERR_CLOSED')
    expect([world.left(), a.clock.timers]).toEqual([[], 0])
  }
})
