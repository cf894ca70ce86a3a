// locks.watch(): what each look says of names that others hold.
import { expect, test } from 'vitest'
import type { Look } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { World } from '../kit/world.js'
import { Servers } from '../quorum/kit.js'

/** Kind, name, and the label of whom it is about. */
const told = ({ changes }: Look): string[] =>
  changes.map(({ kind, name, who }) => `${who.label ?? who.mode} ${kind} ${name}`)
const names = ({ states }: Look): string[] => states.map(({ name }) => name)

test('who comes and goes, in the order of names; of a name who went, and then who came', async () => {
  const w = new World()
  const [a, b] = [w.client({}, { label: 'a' }).locks, w.client({}, { label: 'b' }).locks]
  const watch = w.client().locks.watch()
  const nothing = await watch.look()
  expect(nothing).toEqual({ states: [], changes: [], complete: true })
  const z = await a.mutex('z').acquire()
  const x = await a.mutex('x').acquire()
  const waiting = b.mutex('x', { wait: Infinity }).acquire()
  await w.advance(10)
  const first = await watch.look()
  expect(told(first)).toEqual(['a holds x', 'b waits x', 'a holds z'])
  expect(names(first)).toEqual(['x', 'z'])
  expect(first.states[0]).toMatchObject({ holderCount: 1, waiterCount: 1, fence: x.fence })
  expect(first.changes[0]).toMatchObject({ who: { owner: x.owner, heldFor: 10, fence: x.fence } })
  await w.advance(1000)
  // Time alone is no change.
  expect(told(await watch.look())).toEqual([])
  await x.release()
  await z.release()
  await waiting
  await w.advance(10)
  const last = await watch.look()
  expect(told(last)).toEqual(['a ended x', 'b holds x', 'a ended z'])
  // As it was seen last.
  expect(last.changes[0]).toMatchObject({ who: { owner: x.owner, heldFor: 1010 } })
  expect(names(last)).toEqual(['x'])
  // It is forgotten, and told anew when somebody has it again.
  await a.mutex('z').acquire()
  expect(told(await watch.look())).toEqual(['a holds z'])
})

test('who leaves the line, and who holds behind a lease that nobody renews', async () => {
  const w = new World()
  const [a, b] = [w.client({}, { label: 'a' }).locks, w.client({}, { label: 'b' }).locks]
  const watch = w.client().locks.watch('x')
  await a.mutex('x', { renew: false, ttl: 1000 }).acquire()
  const stop = new AbortController()
  const wait = b.mutex('x', { signal: stop.signal }).acquire()
  wait.catch(() => {})
  await w.advance(10)
  expect(told(await watch.look())).toEqual(['a holds x', 'b waits x'])
  stop.abort()
  await w.advance(10)
  expect(told(await watch.look())).toEqual(['b left x'])
  await w.advance(1000)
  expect(told(await watch.look())).toEqual(['a ended x'])
  // One name needs no SCAN.
  expect(w.net.count('list')).toBe(0)
})

test('of each kind of lock, and of other libraries', async () => {
  const w = new World()
  const { locks } = w.client({}, { label: 'a' })
  const watch = w.client().locks.watch('k:*')
  const readers = locks.readWrite('k:r')
  const read = [await readers.read().acquire(), await readers.read().acquire()]
  await locks.semaphore('k:s', { limit: 5 }).acquire({ permits: 3 })
  w.server.space.set('lock:k:f', 'theirs', w.serverMs + 5000)
  await locks.mutex('other').acquire()
  const first = await watch.look()
  expect(told(first)).toEqual(['foreign holds k:f', 'a holds k:r', 'a holds k:r', 'a holds k:s'])
  expect(first.changes.map(({ who }) => [who.mode, who.permits])).toEqual([
    ['foreign', undefined],
    ['shared', undefined],
    ['shared', undefined],
    ['permits', 3],
  ])
  await read[1]!.release()
  w.server.space.del('lock:k:f')
  const next = await watch.look()
  expect(told(next)).toEqual(['foreign ended k:f', 'a ended k:r'])
  expect(next.changes[1]!.who.owner).toBe(read[1]!.owner)
})

