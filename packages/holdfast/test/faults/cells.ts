import { expect } from 'vitest'
import type { Lock } from '../../src/index.js'
import { within } from '../kit/within.js'
import { refusal, until } from '../real/kit.js'
import { believes, IN_TIME, LONG, PATIENT, SHORT, type Scene, type Stage } from './stage.js'

/** A fault that lasts until it is ended, with the expected cell for each state of a client. */
export interface Fault<S extends Scene = Stage> {
  /** The row of safety.md, section 7. */
  readonly row: number
  readonly name: string
  readonly args?: readonly string[]
  readonly begin: (stage: S) => unknown
  readonly end: (stage: S) => unknown
  /** Holding, and the fault is over before the lease is. */
  readonly short: 'kept'
  /** What a `verify` says during the fault. */
  readonly verifying: 'renewed' | 'ERR_UNAVAILABLE' | 'ERR_CONFIG'
  /** Holding, and the fault lasts longer than the lease; absent where it cannot. */
  readonly long?: 'kept' | 'expired'
  readonly waiting: 'served after' | 'served during'
  /**
   * Waiting, and the limit of the call is over during the fault. Default ERR_TIMEOUT; either where it
   * depends on the server that the waiter has subscribed on.
   */
  readonly limit?: 'ERR_UNAVAILABLE' | 'either'
  readonly acquiring: 'granted' | 'ERR_UNAVAILABLE' | 'ERR_CONFIG'
  readonly releasing: 'released' | 'unavailable' | 'lost'
}

const states = ['short', 'long', 'waiting', 'acquiring', 'releasing'] as const
type State = (typeof states)[number]

/** How the cells read in the names of tests; letters as in safety.md. */
const says: { readonly [S in State]: Readonly<Record<NonNullable<Fault[S]>, string>> } = {
  short: {
    kept: 'holding, short: E, the lease is kept, and verify says how it stands',
  },
  long: {
    kept: 'holding, long: E, the lease is renewed through it',
    expired: 'holding, long: L, lost in time, and only then another holds',
  },
  waiting: {
    'served after': 'waiting: R, a limit counts, the turn comes afterwards, in order',
    'served during': 'waiting: E, the turn comes all the same, in order',
  },
  acquiring: {
    granted: 'acquiring: R, granted',
    ERR_UNAVAILABLE: 'acquiring: U, ERR_UNAVAILABLE, granted afterwards, nothing left',
    ERR_CONFIG: 'acquiring: U, ERR_CONFIG at once, nothing left',
  },
  releasing: {
    released: 'releasing: R, released',
    unavailable: "releasing: U, 'unavailable', free soon after the fault",
    lost: "releasing: 'lost', nothing left",
  },
}

interface Cell<S extends Scene> {
  readonly name: string
  readonly fault: Fault<S>
  readonly state: State
}

/** The cells of a table, one test each. */
export function cellsOf<S extends Scene = Stage>(faults: readonly Fault<S>[]): Cell<S>[] {
  return faults.flatMap((fault) =>
    states.flatMap((state) => {
      const expected = fault[state]
      if (expected === undefined) return []
      const text = (says[state] as Record<string, string>)[expected]
      return [{ name: `[${fault.row}] ${fault.name} | ${text}`, fault, state }]
    }),
  )
}

/** One who has the name after all this: with a larger token than before, and nothing is left of it. */
async function another(stage: Scene, fence: number): Promise<void> {
  const mutex = stage.near().mutex('a', { ttl: LONG })
  const lock = await mutex.acquire({ wait: PATIENT })
  expect(lock.fence).toBeGreaterThan(fence)
  await lock.release()
  await stage.clean()
}

/** Still this one's, for itself, for the server and for others; and it can be given back. */
async function kept(stage: Scene, lock: Lock): Promise<void> {
  const { fence } = lock
  await until(() => lock.verify())
  lock.assertHeld()
  expect(lock.signal.aborted).toBe(false)
  expect(lock.fence).toBe(fence)
  const other = await stage.warm(stage.near())
  expect(await other.tryAcquire()).toBeNull()
  expect(await lock.release()).toEqual({ released: true })
  await another(stage, fence)
}

async function holdingShort<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  const lock = await (await stage.warm(stage.far())).acquire()
  await fault.begin(stage)
  const said = await refusal(within(lock.verify(), IN_TIME))
  if (fault.verifying === 'renewed') expect(said).toBe('nothing')
  else expect(said).toMatchObject({ code: fault.verifying, lock: 'a' })
  // An error says nothing against the lease, which has time left.
  lock.assertHeld()
  await fault.end(stage)
  await kept(stage, lock)
}

/** Who comes after a lock, and whether its holder believed in it still. */
type Next = Promise<{ won: Lock; two: boolean }>

