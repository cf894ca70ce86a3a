// Permits in the simulated world: who is let in, in which order, and who is told.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

const [k] = keysOf('x', 'lock:')
const options = { limit: 5, ttl: '10s', wait: '120s' } as const

const take = (w: World, { locks }: SimClient, permits: number): Outcome<Lock> =>
  w.watch(locks.semaphore('x', options).acquire({ permits }))

const states = (...all: Outcome<unknown>[]): string[] => all.map(({ state }) => state)
const granted = (...all: Outcome<unknown>[]): boolean[] => all.map(({ state }) => state === 'done')

test('as many as the limit allows, and each has its own lease and fence', async () => {
  const w = new World()
  const clients = [w.client(), w.client(), w.client()]
  const all: Outcome<Lock>[] = []
  for (let i = 0; i < 7; i++) {
    all.push(take(w, clients[i % 3]!, 1))
    await w.advance(1)
  }
  expect(granted(...all)).toEqual([true, true, true, true, true, false, false])
  expect(new Set(all.slice(0, 5).map(({ value }) => value.fence)).size).toBe(5)
  expect(await clients[0]!.locks.semaphore('x', options).available()).toEqual({
    limit: 5,
    used: 5,
    available: 0,
    waiting: 2,
  })
  await all[3]!.value.release()
  await w.advance(1)
  expect(granted(...all.slice(5))).toEqual([true, false])
  expect(all[5]!.value.fence).toBeGreaterThan(all[4]!.value.fence)
})

test('a large request at the head is not overtaken by small ones behind it', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const [one, three] = [take(w, a, 1), take(w, b, 3)]
  await w.advance(1)
  const large = take(w, c, 4)
  await w.advance(1)
  const small = [take(w, a, 1), take(w, b, 1)]
  await w.advance(1)
  // One permit is free all the time: also for a newcomer.
  expect(await a.locks.semaphore('x', options).tryAcquire()).toBeNull()
  expect(states(large, ...small)).toEqual(['pending', 'pending', 'pending'])
  await one.value.release()
  await w.advance(1)
  expect(states(large, ...small)).toEqual(['pending', 'pending', 'pending'])
  await three.value.release()
  await w.advance(1)
  expect(granted(large, ...small)).toEqual([true, true, false])
})

test('a release of three lets in those who fit, each told by one message', async () => {
  const w = new World()
  const [a, b, c, d] = [w.client(), w.client(), w.client(), w.client()]
  const [three, two] = [take(w, a, 3), take(w, d, 2)]
  await w.advance(1)
  const waiting: Outcome<Lock>[] = []
  for (const [client, permits] of [
    [b, 1],
    [c, 2],
    [b, 1],
    [c, 1],
  ] as const) {
    waiting.push(take(w, client, permits))
    await w.advance(1)
  }
  const told: string[] = []
  const publish = w.server.publish.bind(w.server)
  w.server.publish = (channel, message) => {
    told.push(message.split(' ')[1]!)
    return publish(channel, message)
  }
  const before = w.net.count()
  await three.value.release()
  await w.advance(1)
  expect(granted(...waiting)).toEqual([true, true, false, false])
  expect(told).toEqual(['grant', 'grant', 'first'])
  expect(w.net.count() - before).toBe(1)
  await two.value.release()
  await w.advance(1)
  expect(granted(...waiting)).toEqual([true, true, true, true])
})

test('one who gives up lets in those behind it who fit', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  take(w, a, 3)
  await w.advance(1)
  const end = new AbortController()
  const { signal } = end
  const large = w.watch(b.locks.semaphore('x', options).acquire({ permits: 4, signal }))
  await w.advance(1)
  const small = take(w, c, 2)
  await w.advance(1)
  expect(states(large, small)).toEqual(['pending', 'pending'])
  end.abort(new Error('enough'))
  await w.advance(1)
  expect(states(large, small)).toEqual(['failed', 'done'])
})

test('dead holders end one by one, and the head asks when enough have ended', async () => {
  const w = new World()
  const [a, b, c, d] = [w.client(), w.client(), w.client(), w.client()]
  const [first, second] = [take(w, a, 2), take(w, b, 2)]
  await w.advance(3000)
  const third = take(w, c, 1)
  await w.advance(1)
  expect(granted(first, second, third)).toEqual([true, true, true])
  a.clock.freeze('stopped')
  await w.advance(1000)
  b.clock.freeze('stopped')
  const large = take(w, d, 3)
  await w.advance(1)
  const small = take(w, c, 1)
  const used: number[] = []
  const semaphore = d.locks.semaphore('x', options)
  while (large.state === 'pending' && w.clock.monotonic() < 30_000) {
    const { used: now } = await asked(w, semaphore.available())
    if (used.at(-1) !== now) used.push(now)
    await w.advance(5)
  }
  // The two of each dead one came back at once; the live one was renewed all the time.
  expect(used[0]).toBe(5)
  expect(used.length).toBeLessThanOrEqual(3)
  expect(states(large)).toEqual(['done'])
  expect(large.at).toBeLessThan(14_500)
  await w.advance(1)
  expect(third.value.signal.aborted).toBe(false)
  expect(states(small)).toEqual(['done'])
})

/** What a call answers, with the world's time going on as far as it needs. */
async function asked<T>(w: World, promise: Promise<T>): Promise<T> {
  const outcome = w.watch(promise)
  while (outcome.state === 'pending') await w.advance(1)
  return outcome.value
}

