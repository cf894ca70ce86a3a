// Group commit: what is asked for in one turn of the event loop travels together.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { Batches } from '../../src/quorum/batches.js'
import { World } from '../kit/world.js'

/** What was sent since, as `script names`. */
const sentBy = async (w: World, work: () => Promise<unknown>): Promise<string[]> => {
  const from = w.net.log.length
  await work()
  return w.net.log.slice(from).map(({ what, items }) => `${what} ${items}`)
}

test('acquires of one turn are one call, its releases another, and nothing waits for more', async () => {
  const w = new World()
  const { locks } = w.client()
  const held = await Promise.all(['a', 'b', 'c'].map((name) => locks.mutex(name).acquire()))
  expect(w.net.log.map(({ what, items }) => `${what} ${items}`)).toEqual([
    'hello 0',
    'acquire 3',
    'status 0',
  ])
  const mixed = await sentBy(w, async () => {
    const [ends, next] = [held.map((lock) => lock.release()), ['d', 'e']]
    held.push(...(await Promise.all(next.map((name) => locks.mutex(name).acquire()))))
    expect(await Promise.all(ends)).toEqual(Array(3).fill({ released: true }))
  })
  expect(mixed).toEqual(['release 3', 'acquire 2'])
  // One while another is under way goes at once, and by itself.
  const apart = await sentBy(w, async () => {
    const first = locks.mutex('f').acquire()
    await Promise.resolve()
    await Promise.resolve()
    const second = locks.mutex('g').acquire()
    await Promise.resolve()
    await Promise.resolve()
    expect(w.net.log.slice(-2).map(({ what, items }) => `${what} ${items}`)).toEqual([
      'acquire 1',
      'acquire 1',
    ])
    held.push(...(await Promise.all([first, second])))
  })
  expect(apart).toEqual(['acquire 1', 'acquire 1'])
})

test('each of one call has a verdict, a token and an error of its own', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await b.locks.mutex('taken').acquire()
  w.server.set(keysOf('bad', 'lock:')[2], 'not a line')
  const tries = ['one', 'taken', 'bad', 'two'].map((name) => a.locks.mutex(name).tryAcquire())
  const said = await Promise.allSettled(tries)
  expect(said.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  const [one, taken, bad, two] = said as [any, any, any, any]
  expect([one.value.name, taken.value, bad.reason.code, two.value.name]).toEqual([
    'one',
    null,
    'ERR_CONFIG',
    'two',
  ])
  expect(one.value.owner).not.toBe(two.value.owner)
  expect(w.net.log.filter(({ what }) => what === 'acquire').at(-1)).toMatchObject({ items: 4 })
  // The same of releases: of one that is over, and of two that are not.
  w.server.del(keysOf('one', 'lock:')[0])
  const ends = await sentBy(w, async () => {
    expect(await Promise.all([one.value.release(), two.value.release()])).toEqual([
      { released: false, reason: 'lost' },
      { released: true },
    ])
  })
  expect(ends).toEqual(['release 2'])
})

test('calls that go together are written in one go, also those of one batch', async () => {
  const done: string[] = []
  const port = {
    atOnce: (work: () => void): void => {
      done.push('one go')
      work()
    },
  }
  const batches = new Batches<number>(port, (op, slot, items) =>
    done.push(`${op} ${slot} ${items.length}`),
  )
  const add = (op: 'acquire' | 'release', count: number, alone = false): void => {
    const items = batches.items(op, 0, 500, alone)
    for (let i = 0; i < count; i++) items.push(i)
  }
  add('acquire', 40)
  await Promise.resolve()
  add('acquire', 41)
  await Promise.resolve()
  add('release', 90, true)
  await Promise.resolve()
  add('release', 1)
  add('acquire', 1)
  await Promise.resolve()
  expect(done).toEqual([
    'acquire 0 40',
    'one go',
    'acquire 0 40',
    'acquire 0 1',
    'release 0 90',
    'one go',
    'release 0 1',
    'acquire 0 1',
  ])
})

test('of another time limit, or more than 40 acquires and 100 releases, are calls of their own', async () => {
  const w = new World()
  const { locks } = w.client()
  await locks.mutex('warm').use(() => undefined)
  const names = Array.from({ length: 101 }, (_, i) => `n:${i}`)
  const held: Lock[] = []
  const sent = await sentBy(w, async () => {
    const all = [
      ...names.map((name) => locks.mutex(name).acquire()),
      locks.mutex('short', { ttl: 2000 }).acquire(),
    ]
    held.push(...(await Promise.all(all)))
  })
  expect(sent).toEqual(['acquire 40', 'acquire 40', 'acquire 21', 'acquire 1'])
  const ends = await sentBy(w, () => Promise.all(held.map((lock) => lock.release())))
  expect(ends).toEqual(['release 100', 'release 1', 'release 1'])
})
