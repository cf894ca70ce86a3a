import { describe, expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { FaultProxy } from '../kit/proxy.js'
import { engines, refusal, until } from '../real/kit.js'
import { GONE, lossCellsOf, type Loss } from './loss-cells.js'
import { believes, PATIENT, Stage } from './stage.js'

const [K, fence, line, , meta] = keysOf('a', 'lock:')

const crash = async ({ nemesis }: Stage): Promise<void> => {
  await nemesis.crash()
  await nemesis.restart()
}

/** To a replica that was cut off before anything was locked. */
async function lossy(stage: Stage): Promise<void> {
  const { nemesis } = stage
  const link = stage.own(await FaultProxy.start(nemesis.server))
  const replica = stage.own(await nemesis.replica(link.port))
  link.freeze()
  replicas.set(stage, async () => {
    await replica.promote()
    await nemesis.demote('127.0.0.1', replica.server.port)
    stage.moveTo(replica)
  })
}
const replicas = new Map<Stage, () => Promise<void>>()

const losses: readonly Loss[] = [
  {
    row: 9,
    name: 'killed, back without its data',
    strike: crash,
    exclusion: 'lost',
    order: 'as they come back',
  },
  {
    row: 11,
    name: 'killed, back with old data',
    prepare: ({ nemesis }) => nemesis.save(),
    strike: crash,
    exclusion: 'lost',
    order: 'as they come back',
  },
  {
    row: 12,
    name: 'FLUSHALL',
    strike: ({ nemesis }) => nemesis.flush(),
    exclusion: 'lost',
    order: 'kept',
  },
  {
    row: 13,
    name: 'DEL of K',
    strike: ({ nemesis }) => nemesis.admin.del(K),
    exclusion: 'lost',
    order: 'kept',
  },
  {
    row: 13,
    name: 'DEL of the line',
    strike: ({ nemesis }) => nemesis.admin.del(line),
    exclusion: 'holds',
    order: 'kept',
  },
  {
    row: 13,
    name: 'DEL of meta',
    strike: ({ nemesis }) => nemesis.admin.del(meta),
    exclusion: 'holds',
    order: 'kept',
  },
  {
    row: 13,
    name: 'DEL of the fence',
    strike: ({ nemesis }) => nemesis.admin.del(fence),
    exclusion: 'holds',
    order: 'kept',
  },
  {
    row: 14,
    name: 'evicted (volatile-ttl)',
    strike: ({ nemesis }) => nemesis.evict(),
    exclusion: 'lost',
    order: 'kept',
  },
  {
    row: 21,
    name: 'lossy failover',
    prepare: lossy,
    strike: (stage) => replicas.get(stage)!(),
    exclusion: 'lost',
    order: 'as they come back',
  },
]

describe.each(engines)('data that is lost, on %s', (engine) => {
  const each = test.skipIf(engine === 'any').concurrent

  each.for(lossCellsOf(losses))('%s', ([, play]) => Stage.play(engine, [], play))

  each('[13] K overwritten by somebody else | a foreign holder, whom nobody touches', () =>
    Stage.play(engine, [], async (stage) => {
      const { admin } = stage.nemesis
      const mutex = await stage.warm(stage.far())
      const near = await stage.warm(stage.near())
      const lock = await mutex.acquire()
      const waiting = near.acquire({ wait: PATIENT })
      await stage.queued(stage.near(), 1)
      await admin.set(K, 'theirs')
      expect(believes(lock)).toBe(true)
      expect(await refusal(mutex.acquire({ wait: 0 }))).toMatchObject({
        code: 'ERR_TAKEN',
        holder: { mode: 'foreign', owner: null },
      })
      expect(await refusal(lock.verify())).toMatchObject(GONE)
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
      expect(await admin.get(K)).toBe('theirs')
      await admin.del(K)
      const won = await mutex.acquire({ wait: 0 }).catch(() => null)
      // Whoever asks sets the hand-over going; it goes to the one who stands in line.
      expect(won).toBeNull()
      const next = await waiting
      expect(next.fence).toBeGreaterThan(lock.fence)
      await next.release()
      await stage.clean()
    }),
  )

  each('[21] split brain | F, two hold, and the new primary gives the larger tokens', () =>
    Stage.play(engine, [], async (stage) => {
      const old = stage.nemesis
      const link = stage.own(await FaultProxy.start(old.server))
      const replica = stage.own(await old.replica(link.port))
      const near = await stage.warm(stage.near())
      const far = await stage.warm(stage.far())
      link.freeze()
      const stays = await near.acquire()
      await replica.promote()
      // The far side is led to the new primary, the near side is not.
      stage.moveTo(replica, 'far')
      const moved = await far.acquire({ wait: PATIENT })
      await stays.verify()
      await moved.verify()
      expect(moved.fence).toBeGreaterThan(stays.fence)
      // The old primary comes back as a replica: its data is gone, and so is the lease.
      link.cut()
      await old.demote('127.0.0.1', replica.server.port)
      stage.moveTo(replica)
      await until(async () => expect(await refusal(stays.verify())).toMatchObject(GONE))
      await moved.verify()
      expect(await moved.release()).toEqual({ released: true })
      await stage.clean()
    }),
  )
})