test('a release tells the head that it may ask sooner, and only then', async () => {
  const w = new World()
  const [dead, live, c] = [w.client(), w.client(), w.client()]
  const short = { ...options, limit: 2, ttl: 3000 }
  const first = w.watch(dead.locks.semaphore('x', short).acquire())
  await w.advance(1)
  dead.clock.freeze('stopped')
  const second = w.watch(live.locks.semaphore('x', { ...short, ttl: '60s' }).acquire())
  await w.advance(1)
  const large = w.watch(c.locks.semaphore('x', short).acquire({ permits: 2 }))
  await w.advance(100)
  expect(granted(first, second, large)).toEqual([true, true, false])
  await second.value.release()
  await w.advance(3000)
  expect(states(large)).toEqual(['done'])
  expect(large.at).toBeLessThan(3100)
})

test('one who waits asks when enough of them have ended, and not when the last one has', async () => {
  const w = new World()
  const [dead, live, c] = [w.client(), w.client(), w.client()]
  const first = w.watch(dead.locks.semaphore('x', { ...options, ttl: 3000 }).acquire())
  await w.advance(1)
  dead.clock.freeze('stopped')
  const long = { ...options, ttl: '60s' } as const
  const second = w.watch(live.locks.semaphore('x', long).acquire({ permits: 4 }))
  await w.advance(1)
  const next = take(w, c, 1)
  await w.advance(3100)
  expect(granted(first, second, next)).toEqual([true, true, true])
})

test('a release that changes nothing for the head is not told to it', async () => {
  const w = new World()
  const [a, b, c, d] = [w.client(), w.client(), w.client(), w.client()]
  const held: Outcome<Lock>[] = []
  for (const [client, ttl] of [
    [a, '5s'],
    [b, '10s'],
    [c, '60s'],
  ] as const) {
    held.push(w.watch(client.locks.semaphore('x', { limit: 3, ttl }).acquire()))
    await w.advance(1)
  }
  const large = w.watch(d.locks.semaphore('x', { limit: 3, wait: '60s' }).acquire({ permits: 3 }))
  await w.advance(1)
  const told: string[] = []
  const publish = w.server.publish.bind(w.server)
  w.server.publish = (channel, message) => {
    told.push(message.split(' ')[1]!)
    return publish(channel, message)
  }
  await held[0]!.value.release()
  await w.advance(1)
  expect(told).toEqual([])
  await held[2]!.value.release()
  await w.advance(1)
  expect(told).toEqual(['first'])
  await held[1]!.value.release()
  await w.advance(1)
  expect([...told, large.state]).toEqual(['first', 'grant', 'done'])
})

test('all permits of a holder are renewed, for as long as it lives', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = take(w, a, 4)
  await w.advance(95_000)
  expect(held.value.signal.aborted).toBe(false)
  expect(await asked(w, b.locks.semaphore('x', options).available())).toMatchObject({ used: 4 })
  expect(await asked(w, b.locks.semaphore('x', options).tryAcquire({ permits: 2 }))).toBeNull()
  a.clock.freeze('stopped')
  await w.advance(10_001)
  expect(await asked(w, b.locks.semaphore('x', options).available())).toMatchObject({ used: 0 })
})

test('K tells strangers, and a mutex and permits of one name exclude each other', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = take(w, a, 1)
  await w.advance(1)
  expect(w.holder('x')).toBe('hf:permits')
  const mutex = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance(1)
  const behind = take(w, a, 1)
  await w.advance(1)
  // First come, first served, whatever is asked for.
  expect(states(mutex, behind)).toEqual(['pending', 'pending'])
  await held.value.release()
  await w.advance(1)
  expect(states(mutex, behind)).toEqual(['done', 'pending'])
  expect(await asked(w, a.locks.semaphore('x', options).available())).toMatchObject({
    available: 0,
  })
  await mutex.value.release()
  await w.advance(1)
  expect(states(behind)).toEqual(['done'])
  await behind.value.release()
  expect(w.left()).toEqual([])
})

test('permits and readers of one name exclude each other', async () => {
  const w = new World()
  const a = w.client()
  const held = take(w, a, 1)
  await w.advance(1)
  const reader = `${'e'.repeat(32)}.1`
  expect(w.ask('x', reader, { mode: 's', wait: false })[0]).toBe('taken')
  await held.value.release()
  expect(w.ask('x', reader, { mode: 's', wait: false })[0]).toBe('granted')
  const refused = w.watch(a.locks.semaphore('x', options).acquire({ wait: 0 }))
  await w.advance(1)
  expect(refused.error).toMatchObject({ code: 'ERR_TAKEN', holder: { mode: 'shared' } })
})

test('K deleted or taken by a stranger: never more than the limit afterwards', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = take(w, a, 4)
  await w.advance(1)
  w.server.del(k)
  expect(await asked(w, b.locks.semaphore('x', options).tryAcquire({ permits: 2 }))).toBeNull()
  expect(w.holder('x')).toBe('hf:permits')
  w.server.set(k, 'redlock', 1000)
  expect(await asked(w, b.locks.semaphore('x', options).tryAcquire())).toBeNull()
  await w.advance(1001)
  // Not renewed meanwhile: what they hold is theirs still.
  expect(held.value.signal.aborted).toBe(false)
  expect(await asked(w, b.locks.semaphore('x', options).tryAcquire({ permits: 2 }))).toBeNull()
})

test('who gives up is told of the permits that it waited for, which end first', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  await a.locks.semaphore('x', { limit: 5, ttl: 60_000 }).acquire({ permits: 4 })
  const { owner } = await b.locks.semaphore('x', { limit: 5, ttl: 10_000 }).acquire()
  const wait = w.watch(c.locks.semaphore('x', { limit: 5, wait: 60 }).acquire())
  await w.advance(200)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT', holder: { owner } })
})