/** A short lease with all of its time left, and one who waits behind it. */
async function contended(stage: Scene): Promise<{ lock: Lock; next: Next }> {
  const mutex = await stage.warm(stage.far(), SHORT)
  const rival = await stage.warm(stage.near())
  for (;;) {
    const lock = await mutex.acquire()
    const next = rival.acquire({ wait: PATIENT }).then((won) => ({ won, two: believes(lock) }))
    next.catch(() => {})
    await Promise.race([stage.queued(stage.near(), 1), next])
    if ((await refusal(lock.verify())) === 'nothing') return { lock, next }
    // This machine stood still for longer than the lease is: it was lost without any fault.
    await (await next).won.release()
  }
}

async function holdingLong<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  if (fault.long === 'kept') return renewedThrough(stage, fault)
  const { lock, next } = await contended(stage)
  const { signal, fence } = lock
  await fault.begin(stage)
  await until(() => expect(signal.aborted).toBe(true))
  expect(signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
  await fault.end(stage)
  const { won, two } = await next
  expect(two).toBe(false)
  expect(won.fence).toBeGreaterThan(fence)
  expect(await won.release()).toEqual({ released: true })
  await another(stage, won.fence)
}

/** As many renewals as it takes to outlive any fault, while it lasts. */
async function renewedThrough<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  const lock = await (await stage.warm(stage.far())).acquire()
  await fault.begin(stage)
  for (let i = 0; i < 4; i++) await lock.verify()
  expect(lock.signal.aborted).toBe(false)
  await fault.end(stage)
  await kept(stage, lock)
}

async function waiting<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  const holder = await (await stage.warm(stage.near())).acquire()
  // Asked by the far side: then it has had the answers of those who asked before.
  const looker = stage.far()
  const mutex = await stage.warm(looker)
  const served = mutex.acquire({ wait: PATIENT })
  served.catch(() => {})
  await stage.queued(looker, 1)
  const behind = (await stage.warm(stage.near())).acquire({ wait: PATIENT })
  behind.catch(() => {})
  await stage.queued(looker, 2)
  const late = refusal(mutex.acquire({ wait: 1000 }))
  // Should this machine be so slow that the limit comes first, the outcome is the same.
  await Promise.race([stage.queued(looker, 3), late])
  await fault.begin(stage)
  const { limit = 'ERR_TIMEOUT' } = fault
  const code = limit === 'either' ? expect.stringMatching(/^ERR_(TIMEOUT|UNAVAILABLE)$/) : limit
  expect(await late).toMatchObject({ code, lock: 'a' })
  if (fault.waiting === 'served after') await fault.end(stage)
  await until(() => holder.verify())
  // One whose subscription is not back yet is skipped, and loses its turn to the one behind it.
  await stage.subscribed(2)
  expect(await holder.release()).toEqual({ released: true })
  const lock = await served
  expect(believes(holder)).toBe(false)
  expect(lock.fence).toBeGreaterThan(holder.fence)
  await until(() => lock.verify())
  expect(await lock.release()).toEqual({ released: true })
  const next = await behind
  expect(next.fence).toBeGreaterThan(lock.fence)
  if (fault.waiting === 'served during') await fault.end(stage)
  await kept(stage, next)
}

async function acquiring<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  const mutex = await stage.warm(stage.far())
  await fault.begin(stage)
  const expected = fault.acquiring
  if (expected === 'granted') {
    const lock = await mutex.acquire({ wait: PATIENT })
    await fault.end(stage)
    return kept(stage, lock)
  }
  const once = await refusal(within(mutex.acquire({ wait: 0 }), IN_TIME))
  expect(once).toMatchObject({ code: expected, lock: 'a' })
  // This one goes on trying, unless no try can help.
  const patient = mutex.acquire({ wait: PATIENT })
  if (expected === 'ERR_CONFIG') {
    const refused = await refusal(within(patient, IN_TIME))
    expect(refused).toMatchObject({ code: expected, lock: 'a' })
    await fault.end(stage)
    await stage.clean()
    return another(stage, 0)
  }
  patient.catch(() => {})
  await fault.end(stage)
  await kept(stage, await patient)
}

async function releasing<S extends Scene>(stage: S, fault: Fault<S>): Promise<void> {
  const mutex = await stage.warm(stage.far())
  const lock = await mutex.acquire()
  await fault.begin(stage)
  const result = await within(lock.release(), IN_TIME)
  const { releasing: expected } = fault
  expect(result).toEqual(
    expected === 'released' ? { released: true } : { released: false, reason: expected },
  )
  await fault.end(stage)
  await stage.clean()
  await another(stage, lock.fence)
}

/** Plays one cell. */
export function playCell<S extends Scene>(stage: S, fault: Fault<S>, state: State): Promise<void> {
  switch (state) {
    case 'short':
      return holdingShort(stage, fault)
    case 'long':
      return holdingLong(stage, fault)
    case 'waiting':
      return waiting(stage, fault)
    case 'acquiring':
      return acquiring(stage, fault)
    case 'releasing':
      return releasing(stage, fault)
  }
}
