import { describe, expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { FaultProxy } from '../kit/proxy.js'
import { engines, refusal, until } from '../real/kit.js'
import { believes, LONG, PATIENT, SHORT, Stage } from './stage.js'

const [K, fence, line, , meta] = keysOf('a', 'lock:')
const GONE = { code: 'ERR_LOST', reason: 'gone' }

/** The server forgets something at one moment. */
interface Loss {
  readonly row: number
  readonly name: string
  /** Before anything is locked. */
  readonly prepare?: (stage: Stage) => unknown
  readonly strike: (stage: Stage) => unknown
  /** Whether the holder's key is lost with it. */
  readonly exclusion: 'lost' | 'holds'
  /** Whether waiters of two processes come back in their order. */
  readonly order: 'kept' | 'as they come back'
}

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
  const named = losses.map((loss) => [`[${loss.row}] ${loss.name}`, loss] as const)
  const each = test.skipIf(engine === 'any').concurrent
  const lost = named.filter(([, { exclusion }]) => exclusion === 'lost')
  const kept = named.filter(([, { exclusion }]) => exclusion === 'holds')

  const play = (loss: Loss, scene: (stage: Stage) => Promise<void>): Promise<void> =>
    Stage.play(engine, [], async (stage) => {
      await loss.prepare?.(stage)
      await scene(stage)
    })

  each.for(lost)('%s | holding: F, two hold until the renewal says gone, tokens rise', ([, loss]) =>
    play(loss, async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      await loss.strike(stage)
      // Whoever has to ask the server gets it; only the resource can tell the two apart.
      const rival = stage.near().mutex('a', { ttl: LONG })
      const other = await rival.acquire({ wait: PATIENT })
      expect(believes(lock)).toBe(true)
      expect(other.fence).toBeGreaterThan(lock.fence)
      await until(async () => expect(await refusal(lock.verify())).toMatchObject(GONE))
      expect(lock.signal.reason).toMatchObject(GONE)
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
      await other.verify()
      expect(await other.release()).toEqual({ released: true })
      await stage.clean()
    }),
  )

  each.for(kept)('%s | holding: E, the lease is kept', ([, loss]) =>
    play(loss, async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      await loss.strike(stage)
      await lock.verify()
      expect(await stage.near().mutex('a').tryAcquire()).toBeNull()
      expect(await lock.release()).toEqual({ released: true })
      await stage.clean()
    }),
  )

  each.for(named)('%s | waiting: R, both get it, tokens rise', ([, loss]) =>
    play(loss, async (stage) => {
      const holder = await (await stage.warm(stage.near(), SHORT)).acquire()
      const second = await stage.warm(stage.near())
      const first = stage.far()
      const tokens: number[] = []
      const order: string[] = []
      const wait = async (who: string, mutex: typeof second): Promise<void> => {
        const lock = await mutex.acquire({ wait: PATIENT })
        order.push(who)
        tokens.push(lock.fence)
        await until(() => lock.verify())
        expect(await lock.release()).toEqual({ released: true })
      }
      const one = wait('first', await stage.warm(first))
      one.catch(() => {})
      await stage.queued(first, 1)
      const two = wait('second', second)
      two.catch(() => {})
      await stage.queued(first, 2)
      await loss.strike(stage)
      if (loss.exclusion === 'holds') expect((await holder.release()).released).toBe(true)
      await Promise.all([one, two])
      if (loss.order === 'kept') expect(order).toEqual(['first', 'second'])
      expect(tokens[0]).toBeGreaterThan(holder.fence)
      expect(tokens[1]).toBeGreaterThan(tokens[0]!)
      await until(() => expect(believes(holder)).toBe(false))
      await stage.clean()
    }),
  )

  each.for(named)('%s | acquiring: R, granted, with a larger token', ([, loss]) =>
    play(loss, async (stage) => {
      const mutex = await stage.warm(stage.far())
      const before = await mutex.acquire()
      await before.release()
      const asked = mutex.acquire({ wait: PATIENT })
      await loss.strike(stage)
      const during = await asked
      // Granted before the loss or after it.
      await until(async () => {
        const said = await refusal(during.verify())
        if (said !== 'nothing') expect(said).toMatchObject(GONE)
      })
      await during.release()
      const after = await mutex.acquire({ wait: PATIENT })
      expect(during.fence).toBeGreaterThan(before.fence)
      expect(after.fence).toBeGreaterThan(during.fence)
      await after.release()
      await stage.clean()
    }),
  )

  each.for(lost)("%s | releasing: 'lost', and the next one's lock stays", ([, loss]) =>
    play(loss, async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      await loss.strike(stage)
      const other = await stage.near().mutex('a', { ttl: LONG }).acquire({ wait: PATIENT })
      await until(() => stage.far().ping())
      const { released } = await lock.release()
      expect(released).toBe(false)
      await other.verify()
      await other.release()
      await stage.clean()
    }),
  )

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
