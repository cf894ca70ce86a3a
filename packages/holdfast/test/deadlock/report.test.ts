// locks.deadlocks(): looks at everything, and breaks nothing.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { ring, states } from './kit.js'

test('each circle once, whoever is a part of it or waits behind it', async () => {
  const w = new World()
  const reports = { deadlock: 'report' } as const
  const two = await ring(w, 2, () => reports)
  const other = w.client({}, { deadlock: 'report' }).locks
  // A semaphore in itself, and somebody behind the first ring.
  const semaphore = other.semaphore('s', { limit: 1, wait: Infinity })
  const self = w.watch(semaphore.use(() => semaphore.use(() => 'never')))
  const behind = w.watch(
    other.mutex('own').use(() => other.mutex('n0', { wait: Infinity }).use(() => 'late')),
  )
  const { locks } = w.client()
  const early = w.watch(locks.deadlocks())
  await w.advance(900)
  // Nothing was noted yet.
  expect(early.value).toEqual([])
  await w.advance(600)
  const found = w.watch(locks.deadlocks())
  await w.advance(600)
  const rings = found.value.map(({ cycle }) =>
    cycle
      .map(({ name, waitsFor }) => `${name} > ${waitsFor.name}`)
      .toSorted()
      .join(', '),
  )
  expect(rings.toSorted()).toEqual(['n0 > n1, n1 > n0', 's > s'])
  expect(states([...two, self, behind])).toBe('pending pending pending pending')
})

test('a circle that is gone at the second look was none', async () => {
  const w = new World()
  const stop = new AbortController()
  const members = await ring(w, 2, () => ({ deadlock: 'report', signal: stop.signal }))
  await w.advance(1500)
  const found = w.watch(w.client().locks.deadlocks())
  await w.advance(300)
  expect(found.state).toBe('pending')
  stop.abort(new Error('enough'))
  await w.advance(300)
  expect(found.value).toEqual([])
  expect(states(members)).not.toMatch(/pending/)
})

test('a circle that is another one at the second look is not told', async () => {
  const w = new World()
  const { locks } = w.client()
  const first = new AbortController()
  const other = w.client({}, { deadlock: 'report' }).locks
  const x = other.mutex('x', { deadlock: 'report' })
  const y = other.mutex('y', { wait: Infinity })
  const owner = other.owner()
  await x.acquire({ owner })
  const call = w.watch(y.use(() => x.acquire({ wait: Infinity })).catch(() => 'none'))
  await w.advance(10)
  const one = w.watch(y.acquire({ owner, signal: first.signal }))
  await w.advance(1500)
  const second = w.watch(y.acquire({ owner }))
  await w.advance(800)
  const found = w.watch(locks.deadlocks())
  await w.advance(300)
  // Now the second wait of the same owner for the same name is noted, and the first is over.
  first.abort(new Error('enough'))
  await w.advance(300)
  expect(found.value).toEqual([])
  const again = w.watch(locks.deadlocks())
  await w.advance(600)
  expect(again.value).toHaveLength(1)
  expect([call, one, second].map(({ state }) => state)).toEqual(['pending', 'failed', 'pending'])
})

test('that nobody waits in a circle is said by the server, and not by its silence', async () => {
  const w = new World()
  await ring(w, 2, () => ({ deadlock: 'report' }))
  await w.advance(1500)
  const { locks } = w.client()
  for (const answered of [0, 1, 2]) {
    // The names that are held; the waits of their holders; the same again.
    let calls = 0
    const when = (): boolean => calls++ === answered
    const end = w.net.drop('request', 'waits', { times: Infinity, of: w.clients.at(-1)!, when })
    const found = w.watch(locks.deadlocks())
    await w.advance(2000)
    expect(found.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    end()
  }
  const found = w.watch(locks.deadlocks())
  await w.advance(1000)
  expect(found.value).toHaveLength(1)
})

test('after close it is refused', async () => {
  const w = new World()
  const { locks } = w.client()
  await locks.close()
  await expect(locks.deadlocks()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
})

test('of some names only what goes through them, and no SCAN', async () => {
  const w = new World()
  await ring(w, 2, () => ({ deadlock: 'report' }))
  const { locks } = w.client()
  await w.advance(1500)
  const one = w.watch(locks.deadlocks({ names: ['n1'] }))
  const none = w.watch(locks.deadlocks({ names: ['other', 'n9'] }))
  await w.advance(600)
  expect(one.value).toHaveLength(1)
  expect(one.value[0]!.cycle).toHaveLength(2)
  expect(none.value).toEqual([])
  expect(w.net.count('list')).toBe(0)
  const all = w.watch(locks.deadlocks())
  await w.advance(600)
  expect(all.value).toHaveLength(1)
  expect(w.net.count('list')).toBeGreaterThan(0)
  for (const names of ['n0', [''], [1]]) {
    const call = locks.deadlocks({ names } as unknown as object)
    await expect(call).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
  await expect(locks.deadlocks({ name: 'n0' } as object)).rejects.toThrow('name')
})
