// What is written into a history, when, in how many calls, and what happens where that fails.
import { hostname } from 'node:os'
import { channel } from 'node:diagnostics_channel'
import { afterEach, expect, test } from 'vitest'
import {
  type HistoryEntry,
  type HistoryPage,
  Holdfast,
  type HoldfastEvents,
  type LockState,
} from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

const PREFIX = '{lock:}:hf:prefix-history:lock:'
const INDEX = '{lock:}:hf:prefix-index:lock:'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** The failures that are told. */
function failures(): HoldfastEvents['holdfast:history-failed'][] {
  const told: HoldfastEvents['holdfast:history-failed'][] = []
  const listener = (message: unknown): void => {
    told.push(message as HoldfastEvents['holdfast:history-failed'])
  }
  channel('holdfast:history-failed').subscribe(listener)
  ends.push(() => channel('holdfast:history-failed').unsubscribe(listener))
  return told
}

const recorded = (world: World, label = 'a', options = {}): SimClient =>
  world.client({}, { history: true, label, ...options })

async function done<T>(world: World, promise: Promise<T>, ms = 0): Promise<T> {
  const outcome: Outcome<T> = world.watch(promise)
  await world.advance(ms)
  if (outcome.state === 'failed') throw outcome.error
  expect(outcome.state).toBe('done')
  return outcome.value
}

/** What the server has of the prefix, oldest first, without asking by way of a client. */
function written(world: World, key = PREFIX): string[] {
  world.server.keys()
  const all = world.server.space.stream(key).read(false, null, Infinity)
  return all.map(({ values: [event, name] }) => `${event} ${name}`)
}

function indexed(world: World): string[] {
  world.server.keys()
  const set = world.server.space.zset(INDEX)
  return set.slice(0, set.size).map(({ member }) => member.slice(9))
}

const history = async (
  world: World,
  locks: Holdfast,
  name?: string,
): Promise<readonly HistoryEntry[]> =>
  (await done(world, locks.history(name, { limit: 1000 }))).entries

test('what happens in a tenth of a second is one call', async () => {
  const world = new World()
  const { locks, port } = recorded(world)
  for (let i = 0; i < 20; i++) {
    const lock = await done(world, locks.mutex(`n${i}`).acquire())
    await done(world, lock.release(), 4)
  }
  expect(world.net.count('history', { port })).toBe(0)
  await world.advance(20)
  expect(world.net.count('history', { port })).toBe(1)
  expect(written(world)).toHaveLength(40)
  // The names came and went before anybody could look for them.
  expect(indexed(world)).toEqual([])
  await world.advance(10_000)
  expect(world.net.count('history', { port })).toBe(1)
  await locks.close()
  expect(world.clock.timers).toBe(0)
})

test('without the option nothing is written, heard or kept', async () => {
  const world = new World()
  const { locks, port } = world.client()
  const heard = (name: string): boolean => channel(`holdfast:${name}`).hasSubscribers
  for (const name of ['released', 'lost', 'revoked', 'renewed', 'deadlock'])
    expect(heard(name)).toBe(false)
  const lock = await done(world, locks.mutex('x').acquire())
  await done(world, lock.release(), 1000)
  expect(world.net.log.map(({ what }) => what)).toEqual(['hello', 'acquire', 'release'])
  const other = recorded(world)
  expect(heard('released')).toBe(true)
  // What is another Holdfast's is none of its business.
  const again = await done(world, locks.mutex('x').acquire())
  await done(world, again.release(), 1000)
  expect(world.net.count('history')).toBe(0)
  await other.locks.close()
  expect(heard('released')).toBe(false)
  expect(world.net.count('history', { port })).toBe(0)
})

