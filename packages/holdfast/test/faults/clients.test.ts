import { describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { kinds, otherKinds, recommendedKinds } from '../clients/kinds.js'
import { within } from '../kit/within.js'
import { engines, refusal, until } from '../real/kit.js'
import { believes, IN_TIME, LONG, PATIENT, SHORT, Stage } from './stage.js'

const faults = [
  {
    fault: 'away and back',
    begin: ({ nemesis }: Stage) => nemesis.crash(),
    end: ({ nemesis }: Stage) => nemesis.restart(),
  },
  {
    fault: 'frozen before the write',
    begin: ({ nemesis }: Stage) => nemesis.freeze(),
    end: ({ nemesis }: Stage) => nemesis.thaw(),
  },
  {
    // The server carries it out, and nobody hears of it.
    fault: 'frozen after the write',
    begin: ({ proxy }: Stage) => proxy.freeze('reply'),
    end: ({ proxy }: Stage) => proxy.resume('reply'),
  },
] as const

const UNAVAILABLE = { code: 'ERR_UNAVAILABLE' }
const cells = [...kinds, ...otherKinds, ...recommendedKinds].flatMap((kind) =>
  faults.map((fault) => [`${kind.name}, ${fault.fault}`, kind, fault] as const),
)
const [engine = 'any'] = engines
// So that a restart is an absence and no loss.
const lasting = ['--appendonly', 'yes', '--appendfsync', 'always']

/** What the clients do: each answers its caller in time, leaves nothing behind, grants nothing twice. */
describe(`clients and servers that are away, on ${engine}`, () => {
  const each = test.skipIf(engine === 'any').concurrent.for(cells)

  /** This one's alone, and nothing is left when it is given back. */
  async function whole(stage: Stage, lock: Lock): Promise<void> {
    await until(() => lock.verify())
    expect(await (await stage.warm(stage.near())).tryAcquire()).toBeNull()
    expect(await lock.release()).toEqual({ released: true })
    await stage.clean()
  }

  each('%s | acquire: ERR_UNAVAILABLE, no orphan; a patient one is granted', ([, kind, fault]) =>
    Stage.play(engine, lasting, async (stage) => {
      const far = await stage.farBy(kind)
      const mutex = await stage.warm(far)
      const rival = await stage.warm(stage.near())
      await fault.begin(stage)
      const once = await refusal(within(mutex.acquire({ wait: 0 }), IN_TIME))
      expect(once).toMatchObject({ ...UNAVAILABLE, lock: 'a' })
      const patient = mutex.acquire({ wait: PATIENT })
      patient.catch(() => {})
      const controller = new AbortController()
      const given = refusal(mutex.acquire({ wait: PATIENT, signal: controller.signal }))
      controller.abort('enough')
      expect(await given).toBe('enough')
      await fault.end(stage)
      const lock = await patient
      const other = rival.acquire({ wait: PATIENT }).then((won) => [won, believes(lock)] as const)
      await until(() => lock.verify())
      await stage.queued(stage.near(), 1)
      expect(await lock.release()).toEqual({ released: true })
      const [won, two] = await other
      expect(two).toBe(false)
      expect(won.fence).toBeGreaterThan(lock.fence)
      // What the client may have kept of the two that gave up has been sent before this.
      await stage.warm(far)
      await whole(stage, won)
    }),
  )

  each("%s | release: 'unavailable', free soon after", ([, kind, fault]) =>
    Stage.play(engine, lasting, async (stage) => {
      const far = await stage.farBy(kind)
      const mutex = await stage.warm(far)
      const lock = await mutex.acquire()
      await fault.begin(stage)
      const result = await within(lock.release(), IN_TIME)
      expect(result).toEqual({ released: false, reason: 'unavailable' })
      await fault.end(stage)
      await stage.clean()
      const next = await stage.near().mutex('a', { ttl: LONG }).acquire()
      // Nor does a late copy of the release touch whoever came next.
      await stage.warm(far)
      expect(next.fence).toBeGreaterThan(lock.fence)
      await whole(stage, next)
    }),
  )

  each(
    '%s | renew: ERR_UNAVAILABLE, a long lease is kept, a short one lost in time',
    ([, kind, fault]) =>
      Stage.play(engine, lasting, async (stage) => {
        const far = await stage.farBy(kind)
        const lock = await (await stage.warm(far)).acquire()
        const near = stage.near()
        const rival = await stage.warm(near)
        const short = await far.mutex('b', { ttl: SHORT }).acquire()
        // Stands in line before, and so is granted it at the first moment at which the server may.
        const next = near
          .mutex('b')
          .acquire({ wait: PATIENT })
          .then((other) => ({ other, two: believes(short) }))
        next.catch(() => {})
        await stage.queued(near, 1, 'b')
        await fault.begin(stage)
        const said = await refusal(within(lock.verify(), IN_TIME))
        expect(said).toMatchObject({ ...UNAVAILABLE, lock: 'a' })
        await until(() => expect(short.signal.aborted).toBe(true))
        expect(short.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
        expect(believes(lock)).toBe(true)
        await fault.end(stage)
        const { other, two } = await next
        expect(two).toBe(false)
        expect(other.fence).toBeGreaterThan(short.fence)
        await until(() => lock.verify())
        expect(await rival.tryAcquire()).toBeNull()
        expect(await other.release()).toEqual({ released: true })
        await whole(stage, lock)
      }),
  )

  each('%s | wait: the place is kept, and its turn comes', ([, kind, fault]) =>
    Stage.play(engine, lasting, async (stage) => {
      const near = stage.near()
      const holder = await (await stage.warm(near)).acquire()
      const far = await stage.farBy(kind)
      const waiting = (await stage.warm(far)).acquire({ wait: PATIENT })
      waiting.catch(() => {})
      await stage.queued(far, 1)
      const behind = (await stage.warm(stage.near())).acquire({ wait: PATIENT })
      behind.catch(() => {})
      await stage.queued(far, 2)
      await fault.begin(stage)
      const once = await refusal(within(far.mutex('b').acquire({ wait: 0 }), IN_TIME))
      expect(once).toMatchObject(UNAVAILABLE)
      await fault.end(stage)
      await until(() => holder.verify())
      // One whose subscription is not back yet loses its turn to the one behind it.
      await stage.hears(far)
      await stage.subscribed(2)
      expect(await holder.release()).toEqual({ released: true })
      const lock = await waiting
      expect(lock.fence).toBeGreaterThan(holder.fence)
      await until(() => lock.verify())
      expect(await lock.release()).toEqual({ released: true })
      const next = await behind
      expect(next.fence).toBeGreaterThan(lock.fence)
      await whole(stage, next)
    }),
  )

  each('%s | close: ends in time, free when the lease is over', ([, kind, fault]) =>
    Stage.play(engine, lasting, async (stage) => {
      const far = await stage.farBy(kind)
      await stage.warm(far)
      const lock = await far.mutex('a', { ttl: SHORT }).acquire()
      const waiting = refusal(far.mutex('a').acquire({ wait: PATIENT }))
      await stage.queued(far, 1)
      await fault.begin(stage)
      await within(far.close(), IN_TIME)
      expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' })
      expect(lock.signal.aborted).toBe(true)
      await fault.end(stage)
      const next = await stage.near().mutex('a', { ttl: LONG }).acquire({ wait: PATIENT })
      expect(next.fence).toBeGreaterThan(lock.fence)
      await whole(stage, next)
    }),
  )
})
