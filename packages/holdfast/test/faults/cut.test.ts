import { describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { engines, Events, refusal, until } from '../real/kit.js'
import { believes, LONG, PATIENT, Stage } from './stage.js'

/** Where the connection of a command breaks. ioredis sends the command again when it is back. */
const cuts = [
  ['before the request', 'request', 0],
  ['within the request', 'request', 40],
  ['before the reply, after its execution', 'reply', 0],
  ['within the reply, after its execution', 'reply', 10],
] as const

const SCRIPT = /evalsha/i

describe.each(engines)('broken off, on %s', (engine) => {
  const each = test.skipIf(engine === 'any').concurrent

  /** It is this one's, and nothing is left when it is given back. */
  async function whole(stage: Stage, lock: Lock): Promise<void> {
    await lock.verify()
    expect(await (await stage.warm(stage.near())).tryAcquire()).toBeNull()
    expect(await lock.release()).toEqual({ released: true })
    await stage.clean()
  }

  each.for(cuts)('[2] %s | acquiring: R, granted once', ([, direction, bytes]) =>
    Stage.play(engine, [], async (stage) => {
      const mutex = await stage.warm(stage.far())
      const cut = stage.proxy.cutAfter(direction, bytes, SCRIPT)
      const lock = await mutex.acquire({ wait: PATIENT })
      await cut
      await whole(stage, lock)
    }),
  )

  each.for(cuts)('[2] %s | holding: E, renewed', ([, direction, bytes]) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      const cut = stage.proxy.cutAfter(direction, bytes, SCRIPT)
      await until(() => lock.verify())
      await cut
      await whole(stage, lock)
    }),
  )

  each.for(cuts)('[2] %s | waiting: R, its place is kept', ([, direction, bytes]) =>
    Stage.play(engine, [], async (stage) => {
      const holder = await (await stage.warm(stage.near())).acquire()
      const far = stage.far()
      const mutex = await stage.warm(far)
      // Its first question; with the next it stands in line.
      const cut = stage.proxy.cutAfter(direction, bytes, SCRIPT)
      const waiting = mutex.acquire({ wait: PATIENT })
      await cut
      await stage.queued(far, 1)
      await stage.subscribed(1)
      await holder.release()
      const lock = await waiting
      expect(lock.fence).toBeGreaterThan(holder.fence)
      await until(() => lock.verify())
      await whole(stage, lock)
    }),
  )

  each.for(cuts)('[2] %s | releasing: R, free at once', ([, direction, bytes]) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      const cut = stage.proxy.cutAfter(direction, bytes, SCRIPT)
      // The second copy of a release finds nothing, and cannot know why.
      const twice = direction === 'reply'
      expect(await lock.release()).toEqual(
        twice ? { released: false, reason: 'lost' } : { released: true },
      )
      await cut
      await stage.clean()
    }),
  )

  each('[4] a request that is late by more than its limit is not carried out', () =>
    Stage.play(engine, [], async (stage) => {
      const mutex = await stage.warm(stage.far())
      const { admin } = stage.nemesis
      await admin.config('RESETSTAT')
      stage.proxy.freeze('request')
      const error = await refusal(mutex.acquire({ wait: 0 }))
      expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE', lock: 'a' })
      stage.proxy.resume()
      // The acquire, and the release that was sent after it.
      await until(async () => {
        const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))
        expect(Number(calls?.[1])).toBe(2)
      })
      // It would have left a token.
      const [, fence] = keysOf('a', 'lock:')
      expect(await admin.exists(fence)).toBe(0)
      await stage.clean()
    }),
  )

  each('[33] a waiter behind a black hole costs the next one a claim, and no more', () =>
    Stage.play(engine, [], async (stage) => {
      const holder = await (await stage.warm(stage.near())).acquire()
      const far = stage.far()
      await stage.warm(far)
      const deaf = far.mutex('a', { ttl: LONG, claim: 300 }).acquire({ wait: PATIENT })
      await stage.queued(far, 1)
      const next = (await stage.warm(stage.near())).acquire({ wait: PATIENT })
      await stage.queued(far, 2)
      stage.proxy.drop()
      const granted = deaf.then((lock) => [lock, believes(first)] as const)
      await holder.release()
      // The server granted it to the deaf one, whose claim ran out unheard.
      const first = await next
      expect(first.fence).toBeGreaterThan(holder.fence)
      await stage.proxy.heal()
      await stage.subscribed(2)
      await first.release()
      const [lock, two] = await granted
      expect(two).toBe(false)
      expect(lock.fence).toBeGreaterThan(first.fence)
      await until(() => lock.verify())
      await whole(stage, lock)
    }),
  )

  each('[33] PUBLISH refused | waiting: R, by its own question, and an event says so', () =>
    Stage.play(engine, [], async (stage) => {
      const events = new Events()
      const holder = await (await stage.warm(stage.near())).acquire()
      const far = stage.far()
      await stage.warm(far)
      const waiting = far.mutex('a', { ttl: LONG, claim: LONG }).acquire({ wait: PATIENT })
      await stage.queued(far, 1)
      await stage.nemesis.rights('-publish')
      await holder.release()
      await until(() => expect(events.of('holdfast:push-failed').length).toBeGreaterThan(0))
      events.stop()
      expect(await stage.near().mutex('a').tryAcquire()).toBeNull()
      await stage.nemesis.rights('+@all')
      // Nobody told it; its subscription breaks, so it asks.
      await stage.nemesis.kill('pubsub')
      const lock = await waiting
      expect(lock.fence).toBeGreaterThan(holder.fence)
      await whole(stage, lock)
    }),
  )
})
