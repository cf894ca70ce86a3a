// Many who want several names: nobody waits in a circle, and everybody comes through.
import { expect, test } from 'vitest'
import type { Lock, LockSet } from '../../src/index.js'
import { World, believers, type SimClient } from '../kit/world.js'
import { ready, slotted } from './kit.js'

const opens = { 'one server': (w: World) => w.client(), 'a slot for each name': slotted }
const each = Object.entries(opens)

/** Until the loops are over, each one's locks are looked at: who believes that he holds one name? */
async function watch(w: World, all: ReadonlySet<Lock>, over: () => boolean, most = 60_000) {
  for (let ms = 0; ms < most && !over(); ms++) {
    await w.advance(1)
    for (const name of new Set([...all].map((lock) => lock.name))) {
      const same = [...all].filter((lock) => lock.name === name)
      expect(believers(...same)).toBeLessThanOrEqual(1)
    }
  }
}

function loops() {
  const held = new Set<Lock>()
  const pause = ({ clock }: SimClient, ms: number): Promise<void> =>
    new Promise((resolve) => clock.setTimer(() => resolve(), ms))
  return {
    held,
    /** Takes and releases again and again. @returns how often, in the end. */
    loop: async (client: SimClient, names: string[], ms: number, on: (n: number) => boolean) => {
      let n = 0
      while (on(n)) {
        const set: LockSet = await client.locks.all(names).acquire({ wait: '60s' })
        for (const lock of set.locks) held.add(lock)
        await pause(client, ms)
        for (const lock of set.locks) held.delete(lock)
        await set.release()
        n++
      }
      return n
    },
    single: async (client: SimClient, name: string, ms: number, on: () => boolean) => {
      while (on()) {
        const lock = await client.locks.mutex(name).acquire({ wait: '60s' })
        held.add(lock)
        await pause(client, ms)
        held.delete(lock)
        await lock.release()
      }
    },
  }
}

test.each(each)(
  'two that name the same names in opposite order both go on: %s',
  async (_, open) => {
    const w = new World()
    const [a, b] = [await ready(w, open(w)), await ready(w, open(w))]
    const { held, loop } = loops()
    const done = w.watch(
      Promise.all([
        loop(a, ['x', 'y', 'z'], 7, (n) => n < 20),
        loop(b, ['z', 'y', 'x'], 11, (n) => n < 20),
      ]),
    )
    await watch(w, held, () => done.state !== 'pending')
    expect(done.value).toEqual([20, 20])
    // They take turns, and nobody waits out anything.
    expect(w.clock.monotonic()).toBeLessThan(1000)
    await w.advance(5)
    expect(w.left()).toEqual([])
  },
)

test.each(each)('three that share two names each, in a ring: %s', async (_, open) => {
  const w = new World()
  const all = await Promise.all([ready(w, open(w)), ready(w, open(w)), ready(w, open(w))])
  const { held, loop } = loops()
  const pairs = [
    ['x', 'y'],
    ['y', 'z'],
    ['z', 'x'],
  ]
  const done = w.watch(
    Promise.all(all.map((client, i) => loop(client, pairs[i]!, 5 + i, (n) => n < 20))),
  )
  await watch(w, held, () => done.state !== 'pending')
  expect(done.value).toEqual([20, 20, 20])
  expect(w.clock.monotonic()).toBeLessThan(2000)
  await w.advance(5)
  expect(w.left()).toEqual([])
})

test.each(each)(
  'comes through where each name is always held and waited for: %s',
  async (_, open) => {
    const w = new World()
    const { held, loop, single } = loops()
    let over = false
    const names = ['x', 'y', 'z']
    const rivals: Promise<void>[] = []
    for (const name of names) {
      for (const ms of [100, 130, 170]) {
        rivals.push(single(await ready(w, w.client()), name, ms, () => !over))
      }
    }
    const began = w.clock.monotonic()
    const done = w.watch(loop(await ready(w, open(w)), names, 10, (n) => n < 5))
    await watch(w, held, () => done.state !== 'pending')
    expect(done.value).toBe(5)
    // In each of three lines three others come first, and one more is in.
    expect(w.clock.monotonic() - began).toBeLessThan(5 * 3 * 2 * 400)
    over = true
    await w.advance(1000)
    await Promise.all(rivals)
    expect(w.left()).toEqual([])
  },
)

test.each(each)('comes through however many stand in each line: %s', async (_, open) => {
  const w = new World()
  const { single } = loops()
  let over = false
  const rivals: Promise<void>[] = []
  for (const name of ['x', 'y']) {
    // A line takes longer than what is held may wait for it.
    for (let i = 0; i < 12; i++) {
      rivals.push(single(await ready(w, w.client()), name, 100, () => !over))
    }
  }
  const me = await ready(w, open(w))
  for (let n = 0; n < 2; n++) {
    const began = w.clock.monotonic()
    const call = w.watch(me.locks.all(['x', 'y']).acquire({ wait: '60s' }))
    for (let ms = 0; ms < 60_000 && call.state === 'pending'; ms += 5) await w.advance(5)
    expect(call.state).toBe('done')
    // Once through each line; then at the front of both.
    expect(call.at - began).toBeLessThan(2 * 1200 + 300)
    await call.value.release()
  }
  over = true
  await w.advance(1500)
  await Promise.all(rivals)
  expect(w.left()).toEqual([])
})

