// Options, pages, following, and what several servers have.
import { expect, test } from 'vitest'
import type { FollowOptions, HistoryEntry, Holdfast, LockState } from '../../src/index.js'
import { decodeEntries, details, entryFields } from '../../src/kernel/history.js'
import { Events } from '../kit/events.js'
import { World, type SimClient } from '../kit/world.js'
import { Servers } from '../quorum/kit.js'

const PREFIX = '{lock:}:hf:prefix-history:lock:'

async function done<T>(world: World, promise: Promise<T>, ms = 0): Promise<T> {
  const outcome = world.watch(promise)
  await world.advance(ms)
  if (outcome.state === 'failed') throw outcome.error
  expect(outcome.state).toBe('done')
  return outcome.value
}

const use = (world: World, { locks }: SimClient, name: string): Promise<void> =>
  done(
    world,
    locks.mutex(name).use(async () => {}),
    200,
  )

const told = (entry: HistoryEntry): string =>
  `${entry.event} ${entry.event === 'missed' ? entry.count : entry.name}`

/** Follows, in the background. */
function following(
  world: World,
  locks: Holdfast,
  name?: string,
  options: FollowOptions = {},
): { seen: string[]; ids: string[]; end: { state: string; error: unknown } } {
  const seen: string[] = []
  const ids: string[] = []
  const run = async (): Promise<void> => {
    for await (const entry of locks.follow(name, options)) {
      seen.push(told(entry))
      ids.push(entry.id)
    }
  }
  return { seen, ids, end: world.watch(run()) }
}

test.each([
  [0, /options.history/],
  ['yes', /true, false, or an object of options \(entries, keep\)/],
  [null, /options.history/],
  [{ entries: 0 }, /options.history.entries.*whole number from 1 to 1000000/],
  [{ entries: 1.5 }, /options.history.entries/],
  [{ entries: 1_000_001 }, /options.history.entries/],
  [{ keep: 999 }, /options.history.keep.*at least 1000 ms/],
  [{ keep: '1d' }, /options.history.keep/],
  [{ limit: 3 }, /options.history.limit.*one of entries, keep/],
])('the option %j is refused where it is given', (history, message) => {
  const world = new World()
  const options = { history } as never
  const refused = {
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(message) as string,
  }
  expect(() => world.client({}, options)).toThrow(expect.objectContaining(refused))
  const { locks } = world.client()
  for (const make of [
    () => locks.mutex('x', options),
    () => locks.readWrite('x', options),
    () => locks.semaphore('x', { limit: 1, ...(options as object) }),
    () => locks.election('x', options),
  ]) {
    expect(make).toThrow(expect.objectContaining(refused))
  }
})

test('false is none, and of calls it is no option', async () => {
  const world = new World()
  const { locks } = world.client({}, { history: false })
  locks.mutex('x', { history: false })
  const call = locks.mutex('x').acquire({ history: true } as never)
  await expect(call).rejects.toThrow(/history is an option of new Holdfast\(\), mutex\(\)/)
  expect(() => locks.all(['x'], { history: true } as never)).toThrow(/history is an option of/)
  for (const [options, message] of [
    [{ limit: 0 }, /options.limit/],
    [{ limit: 1001 }, /options.limit/],
    [{ before: 'x' }, /options.before.*id of an entry/],
    [{ before: '0-0' }, /options.before/],
    [{ signal: 1 }, /options.signal/],
    [{ after: '1-1' }, /options.after/],
  ] as const) {
    await expect(locks.history(undefined, options as never)).rejects.toThrow(message)
  }
  for (const [options, message] of [
    [{ after: '1' }, /options.after/],
    [{ every: 99 }, /options.every/],
    [{ limit: 1 }, /options.limit/],
  ] as const) {
    await expect(locks.follow('x', options as never).next()).rejects.toThrow(message)
  }
  await expect(locks.history('')).rejects.toThrow(/name/)
  await expect(locks.list('*', { from: 'keys' as never }).next()).rejects.toThrow(/options.from/)
  expect(world.net.log).toEqual([])
})