test('a wait, and how each ends', async () => {
  const world = new World()
  const { locks: a } = recorded(world)
  const { locks: b } = recorded(world, 'b')
  const held = await done(world, a.mutex('x').acquire())
  const stop = new AbortController()
  const waits = [
    b.mutex('x').acquire({ wait: 1000 }),
    b.mutex('x').acquire({ signal: stop.signal }),
    b.readWrite('x').read().acquire({ wait: '1h' }),
  ].map((wait) => world.watch(wait))
  await world.advance(500)
  stop.abort(new Error('enough'))
  await world.advance(1000)
  await done(world, held.release())
  expect(waits.map(({ state }) => state)).toEqual(['failed', 'failed', 'done'])
  // One that is refused at once is no wait.
  expect(await done(world, b.mutex('x').tryAcquire())).toBeNull()
  void waits[2]!.value.release()
  await world.advance(300)
  const entries = (await history(world, b)).filter(({ who }) => who.label === 'b').toReversed()
  expect(entries.filter(({ event }) => event === 'waiting')).toHaveLength(3)
  // All of one Holdfast, also what is no lock.
  const [client] = waits[2]!.value.owner.split('.')
  for (const one of entries) expect(one.client).toBe(client)
  expect(entries.slice(3)).toMatchObject([
    { event: 'gave-up', reason: 'aborted', waited: 500, name: 'x', mode: 'exclusive' },
    { event: 'gave-up', reason: 'timeout', waited: 1000 },
    {
      event: 'granted',
      mode: 'shared',
      waited: 1500,
      pushed: true,
      local: false,
      fence: waits[2]!.value.fence,
    },
    { event: 'released', released: true, held: 0, owner: waits[2]!.value.owner },
  ])
  await a.close()
  await b.close()
  expect(world.left()).toEqual([PREFIX])
})

test("the time of an entry is the server's, when it happened", async () => {
  const world = new World()
  const { locks } = recorded(world)
  world.serverStep = 5000
  const lock = await done(world, locks.mutex('x').acquire(), 30)
  const released = world.serverMs
  await done(world, lock.release(), 500)
  const [last, first] = await history(world, locks)
  expect(last).toMatchObject({ event: 'released', at: released, held: 30 })
  expect(first).toMatchObject({ event: 'granted', at: released - 30 })
  await locks.close()
})

test('what is lost, and why', async () => {
  const world = new World()
  const { locks } = recorded(world)
  const other = world.client()
  await done(world, locks.mutex('held too long', { maxHold: 500 }).acquire())
  await done(world, locks.mutex('expired', { ttl: 300, renew: false }).acquire())
  await done(world, locks.mutex('forced').acquire())
  const asked = await done(world, locks.mutex('asked').acquire())
  await world.advance(1000)
  void other.locks.forceRelease('forced')
  void other.locks.revoke('asked', { reason: 'why not' })
  await world.advance(5000)
  await done(world, asked.release(), 200)
  await done(world, locks.mutex('closed').acquire(), 50)
  await done(world, locks.close())
  const reader = recorded(world, 'reader')
  const entries = (await history(world, reader.locks))
    .filter(({ event }) => event !== 'granted')
    .toReversed()
  expect(entries).toMatchObject([
    { event: 'lost', name: 'expired', reason: 'expired' },
    { event: 'lost', name: 'held too long', reason: 'max-hold' },
    { event: 'lost', name: 'forced', reason: 'forced' },
    {
      event: 'revoked',
      name: 'asked',
      by: { reason: 'why not', host: hostname(), pid: process.pid },
    },
    { event: 'released', name: 'asked' },
    { event: 'lost', name: 'closed', reason: 'closed', held: 50 },
  ])
  await reader.locks.close()
})

test('a circle', async () => {
  const world = new World()
  const { locks } = recorded(world)
  const cross = (first: string, second: string): Promise<void> =>
    locks.mutex(first).use(async () => {
      await locks.mutex(second).use(async () => {})
    })
  const both = [world.watch(cross('a', 'b')), world.watch(cross('b', 'a'))]
  await world.advance(5000)
  expect(both.map(({ state }) => state).toSorted()).toEqual(['done', 'failed'])
  const entries = await history(world, locks)
  const [circle] = entries.filter(({ event }) => event === 'deadlock')
  expect(circle).toMatchObject({
    broken: true,
    names: expect.arrayContaining(['a', 'b']) as string[],
  })
  expect(entries.filter(({ event }) => event === 'gave-up')).toMatchObject([{ reason: 'deadlock' }])
  await locks.close()
})