test('of more than 100 who hold or wait it is not told who came and went', async () => {
  const w = new World()
  const { locks } = w.client({}, { label: 'a' })
  const watch = w.client().locks.watch('x')
  const shared = locks.readWrite('x').read()
  const held = await Promise.all(Array.from({ length: 101 }, () => shared.acquire()))
  expect(told(await watch.look())).toEqual([])
  await held[0]!.release()
  // 100 are shown, and were not all before.
  expect(told(await watch.look())).toEqual([])
  await held[1]!.release()
  expect(told(await watch.look())).toEqual(['a ended x'])
  const stop = new AbortController()
  const writer = locks.mutex('x', { wait: Infinity, signal: stop.signal })
  for (let i = 0; i < 101; i++) writer.acquire().catch(() => {})
  await w.advance(10)
  const look = await watch.look()
  expect(look.states[0]).toMatchObject({ holderCount: 99, waiterCount: 101 })
  expect(told(look)).toEqual([])
  stop.abort()
})

test('a look that fails changes nothing: the next one tells what happened meanwhile', async () => {
  const w = new World()
  const { locks } = w.client({}, { label: 'a' })
  const client = w.client()
  const watch = client.locks.watch()
  const x = await locks.mutex('x').acquire()
  expect(told(await watch.look())).toEqual(['a holds x'])
  for (const what of ['list', 'inspect']) {
    const end = w.net.drop('request', what, { times: Infinity, of: client })
    const failing = w.watch(watch.look())
    await w.advance(1000)
    expect(failing.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    end()
  }
  await x.release()
  await locks.mutex('y').acquire()
  expect(told(await watch.look())).toEqual(['a ended x', 'a holds y'])
})

test('two calls at once are one look', async () => {
  const w = new World()
  await w.client().locks.mutex('x').acquire()
  const watch = w.client().locks.watch()
  const [one, two] = [watch.look(), watch.look()]
  expect(await two).toBe(await one)
  expect(w.net.count('list')).toBe(1)
  expect((await watch.look()).changes).toEqual([])
})

test('a key that has become something else hides no other name, unless it is the only one', async () => {
  const w = new World()
  const { locks } = w.client({}, { label: 'a' })
  const watch = w.client().locks.watch()
  await locks.mutex('x').acquire()
  await locks.mutex('y').acquire()
  await watch.look()
  w.server.space.hset(keysOf('y', 'lock:')[2], 'field', 'value')
  const look = await watch.look()
  expect([told(look), names(look)]).toEqual([['a ended y'], ['x']])
  const only = w.client().locks.watch('y')
  await expect(only.look()).rejects.toMatchObject({ code: 'ERR_CONFIG', lock: 'y' })
})

test('what cannot be right is refused at the call, and everything after close', async () => {
  const w = new World()
  const { locks } = w.client()
  const bad = { code: 'ERR_INVALID_ARGUMENT' }
  for (const given of [5, null, /a/]) {
    expect(() => locks.watch(given as unknown as string)).toThrow(
      expect.objectContaining({ ...bad, given }),
    )
  }
  for (const budget of [0, -1, Number.NaN, '5', null]) {
    const options = { budget } as { budget: number }
    const error = expect.objectContaining({ ...bad, given: budget })
    expect(() => locks.watch('*', options)).toThrow(error)
    await expect(locks.list('*', options).next()).rejects.toEqual(error)
  }
  expect(() => locks.watch('*', { every: 5 } as object)).toThrow(expect.objectContaining(bad))
  const watch = locks.watch()
  await locks.close()
  await expect(watch.look()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  expect(() => locks.watch()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
})

test('of several servers what most say, while one is away; and no answer where most are', async () => {
  const servers = new Servers(3)
  const { locks } = await servers.started({ label: 'a' })
  const client = servers.client()
  const watch = client.locks.watch()
  await servers.after(locks.mutex('x').acquire())
  const seen = async (): Promise<string[]> => told(await servers.after(watch.look(), 600))
  expect(await seen()).toEqual(['a holds x'])
  const away = [2, 1].map((i) => () => servers.nets[i]!.drop('request', '*', { times: Infinity }))
  const back = away[0]!()
  const y = await servers.after(locks.mutex('y').acquire())
  // A round of the SCAN goes on without it.
  expect(await seen()).toEqual(['a holds y'])
  const again = away[1]!()
  const failing = servers.watch(watch.look())
  await servers.advance(1200)
  expect(failing.error).toMatchObject({ code: 'ERR_NO_QUORUM' })
  back()
  again()
  await servers.after(y.release())
  expect(await seen()).toEqual(['a ended y'])
})
