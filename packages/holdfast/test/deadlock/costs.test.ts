// What the search for deadlocks costs: nothing below a second, and few commands after it.
import { expect, test, vi } from 'vitest'
import { World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { ring, searches } from './kit.js'

/** What is sent while a context that holds one lock waits for another for some time. */
async function sent(ms: number, deadlock: 'break' | 'off'): Promise<string[]> {
  const w = new World()
  const [a, b] = [w.client({}, { deadlock }).locks, w.client().locks]
  await a.mutex('warm-up').use(() => {})
  await b.mutex('warm-up').use(() => {})
  const busy = gate()
  const options = { ttl: 600_000 }
  const holder = w.watch(b.mutex('y', options).use(() => busy.opened))
  await w.advance(0)
  const from = w.net.log.length
  const call = w.watch(
    a.mutex('x', options).use(() => a.mutex('y', { ...options, wait: Infinity }).use(() => 'in')),
  )
  await w.advance(ms)
  busy.open()
  await w.advance(10)
  expect([holder.state, call.value]).toEqual(['done', 'in'])
  return w.net.log.slice(from).map(({ what }) => what)
}

test('a wait of less than a second sends what it sent before', async () => {
  const before = await sent(990, 'off')
  expect(before).toEqual(['acquire', 'acquire', 'acquire', 'release', 'release', 'release'])
  expect(await sent(990, 'break')).toEqual(before)
  expect(new Set(await sent(60_000, 'off'))).toEqual(new Set([...before, 'renew']))
})

test('a longer one: two commands after a second, and at 2, 4, 8, 16, 32, 64, 124, 184 seconds', async () => {
  const looks = async (ms: number): Promise<number[]> => {
    const all = await sent(ms, 'break')
    return ['edge', 'waits'].map((op) => all.filter((what) => what === op).length)
  }
  expect(await looks(1010)).toEqual([1, 0])
  expect(await looks(1300)).toEqual([1, 1])
  expect(await looks(1990)).toEqual([1, 1])
  expect(await looks(2010)).toEqual([2, 2])
  expect(await looks(63_000)).toEqual([6, 6])
  expect(await looks(185_000)).toEqual([9, 9])
})

test('a circle that stays is looked at eight times more, and then as any other long wait', async () => {
  const w = new World()
  await ring(w, 2, () => ({ deadlock: 'report' }))
  const looks: number[] = []
  for (const ms of [1300, 500, 3500, 2600, 200]) {
    await w.advance(ms)
    looks.push(searches(w))
  }
  // Two notes, and of each look the first name and the one behind it, both times for two members.
  expect(looks).toEqual([2 + 4, 2 + 2 * 4, 2 + 9 * 4, 2 + 9 * 4, 4 + 10 * 4])
})

test('a wait that is limited to a second or less is not watched', async () => {
  const w = new World()
  const { locks } = w.client()
  const y = await w.client().locks.mutex('y').acquire()
  const call = w.watch(locks.mutex('x').use(() => locks.mutex('y').acquire({ wait: 1000 })))
  await w.advance(2000)
  expect(call.error.code).toBe('ERR_TIMEOUT')
  expect(w.net.count('edge')).toBe(0)
  await y.release()
})

test('waits that begin together note what they hang on in one call', async () => {
  const w = new World()
  const { locks } = w.client()
  const others = w.client().locks
  await Promise.all([others.mutex('a').acquire(), others.mutex('b').acquire()])
  const call = w.watch(
    locks
      .mutex('x')
      .use(() =>
        locks
          .mutex('y')
          .use(() => locks.mutex('z').use(() => locks.mutex('a').acquire({ wait: 1500 }))),
      ),
  )
  await w.advance(1400)
  expect(w.net.log.filter(({ what }) => what === 'edge').map(({ items }) => items)).toEqual([3])
  await w.advance(1000)
  expect(call.error.code).toBe('ERR_TIMEOUT')
})

test('what an owner holds makes it no dearer to take another lock', async () => {
  const w = new World()
  const { locks, clock } = w.client()
  const owner = locks.owner()
  const read = vi.spyOn(clock, 'monotonic')
  const looks = async (name: string): Promise<number> => {
    read.mockClear()
    await locks.mutex(name).acquire({ owner })
    return read.mock.calls.length
  }
  await looks('first')
  const before = await looks('second')
  for (let i = 0; i < 50; i++) await looks(`n${i}`)
  expect(await looks('last')).toBeLessThan(before + 10)
})