test('pages of a name among many others: none is lost, and a page looks through 10,000 at most', async () => {
  const world = new World()
  const client = world.client({}, { history: { entries: 100_000 } })
  await use(world, client, 'rare')
  const { space } = world.server
  for (let seq = 0; seq < 12_000; seq++) {
    const values = ['granted', 'often', 'x', 'owner', '1', '0', '', '[null,null,null]', '0']
    space.xadd(PREFIX, { ms: world.serverMs, seq, values })
  }
  await world.advance(1)
  await use(world, client, 'rare')
  const before = world.net.count('past')
  const first = await done(world, client.locks.history('rare', { limit: 3 }))
  // Its own stream, which there is not, and ten times a thousand.
  expect(world.net.count('past') - before).toBe(11)
  expect(first.entries.map(told)).toEqual(['released rare', 'granted rare'])
  const second = await done(world, client.locks.history('rare', { limit: 3, before: first.next! }))
  expect(second.entries.map(told)).toEqual(['released rare', 'granted rare'])
  expect(second.next).toBeNull()
  const one = await done(world, client.locks.history('rare', { limit: 1 }))
  expect(one).toEqual({ entries: first.entries.slice(0, 1), next: first.entries[0]!.id })
  const stop = AbortSignal.abort(new Error('enough'))
  await expect(client.locks.history('rare', { signal: stop })).rejects.toThrow('enough')
  await client.locks.close()
  await expect(client.locks.history('rare')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
})

test('follow: from now on, or from an entry on, until its signal, a break or close', async () => {
  const world = new World()
  const writer = world.client({}, { history: true })
  const { locks } = world.client()
  await use(world, writer, 'before')
  const stop = new AbortController()
  const all = following(world, locks, undefined, { signal: stop.signal })
  const named = following(world, locks, 'x', { every: '5s' })
  await world.advance(100)
  await use(world, writer, 'x')
  await use(world, writer, 'y')
  await world.advance(1000)
  expect(all.seen).toEqual(['granted x', 'released x', 'granted y', 'released y'])
  expect(named.seen).toEqual([])
  await world.advance(4000)
  expect(named.seen).toEqual(['granted x', 'released x'])
  const again = following(world, locks, undefined, { after: all.ids[1]! })
  const old = following(world, locks, undefined, { after: '0-0' })
  await world.advance(0)
  expect(again.seen).toEqual(['granted y', 'released y'])
  expect(old.seen.slice(0, 2)).toEqual(['granted before', 'released before'])
  // Once a second, and nothing in between.
  const asked = world.net.count('past')
  stop.abort()
  await world.advance(0)
  expect(all.end.state).toBe('done')
  await world.advance(10_000)
  expect(world.net.count('past') - asked).toBe(2 * 10 + 2 * 2)
  // What cannot be read now is read later.
  const away = world.net.silence()
  await world.advance(5000)
  expect(old.end.state).toBe('pending')
  away()
  await use(world, writer, 'z')
  await world.advance(2000)
  expect(old.seen.at(-1)).toBe('released z')
  for await (const { event } of locks.follow(undefined, { after: '0-0' })) {
    expect(event).toBe('granted')
    break
  }
  await done(world, locks.close())
  expect([named, again, old].map(({ end }) => end.state)).toEqual(['done', 'done', 'done'])
  await done(world, writer.locks.close())
  expect(world.clock.timers).toBe(0)
  const late = following(world, locks)
  await world.advance(0)
  expect(late.end.error).toMatchObject({ code: 'ERR_CLOSED' })
})

test('follow says at its beginning that the server is away, and that a key is no stream', async () => {
  const world = new World()
  const { locks } = world.client()
  const away = world.net.silence()
  const first = following(world, locks)
  await world.advance(600)
  expect(first.end.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  away()
  world.server.set(PREFIX, 'text')
  const other = following(world, locks)
  await world.advance(600)
  expect(other.end.error).toMatchObject({ code: 'ERR_CONFIG' })
  const listed = world.watch(locks.list('*', { from: 'index' }).next())
  world.server.set('{lock:}:hf:prefix-index:lock:', 'text')
  await world.advance(600)
  expect(listed.error).toMatchObject({ code: 'ERR_CONFIG' })
})

test('of several servers each has all that it was told, and the first that answers is read', async () => {
  const servers = new Servers(3)
  const { locks } = await servers.started({ history: true, label: 'a' })
  const lock = await servers.after(locks.mutex('x').acquire(), 300)
  const list = async (): Promise<LockState[]> => {
    const states: LockState[] = []
    for await (const state of locks.list()) states.push(state)
    return states
  }
  expect((await servers.after(list())).map(({ name }) => name)).toEqual(['x'])
  for (const net of servers.nets) {
    expect(net.count('history')).toBe(1)
    expect(net.count('list')).toBe(0)
  }
  // One is away: nothing is lacking, and it is not waited for.
  const trouble = new Events()
  const away = servers.nets[0]!.silence()
  await servers.after(lock.release(), 700)
  expect(servers.nets.map((net) => net.count('history'))).toEqual([2, 2, 2])
  const reading = servers.watch(locks.history('x'))
  await servers.advance(1200)
  expect(reading.value.entries.map(told)).toEqual(['released x', 'granted x'])
  expect((await servers.after(list(), 600)).map(({ name }) => name)).toEqual([])
  away()
  expect(trouble.of('holdfast:history-failed')).toEqual([])
  trouble.stop()
  // The first one has what it was told.
  const first = await servers.after(locks.history('x'), 600)
  expect(first.entries.map(told)).toEqual(['granted x'])
  const gone = [servers.nets[0]!.silence(), servers.nets[1]!.silence(), servers.nets[2]!.silence()]
  const none = servers.watch(locks.history('x'))
  await servers.advance(4000)
  expect(none.error).toMatchObject({ code: 'ERR_NO_QUORUM' })
  for (const end of gone) end()
  await servers.after(locks.close(), 1000)
  expect(servers.left().filter((key) => !key.includes('prefix-history'))).toEqual([
    '0 {lock:}:hf:prefix-index:lock:',
  ])
  await servers.advance(15_000)
  expect(servers.left().filter((key) => !key.includes('prefix-history'))).toEqual([])
})

test('what a later version has written is passed over, and a circle is told in bounds', () => {
  const values = (event: string, detail: string): string[] => {
    const note = {
      event: event as 'deadlock',
      name: 'x',
      mode: 'x' as const,
      ms: 7,
      detail,
      info: '[null]',
    }
    return ['12-0', ...entryFields(note, 2)]
  }
  const long = Array.from({ length: 200 }, (_, i) => `${i}${'n'.repeat(300)}`)
  const detail = details.deadlock(true, long)
  expect(detail.length).toBeLessThan(1100)
  const raw = [...values('sung', ''), ...values('deadlock', detail), ...values('deadlock', 'x')]
  const { entries, count, last } = decodeEntries(raw)
  expect([count, last]).toEqual([3, '12-0'])
  expect(entries).toEqual([
    {
      id: '12-0',
      at: 10,
      name: 'x',
      mode: 'exclusive',
      who: {},
      client: '',
      event: 'deadlock',
      broken: true,
      names: long.slice(0, 3),
    },
    {
      id: '12-0',
      at: 10,
      name: 'x',
      mode: 'exclusive',
      who: {},
      client: '',
      event: 'deadlock',
      broken: false,
      names: [],
    },
  ])
})
