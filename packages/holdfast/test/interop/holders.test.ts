import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, LockOptions, LockState } from '../../src/index.js'
import { engines, refusal, until, World } from '../real/kit.js'
import { missing, Peer } from './peer.js'
import type { Library } from './programs.mjs'

/** A library, the prefix that gives Holdfast the same keys, and a name as the library takes it. */
const LIBRARIES: [library: Library, prefix: string, name: string][] = [
  ['redlock4', 'jobs:', 'jobs:a'],
  ['redlock5', 'jobs:', 'jobs:a'],
  ['redis-semaphore', 'mutex:', 'a'],
  ['simple-redis-mutex', '@simple-redis-mutex:lock-', 'a'],
  // The resource as it is, without any prefix.
  ['redis-py', '', 'a'],
  ['redsync', 'jobs:', 'jobs:a'],
]
/** Nothing in these tests is to end by itself, unless it says so. */
const LONG_MS = 60_000
const FIXED: LockOptions = { ttl: 10_000, renew: false }

const cases = LIBRARIES.map((row) => ({ row, reason: missing(row[0]) }))

for (const engine of engines) {
  for (const { row, reason } of cases) {
    const [library, prefix, name] = row
    if (reason !== null) {
      test.skip(`${library} on ${engine}: ${reason}`)
      continue
    }

    describe(`${library} on the same key, on ${engine}`, () => {
      const key = `${prefix}a`
      let world: World
      let peer: Peer
      let locks: Holdfast
      beforeAll(async () => {
        world = await World.start(engine)
        peer = await Peer.start(library, world.server)
      })
      afterEach(() => world.clean())
      afterAll(async () => {
        await peer.stop()
        await world.stop()
      })
      const mutex = (options: LockOptions = {}): ReturnType<Holdfast['mutex']> => {
        locks = world.locks({ prefix })
        return locks.mutex('a', options)
      }
      const take = (ms = LONG_MS): Promise<boolean> => peer.ask('take', { name, ms })
      const release = (): Promise<boolean | null> => peer.ask('release', { name })
      const extend = (): Promise<boolean | null> => peer.ask('extend', { name })
      const left = async (): Promise<string[]> =>
        (await world.keys()).filter((one) => one === key || one.includes(':hf:'))
      /** Where a library does not say what it did, the keys say it. */
      const no = expect.toBeOneOf([false, null]) as boolean
      const yes = expect.toBeOneOf([true, null]) as boolean

      test('it keeps us out, and everything that we say names it', async () => {
        const ours = mutex()
        expect(await take()).toBe(true)
        const value = await world.admin.get(key)
        const foreign = { mode: 'foreign', owner: null }

        expect(await ours.tryAcquire()).toBeNull()
        const taken = await refusal(ours.acquire({ wait: 0 }))
        expect(taken).toMatchObject({ code: 'ERR_TAKEN', lock: 'a', holder: foreign })
        expect((taken as { remaining: number }).remaining).toBeGreaterThan(0)
        expect((taken as { remaining: number }).remaining).toBeLessThanOrEqual(LONG_MS)
        const late = await refusal(ours.acquire({ wait: 100 }))
        expect(late).toMatchObject({ code: 'ERR_TIMEOUT', lock: 'a', holder: foreign })

        const remaining = expect.any(Number) as number
        const holder = { ...foreign, heldFor: null, fence: null, remaining }
        const state = { name: 'a', holders: [holder], holderCount: 1, waiterCount: 0 }
        expect(await locks.inspect('a')).toMatchObject(state)
        const listed: LockState[] = []
        for await (const one of locks.list('a')) listed.push(one)
        expect(listed).toMatchObject([state])
        // It does not listen to us, so it cannot be asked to let go.
        expect(await locks.forceRelease('a')).toEqual({ freed: false, asked: 0, remaining })

        expect(await world.admin.get(key)).toBe(value)
        expect(await extend()).toEqual(yes)
        expect(await release()).toEqual(yes)
        expect(await left()).toEqual([])
      })

      test('its release is enough for our waiter, and so is the end of its lease', async () => {
        const ours = mutex()
        expect(await take()).toBe(true)
        const waiting = ours.acquire()
        await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
        expect(await release()).toEqual(yes)
        const lock = await waiting
        await lock.verify()
        await lock.release()

        expect(await take(300)).toBe(true)
        await (await ours.acquire()).verify()
      })

      test('we keep it out: before and after a renewal, and a hand-over', async () => {
        const [ours, next] = [mutex(), mutex()]
        const lock = await ours.acquire()
        expect(await take()).toBe(false)
        await lock.verify()
        expect(await take()).toBe(false)
        const waiting = next.acquire()
        await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
        await lock.release()
        const second = await waiting
        expect(await take()).toBe(false)
        expect(await world.admin.get(key)).toBe(second.owner)
        await second.release()
        expect(await take()).toBe(true)
      })

      test('it waits for us, and gets the name after our release', async () => {
        const lock = await mutex(FIXED).acquire()
        const commands = async (): Promise<number> => {
          const info = await world.admin.info('commandstats')
          const calls = info.matchAll(/cmdstat_(?:set|evalsha|eval):calls=(\d+)/g)
          return [...calls].reduce((sum, [, count]) => sum + Number(count), 0)
        }
        const before = await commands()
        const working = peer.ask('work', { name, times: 1, tag: 'it' })
        // It has asked more than once; and nobody else asks anything here.
        await until(async () => expect(await commands()).toBeGreaterThan(before + 2))
        expect(await world.admin.get('counter')).toBeNull()
        expect(await lock.release()).toEqual({ released: true })
        expect(await working).toBe(1)
        expect(await world.admin.get('counter')).toBe('1')
      })

      test('what it does with a lease that is over leaves ours alone', async () => {
        const ours = mutex(FIXED)
        // Gone from the server before it is over by its own clock: so its requests are really sent.
        expect(await take()).toBe(true)
        await world.admin.del(key)
        const lock = await ours.acquire()
        expect(await extend()).toEqual(no)
        expect(await release()).toEqual(no)
        expect(await world.admin.get(key)).toBe(lock.owner)
        expect(await world.admin.pttl(key)).toBeLessThanOrEqual(10_000)
        await lock.verify()
      })

      test('what we do with a lease that is over leaves its alone', async () => {
        const ours = mutex({ ttl: LONG_MS, renew: false })
        const first = await ours.acquire()
        await world.admin.del(key)
        expect(await take(10_000)).toBe(true)
        const value = await world.admin.get(key)
        expect(await first.release()).toEqual({ released: false, reason: 'lost' })
        expect(await world.admin.get(key)).toBe(value)
        expect(await release()).toEqual(yes)

        const second = await ours.acquire()
        await world.admin.del(key)
        expect(await take(10_000)).toBe(true)
        const gone = { code: 'ERR_LOST', reason: 'gone' }
        expect(await refusal(second.extend('5m'))).toMatchObject(gone)
        expect(second.signal.aborted).toBe(true)
        expect(await world.admin.pttl(key)).toBeLessThanOrEqual(10_000)
        expect(await release()).toEqual(yes)
        // What we noted of a holder whose key somebody deleted goes by itself.
        for (const one of await left()) expect(await world.admin.pttl(one)).toBeGreaterThan(0)
      })

      test('it can be ended by force, and then does nothing to who came after it', async () => {
        const ours = mutex(FIXED)
        expect(await take()).toBe(true)
        const result = await locks.forceRelease('a', { now: true })
        expect(result).toMatchObject({ freed: true, remaining: 0 })
        const lock = await ours.acquire({ wait: 0 })
        expect(await extend()).toEqual(no)
        expect(await release()).toEqual(no)
        await lock.verify()
      })
    })
  }
}