test('hand-overs within a process, several names, re-entry, downgrade, turns', async () => {
  const world = new World()
  const { locks } = recorded(world, 'a', { localHandovers: 16 })
  const calls = [1, 2, 3].map(() => world.watch(locks.mutex('x').use(async () => {})))
  await world.advance(1000)
  expect(calls.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
  const three = (await history(world, locks)).toReversed()
  expect(three.map(({ event }) => event)).toEqual([
    'granted',
    'released',
    'granted',
    'released',
    'granted',
    'released',
  ])
  const grants = three.flatMap((one) => (one.event === 'granted' ? [one] : []))
  expect(grants.map(({ local }) => local)).toEqual([false, true, true])
  expect(new Set(grants.map(({ owner }) => owner)).size).toBe(1)
  expect(new Set(grants.map(({ fence }) => fence)).size).toBe(3)

  const other = await done(world, world.client().locks.mutex('z').acquire())
  const both = world.watch(locks.all(['y', 'z']).acquire())
  await world.advance(500)
  await done(world, other.release(), 100)
  await done(world, both.value.release(), 500)
  const set = (await history(world, locks)).flatMap((one) =>
    one.event === 'granted' && one.waited > 0 ? [one] : [],
  )
  expect(set.map(({ name, waited }) => `${name} ${waited}`).toSorted()).toEqual(['y 500', 'z 500'])
  const writer = await done(world, locks.readWrite('w').write().acquire())
  const reader = await done(world, writer.downgrade())
  await done(world, reader.release(), 500)
  const token = await done(world, (await done(world, locks.mutex('v').acquire())).handOver())
  const heir = await done(world, locks.takeOver(token))
  await done(world, heir.release(), 500)
  await done(
    world,
    locks
      .mutex('r', { reentrant: true })
      .use(() => locks.mutex('r', { reentrant: true }).use(async () => {})),
    500,
  )
  const told = (await history(world, locks))
    .slice(0, -6)
    .map(({ event, ...one }) => `${event} ${'name' in one ? one.name : ''}`)
  expect(told.toReversed()).toEqual([
    'waiting z',
    'granted y',
    'granted z',
    'released y',
    'released z',
    'granted w',
    'released w',
    'granted w',
    'released w',
    'granted v',
    'released v',
    'granted v',
    'released v',
    'granted r',
    'released r',
  ])
  expect(indexed(world)).toEqual([])
  await locks.close()
})

test('the index has what is held or waited for, until it is over', async () => {
  const world = new World()
  const { locks: a } = recorded(world)
  const { locks: b, clock } = recorded(world, 'b')
  const list = async (locks: Holdfast, from?: 'index' | 'scan'): Promise<string[]> => {
    const all = async (): Promise<LockState[]> => {
      const states: LockState[] = []
      for await (const state of locks.list('*', from ? { from } : {})) states.push(state)
      return states
    }
    return (await done(world, all())).map(({ name }) => name).toSorted()
  }
  const held = await done(world, a.mutex('x').acquire())
  // At once: what this process has to tell is told before it looks.
  expect(await list(a)).toEqual(['x'])
  expect(world.net.count('list')).toBe(0)
  expect(await list(a, 'scan')).toEqual(['x'])
  expect(world.net.count('list')).toBe(1)
  const waits = world.watch(b.mutex('x').acquire({ wait: '1h' }))
  await world.advance(60_000)
  expect(indexed(world)).toEqual(['x', 'x'])
  expect(await list(b)).toEqual(['x'])
  // One whose lease is renewed is there as long as that goes on.
  await done(world, held.release(), 200)
  expect(waits.state).toBe('done')
  await world.advance(60_000)
  expect(indexed(world)).toEqual(['x'])
  // Of a client without the option nothing is there.
  const { locks: stranger } = world.client()
  await done(world, stranger.mutex('y').acquire())
  expect(await list(a)).toEqual(['x'])
  expect(await list(stranger, 'index')).toEqual(['x'])
  expect(await list(stranger)).toEqual(['x', 'y'])
  // A process that dies is forgotten when its lease has ended.
  clock.freeze('stopped')
  await world.advance(13_000)
  expect(indexed(world)).toEqual([])
  expect(world.server.keys()).not.toContain(INDEX)
  await a.close()
})

test('a server that does not answer: no lock waits, what is lacking is counted, and it is told once', async () => {
  const world = new World()
  const { locks, port } = recorded(world)
  await done(
    world,
    locks.mutex('first').use(async () => {}),
    200,
  )
  const told = failures()
  const held = world.net.drop('reply', 'history', { times: 3 })
  for (let i = 0; i < 8; i++) {
    const began = world.clock.monotonic()
    await done(
      world,
      locks.mutex('x').use(async () => {}),
    )
    expect(world.clock.monotonic()).toBe(began)
    await world.advance(300)
  }
  held()
  await world.advance(2000)
  expect(told).toHaveLength(1)
  expect(told[0]).toMatchObject({ missed: 2, error: { code: 'ERR_UNAVAILABLE' } })
  const missed = (await history(world, locks)).flatMap((one) =>
    one.event === 'missed' ? [one.count] : [],
  )
  // Whether they were written nobody knows: they are not written twice. What is lacking may be of any name.
  expect(missed.length).toBeGreaterThan(0)
  expect(new Set((await history(world, locks)).map((one) => one.client)).size).toBe(1)
  const named = await history(world, locks, 'first')
  expect(named.map(({ event }) => event)).toEqual(expect.arrayContaining(['missed', 'granted']))
  // One at a time, however long it takes.
  expect(world.net.count('history', { port })).toBeLessThan(12)
  await locks.close()
})

test('so many entries are kept at most, and told in calls of 200', async () => {
  const world = new World()
  const { locks, port } = recorded(world, 'a', { history: { entries: 20_000 } })
  await done(
    world,
    locks.mutex('first').use(async () => {}),
    200,
  )
  const many = async (): Promise<void> => {
    for (let i = 0; i < 2600; i++) await locks.mutex(`n${i}`).use(async () => {})
  }
  const before = world.net.count('history', { port })
  await done(world, many(), 500)
  expect(world.net.count('history', { port }) - before).toBe(25)
  expect(written(world)).toHaveLength(2 + 5000 + 1)
  const { entries } = await done(world, locks.history(undefined, { limit: 1000, before: '9-9' }))
  expect(entries).toEqual([])
  const all: HistoryEntry[] = []
  for (let before: string | null = null; ;) {
    const page: HistoryPage = await done(
      world,
      locks.history(undefined, { limit: 1000, ...(before === null ? {} : { before }) }),
    )
    all.push(...page.entries)
    before = page.next
    if (before === null) break
  }
  expect(all).toHaveLength(5003)
  expect(all.filter(({ event }) => event === 'missed')).toMatchObject([{ count: 200 }])
  // There is room again, and it is said once.
  for (let i = 0; i < 4; i++)
    await done(
      world,
      locks.mutex('last').use(async () => {}),
      200,
    )
  expect(written(world).slice(5003)).toEqual(
    Array(4).fill(['granted last', 'released last']).flat(),
  )
  await locks.close()
})

test('close tells what is left, once, and waits no longer than for a command', async () => {
  const world = new World()
  const quick = recorded(world)
  await done(world, quick.locks.mutex('x').acquire())
  await done(world, quick.locks.close())
  expect(written(world)).toEqual(['granted x', 'lost x'])
  expect(indexed(world)).toEqual([])
  const slow = recorded(world)
  world.net.drop('request', 'history', { times: Infinity })
  await done(world, slow.locks.mutex('x').acquire())
  // One that is under way counts too.
  await world.advance(300)
  const closing = world.watch(slow.locks.close())
  await world.advance(499)
  expect(closing.state).toBe('pending')
  await world.advance(2)
  expect(closing.state).toBe('done')
  await world.advance(1000)
  expect(world.clock.timers).toBe(0)
  expect(world.net.count('history')).toBe(3)
})

test('all that is written goes by itself', async () => {
  const world = new World()
  const { locks } = recorded(world, 'a', { history: { keep: 5000 } })
  await done(
    world,
    locks.mutex('own', { history: { keep: '1m' } }).use(async () => {}),
  )
  await done(
    world,
    locks.mutex('x').use(async () => {}),
  )
  await done(world, locks.close())
  expect(world.left()).toEqual(['{lock:own}:hf:history:lock:own', PREFIX])
  await world.advance(5001)
  expect(world.left()).toEqual(['{lock:own}:hf:history:lock:own'])
  await world.advance(55_000)
  expect(world.left()).toEqual([])
})

test('a history of one lock alone: nothing of others, and no index', async () => {
  const world = new World()
  const { locks } = world.client()
  const own = locks.semaphore('own', { limit: 2, history: true })
  const both = [await done(world, own.acquire()), await done(world, own.acquire())]
  await done(
    world,
    locks.mutex('x').use(async () => {}),
    200,
  )
  for (const lock of both) await done(world, lock.release())
  const entries = await history(world, locks, 'own')
  expect(entries.map(({ event }) => event)).toEqual(['released', 'released', 'granted', 'granted'])
  expect(entries[0]).toMatchObject({ mode: 'permits', name: 'own' })
  expect(await history(world, locks)).toEqual([])
  expect(await history(world, locks, 'x')).toEqual([])
  expect(world.left()).toEqual(['{lock:own}:hf:history:lock:own'])
  const election = locks.election('lead', { history: { entries: 10 } })
  const led = await done(world, election.campaign())
  await done(world, led.resign(), 200)
  expect((await history(world, locks, 'lead')).map(({ event }) => event)).toEqual([
    'released',
    'granted',
  ])
  await locks.close()
})

test('what others of this process do with the same name is theirs', async () => {
  const world = new World()
  const { locks } = recorded(world)
  const { locks: other } = world.client()
  const mine = await done(world, locks.semaphore('x', { limit: 3 }).acquire())
  const theirs = await done(world, other.semaphore('x', { limit: 3 }).acquire())
  await done(world, theirs.release(), 500)
  const lost = await done(world, other.semaphore('x', { limit: 3 }).acquire({ ttl: 300 }))
  await done(world, lost.extend(300))
  await world.advance(2000)
  await done(world, lost.release(), 500)
  expect(written(world)).toEqual(['granted x'])
  expect(indexed(world)).toEqual(['x'])
  await done(world, mine.release(), 500)
  expect(written(world)).toEqual(['granted x', 'released x'])
  await locks.close()
})

test('a short lease is in the index all the time, however slowly its renewals are told', async () => {
  const world = new World()
  const { locks } = recorded(world)
  world.net.delay('request', 'history', 350, { times: Infinity })
  const lock = await done(world, locks.mutex('x', { ttl: 300 }).acquire(), 600)
  for (let i = 0; i < 60; i++) {
    await world.advance(50)
    expect([i, indexed(world)]).toEqual([i, ['x']])
  }
  await done(world, lock.release(), 1000)
  expect(indexed(world)).toEqual([])
  await done(world, locks.close(), 1000)
})

test('a wait without limit is in the index for an hour', async () => {
  const world = new World()
  const { locks } = recorded(world)
  const { locks: other } = world.client()
  await done(world, other.mutex('x').acquire())
  const stop = new AbortController()
  const wait = world.watch(locks.mutex('x').acquire({ wait: Infinity, signal: stop.signal }))
  await world.advance(500)
  world.server.keys()
  const { score } = world.server.space.zset(INDEX).at(0)!
  expect(score - world.serverMs).toBeGreaterThan(3_599_000)
  expect(score - world.serverMs).toBeLessThanOrEqual(3_601_000)
  stop.abort(new Error('enough'))
  await world.advance(500)
  expect(wait.state).toBe('failed')
  expect(indexed(world)).toEqual([])
  await locks.close()
  await other.close()
})

test('what must not miss a lock does not go by the index', async () => {
  const world = new World()
  const { locks } = recorded(world)
  const { locks: other } = world.client()
  await done(world, other.mutex('x').acquire())
  expect((await done(world, locks.lockManager().query())).held).toHaveLength(1)
  expect(world.net.count('list')).toBe(1)
  await done(world, locks.deadlocks())
  expect(world.net.count('list')).toBe(2)
  expect(world.net.count('index')).toBe(0)
  await locks.close()
})

test('a server whose clock goes back keeps the order', async () => {
  const world = new World()
  const { locks } = recorded(world)
  await done(
    world,
    locks.mutex('a').use(async () => {}),
    200,
  )
  world.serverStep = -10_000
  await done(
    world,
    locks.mutex('b').use(async () => {}),
    200,
  )
  expect((await history(world, locks)).map((one) => ('name' in one ? one.name : ''))).toEqual([
    'b',
    'b',
    'a',
    'a',
  ])
  await locks.close()
})

test('the process stays alive until it has told what happened, and not for more', async () => {
  const clock = new ManualClock()
  const set: [ms: number, keepAlive: boolean][] = []
  const own = {
    monotonic: () => clock.monotonic(),
    wall: () => clock.wall(),
    boot: () => clock.boot(),
    random: () => clock.random(),
    randomHex: (count: number) => clock.randomHex(count),
    setTimer(callback: () => void, ms: number, keepAlive: boolean) {
      if (ms === 100) set.push([ms, keepAlive])
      return clock.setTimer(callback, ms)
    },
  }
  const locks = Holdfast.inMemory({ clock: own, history: true })
  const lock = locks.mutex('x').acquire()
  await clock.advance(0)
  expect(set).toEqual([[100, true]])
  await clock.advance(2000)
  expect(set).toHaveLength(1)
  void (await lock).release()
  await clock.advance(2000)
  expect(set).toEqual([
    [100, true],
    [100, true],
  ])
  expect(clock.timers).toBe(0)
})

test('a call that is answered within 50 ms is no wait, whenever it came', async () => {
  const world = new World()
  const { locks } = recorded(world)
  await done(world, locks.mutex('a').acquire(), 80)
  world.net.delay('reply', 'acquire', 30)
  const late = world.watch(locks.mutex('b').acquire())
  await world.advance(200)
  expect(late.state).toBe('done')
  expect(written(world)).toEqual(['granted a', 'granted b'])
  await locks.close()
})