test('behind holders who take long it does not come to the front again and again', async () => {
  const w = new World()
  let [over, times] = [false, 0]
  const { single } = loops()
  const on = (): boolean => !over
  const count = (): boolean => on() && ++times > 0
  const rivals: Promise<void>[] = []
  for (let i = 0; i < 3; i++) {
    rivals.push(single(await ready(w, w.client()), 'x', 100, count))
    rivals.push(single(await ready(w, w.client()), 'y', 1500, on))
  }
  const me = await ready(w, w.client())
  times = 0
  const call = w.watch(me.locks.all(['x', 'y']).acquire({ wait: '60s' }))
  for (let ms = 0; ms < 60_000; ms += 20) await w.advance(20)
  // That call found no moment, and x was of use to the others for most of the time.
  expect(call.state).not.toBe('done')
  expect(times).toBeGreaterThan(350)
  over = true
  await w.advance(6000)
  await Promise.all(rivals)
  expect(w.left()).toEqual([])
})

test('what it gave back unused it waits for at its old place, unless it let a claim run out', async () => {
  const w = new World()
  const [a, me] = [w.client(), await ready(w, w.client())]
  const take = (name: string) => a.locks.mutex(name, { ttl: '3s' }).acquire()
  const [x, y] = [await take('x'), await take('y')]
  const call = w.watch(me.locks.all(['x', 'y'], { ttl: '8s' }).acquire({ wait: '60s' }))
  await w.advance(5)
  const mine = w.line('x')[0]!.slice(0, 32)
  await x.release()
  await w.advance(1100)
  // It held x for a second.
  const again = await take('x')
  const rivals = [await ready(w, w.client()), await ready(w, w.client())]
  const held = rivals.map(({ locks }) => w.watch(locks.mutex('x').acquire({ wait: '60s' })))
  await w.advance(5)
  await y.release()
  await w.advance(5)
  expect(w.line('x').map((owner) => owner.startsWith(mine))).toEqual([true, false, false])
  w.net.drop('push', 'grant', { of: me })
  await again.release()
  await w.advance(5000)
  expect(held.map(({ state }) => state)).toEqual(['done', 'pending'])
  expect(w.line('x').map((owner) => owner.startsWith(mine))).toEqual([false, true])
  for (const one of held) {
    await one.value.release()
    await w.advance(10)
  }
  await call.value.release()
  expect(w.left()).toEqual([])
})

/** A call for seven names that others hold, who let go of them one by one. */
async function sevenHeld(ttl: number) {
  const w = new World()
  const [a, b] = [w.client(), await ready(w, w.client())]
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const held = await a.locks.all(names, { ttl: '60s' }).acquire()
  const call = w.watch(b.locks.all(names, { ttl }).acquire({ wait: '60s' }))
  await w.advance(5)
  return { w, call, release: (i: number) => held.locks[i]!.release() }
}

test('the shorter the lease, the sooner a name is given back', async () => {
  const { w, call, release } = await sevenHeld(1000)
  await release(0)
  await w.advance(230)
  expect(w.holder('a')).not.toBe(null)
  await w.advance(40)
  expect([w.holder('a'), call.state]).toEqual([null, 'pending'])
})

test('while it waits for one name after the other, it holds the first for one lease at most', async () => {
  const { w, call, release } = await sevenHeld(4000)
  for (let i = 0; i < 4; i++) {
    await release(i)
    await w.advance(900)
  }
  expect(w.holder('a')).not.toBe(null)
  await release(4)
  await w.advance(500)
  expect([w.holder('a'), call.state]).toEqual([null, 'pending'])
})

test('a circle through a call for several names is found, and broken', async () => {
  const w = new World()
  const [a, b] = [await ready(w, w.client()), await ready(w, w.client())]
  const pause = (): Promise<void> => new Promise((resolve) => void w.clock.setTimer(resolve, 10))
  const first = w.watch(
    a.locks.mutex('a').use(async () => {
      await pause()
      return a.locks.all(['b', 'c'], { wait: '60s' }).use(() => 'all')
    }),
  )
  const second = w.watch(
    b.locks.all(['b', 'd']).use(async () => {
      await pause()
      await pause()
      return b.locks.mutex('a', { wait: '60s' }).use(() => 'one')
    }),
  )
  for (let ms = 0; ms < 5000; ms += 50) await w.advance(50)
  // The youngest wait gives up; then the other one has all that it wants.
  expect(second.error).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'a' })
  expect(first.value).toBe('all')
  expect(w.left()).toEqual([])
})
