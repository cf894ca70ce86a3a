// What keeps a process alive, what close waits for, and what hangs on an AbortSignal.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { Runtime, Timer } from '../../src/base/runtime.js'
import type { Subscription } from '../../src/clients/port.js'
import { Holdfast } from '../../src/index.js'
import { LocalClock } from '../../src/base/clock.js'
import { Mailbox } from '../../src/line/mailbox.js'
import type { Node } from '../../src/quorum/node.js'
import { ClientClock } from '../kit/client-clock.js'
import { SimPort } from '../kit/sim-port.js'
import { World } from '../kit/world.js'

/** A client whose timers that keep the process alive are counted. */
function counted(w: World): { locks: Holdfast; alive: Set<object> } {
  const own = new ClientClock(w.clock, { seed: 77 })
  const alive = new Set<object>()
  const setTimer = (callback: () => void, ms: number, keepAlive: boolean): Timer => {
    const mark = {}
    if (keepAlive) alive.add(mark)
    const timer = own.setTimer(() => {
      alive.delete(mark)
      callback()
    }, ms)
    return {
      cancel: () => {
        alive.delete(mark)
        timer.cancel()
      },
    }
  }
  const runtime: Runtime = {
    monotonic: () => own.monotonic(),
    wall: () => own.wall(),
    boot: () => own.boot(),
    random: () => own.random(),
    randomHex: (count) => own.randomHex(count),
    setTimer,
  }
  return { locks: new Holdfast(new SimPort(w.net, own), { runtime }), alive }
}

test('a use that has ended keeps no process alive, while another lock is held', async () => {
  const w = new World()
  const { locks, alive } = counted(w)
  const other = await locks.mutex('other').acquire()
  expect(alive.size).toBe(0)
  let during = 0
  const used = w.watch(locks.mutex('x').use(() => (during = alive.size)))
  await w.advance()
  expect(during).toBe(1)
  expect(used.state).toBe('done')
  expect(alive.size).toBe(0)
  // It is renewed all the same, if something else keeps the process.
  await w.advance(30_000)
  other.assertHeld()
  expect(alive.size).toBe(0)
})

test('a use that goes on keeps it, when another one ends', async () => {
  const w = new World()
  const { locks, alive } = counted(w)
  const ends: (() => void)[] = []
  const long = (): Promise<void> => new Promise((resolve) => void ends.push(resolve))
  const all = ['x', 'y'].map((name) => w.watch(locks.mutex(name).use(long)))
  await w.advance(100)
  expect(alive.size).toBe(1)
  ends[0]!()
  await w.advance()
  expect(all.map(({ state }) => state)).toEqual(['done', 'pending'])
  expect(alive.size).toBe(1)
  await w.advance(10_000)
  expect(alive.size).toBe(1)
  ends[1]!()
  await w.advance()
  expect(all[1]!.state).toBe('done')
  expect(alive.size).toBe(0)
})

test('close waits until what cancelled waits leave behind is given back', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  const releases = w.net.hold('request', 'release', { of: b })
  const closed = w.watch(b.locks.close())
  await w.advance(400)
  expect(wait.error.code).toBe('ERR_CLOSED')
  expect([releases.count, closed.state]).toEqual([1, 'pending'])
  expect(w.line('x').length).toBe(1)
  releases.release()
  await w.advance()
  expect(closed.state).toBe('done')
  expect(w.line('x')).toEqual([])
})

test('close waits for it no longer than for one answer', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  w.net.silence(b)
  const closed = w.watch(b.locks.close())
  await w.advance(5000)
  expect(closed.at).toBe(500)
  expect(b.clock.timers).toBe(0)
})

test('two refusals of one subscription do not throw away the next one', async () => {
  const wishes: { refuse: (error: Error) => void; confirm: () => void }[] = []
  const made: Promise<Subscription>[] = []
  const subscribe = (): Promise<Subscription> => {
    const one = new Promise<Subscription>((resolve, reject) => {
      wishes.push({ refuse: reject, confirm: () => resolve({ close: () => Promise.resolve() }) })
    })
    made.push(one)
    return one
  }
  const clock = new LocalClock(new World().clock)
  const mailbox = new Mailbox({ subscribe } as unknown as Node, clock, 'c', () => undefined)
  const first = mailbox.open()
  // Somebody who wants to wait comes between the two that are refused.
  const third = made[0]!.catch(() => mailbox.open())
  const second = mailbox.open()
  wishes[0]!.refuse(new Error('refused'))
  await Promise.allSettled([first, second])
  const fourth = mailbox.open()
  expect(made.length).toBe(2)
  wishes[1]!.confirm()
  await Promise.all([third, fourth])
  expect(mailbox.live).toBe(true)
})

test('many waits on one signal: one listener, none afterwards, and all end by its reason', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const names = Array.from({ length: 50 }, (_, i) => `n${i % 25}`)
  await Promise.all(names.slice(0, 25).map((name) => a.locks.mutex(name).acquire()))
  const controller = new AbortController()
  const { signal } = controller
  const listeners = (): number => getEventListeners(signal, 'abort').length
  const wait = (name: string) => w.watch(b.locks.mutex(name).acquire({ signal }))
  const all = names.map(wait)
  expect(listeners()).toBe(1)
  await w.advance(100)
  expect(listeners()).toBe(1)
  const reason = new Error('never mind')
  controller.abort(reason)
  await w.advance()
  expect(new Set(all.map(({ error }) => error))).toEqual(new Set([reason]))
  expect(all.every(({ error }) => (error as Error) === reason)).toBe(true)
  expect(listeners()).toBe(0)
  expect(names.flatMap((name) => w.line(name))).toEqual([])
})

test('waits that end otherwise leave no listener, and the last one takes it along', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  await a.locks.mutex('y').acquire()
  const { signal } = new AbortController()
  const listeners = (): number => getEventListeners(signal, 'abort').length
  const granted = w.watch(b.locks.mutex('x').acquire({ signal }))
  const timedOut = w.watch(b.locks.mutex('y').acquire({ signal, wait: 1000 }))
  await w.advance()
  await held.release()
  await w.advance()
  expect([granted.state, timedOut.state, listeners()]).toEqual(['done', 'pending', 1])
  await w.advance(1100)
  expect([timedOut.error.code, listeners()]).toEqual(['ERR_TIMEOUT', 0])
})
