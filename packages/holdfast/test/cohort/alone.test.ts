// A lock that nobody else of its process wants has no cohort. One is made when somebody does, and is as if it
// had been there all the time.
import { expect, test } from 'vitest'
import type { Lock, MutexOptions } from '../../src/index.js'
import { Cohort } from '../../src/line/cohort.js'
import { World, type SimClient } from '../kit/world.js'

const TERMS = { localHandovers: 16, localHandoverMs: 200 }
/** Whether a cohort is kept because of it. */
const hasCohort = ({ lease }: Lock): boolean => lease.succession instanceof Cohort

/** Held locks, in the order in which they were granted. */
class Held {
  readonly world = new World()
  readonly a: SimClient = this.world.client()
  readonly locks: Lock[] = []

  async call(options: MutexOptions = {}, name = 'a'): Promise<void> {
    void this.a.locks
      .mutex(name, { ...TERMS, ...options })
      .acquire({ wait: Infinity })
      .then((lock) => this.locks.push(lock))
    await this.world.advance()
  }

  /** Releases what was granted last. @returns whether the server was asked anything. */
  async pass(): Promise<boolean> {
    const { log } = this.world.net
    const before = log.length
    void this.locks.at(-1)!.release()
    await this.world.advance()
    return log.length > before
  }
}

test('there is a cohort where two want a name, and for what may be kept for the next call', async () => {
  const h = new Held()
  for (const name of ['a', 'b']) await h.call({}, name)
  expect(h.locks.map(hasCohort)).toEqual([false, false])
  await h.call({}, 'b')
  await h.call({ linger: 500 }, 'c')
  expect(h.locks.map(hasCohort)).toEqual([false, true, true])
})

test('who comes later has the turn that is left: so many hand-overs, so many tokens', async () => {
  const h = new Held()
  await h.call()
  for (let i = 0; i < 20; i++) await h.call()
  const asked: boolean[] = []
  for (let i = 0; i < 20; i++) asked.push(await h.pass())
  // Once around through the server, and on.
  expect(asked.map(Number).join('')).toBe(`${'0'.repeat(16)}1000`)
  const fences = h.locks.map(({ fence }) => fence)
  expect(fences.slice(0, 17)).toEqual(fences.slice(0, 17).map((_, i) => fences[0]! + i))
  expect(fences[17]! > fences[16]!).toBe(true)
})

test('and until its time is over, since the grant', async () => {
  for (const [late, around] of [
    [90, false],
    [110, true],
  ] as const) {
    const h = new Held()
    await h.call()
    await h.world.advance(100)
    await h.call()
    await h.world.advance(late)
    expect(await h.pass()).toBe(around)
    expect(h.locks).toHaveLength(2)
  }
})

test('on other terms he asks by himself, and is no hindrance to who comes on the same', async () => {
  const h = new Held()
  await h.call()
  const asked = h.world.net.count('acquire')
  await h.call({ ttl: 7000 })
  expect(h.world.net.count('acquire')).toBeGreaterThan(asked)
  await h.call()
  expect(await h.pass()).toBe(false)
  expect(h.locks).toHaveLength(2)
  expect(await h.pass()).toBe(true)
  expect(h.locks).toHaveLength(3)
  await h.pass()
  expect(h.world.left()).toEqual([])
})

test('one that is lost, or forced, while it is alone stands in nobody’s way', async () => {
  const h = new Held()
  await h.call({ renew: false, ttl: 1000 })
  await h.world.advance(1100)
  expect(h.locks[0]!.isHeld).toBe(false)
  await h.call()
  await h.a.locks.forceRelease('a')
  await expect(h.locks[1]!.verify()).rejects.toMatchObject({ code: 'ERR_LOST' })
  await h.call()
  await h.call()
  expect(h.locks).toHaveLength(3)
  expect(await h.pass()).toBe(false)
  await h.pass()
  expect(h.locks).toHaveLength(4)
  expect(h.world.left()).toEqual([])
})

test('what was handed on keeps its cohort: how often it still may be is known to that alone', async () => {
  const h = new Held()
  for (let i = 0; i < 3; i++) await h.call()
  for (let i = 0; i < 2; i++) await h.pass()
  for (let i = 0; i < 15; i++) await h.call()
  const asked: boolean[] = []
  for (let i = 0; i < 15; i++) asked.push(await h.pass())
  expect(asked.map(Number).join('')).toBe(`${'0'.repeat(14)}1`)
})

test('of several cohorts of a name none is forgotten', async () => {
  const h = new Held()
  const other = { ttl: 7000 }
  await h.call()
  await h.call(other)
  await h.call()
  // Its time is over: those on other terms have it, and then these.
  await h.world.advance(300)
  for (const behind of [other, {}]) {
    expect(await h.pass()).toBe(true)
    expect(hasCohort(h.locks.at(-1)!)).toBe(true)
    const asked = h.world.net.count('acquire')
    await h.call(other)
    await h.call(behind)
    // Who wants it on the terms of those who wait, waits with them.
    expect(h.world.net.count('acquire')).toBe(asked)
    await h.world.advance(300)
  }
})
