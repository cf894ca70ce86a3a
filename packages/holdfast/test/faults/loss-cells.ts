import { expect } from 'vitest'
import { refusal, until } from '../real/kit.js'
import { believes, LONG, PATIENT, SHORT, type Scene, type Stage } from './stage.js'

export const GONE = { code: 'ERR_LOST', reason: 'gone' }

/** The server forgets something at one moment. */
export interface Loss<S extends Scene = Stage> {
  readonly row: number
  readonly name: string
  /** Before anything is locked. */
  readonly prepare?: (stage: S) => unknown
  readonly strike: (stage: S) => unknown
  /** Whether the holder's key is lost with it. */
  readonly exclusion: 'lost' | 'holds'
  /** Whether waiters of two processes come back in their order. */
  readonly order: 'kept' | 'as they come back'
}

type Play = <S extends Scene>(stage: S, loss: Loss<S>) => Promise<void>

const lost: Play = async (stage, loss) => {
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
}

const kept: Play = async (stage, loss) => {
  const lock = await (await stage.warm(stage.far())).acquire()
  await loss.strike(stage)
  await lock.verify()
  expect(await stage.near().mutex('a').tryAcquire()).toBeNull()
  expect(await lock.release()).toEqual({ released: true })
  await stage.clean()
}

const waiting: Play = async (stage, loss) => {
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
}

const acquiring: Play = async (stage, loss) => {
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
}

const releasing: Play = async (stage, loss) => {
  const lock = await (await stage.warm(stage.far())).acquire()
  await loss.strike(stage)
  const other = await stage.near().mutex('a', { ttl: LONG }).acquire({ wait: PATIENT })
  await until(() => stage.far().ping())
  const { released } = await lock.release()
  expect(released).toBe(false)
  await other.verify()
  await other.release()
  await stage.clean()
}

const says: readonly [title: string, play: Play, only?: Loss['exclusion']][] = [
  ['holding: F, two hold until the renewal says gone, tokens rise', lost, 'lost'],
  ['holding: E, the lease is kept', kept, 'holds'],
  ['waiting: R, both get it, tokens rise', waiting],
  ['acquiring: R, granted, with a larger token', acquiring],
  ["releasing: 'lost', and the next one's lock stays", releasing, 'lost'],
]

/** The cells of a table, one test each. */
export function lossCellsOf<S extends Scene = Stage>(
  losses: readonly Loss<S>[],
): [title: string, play: (stage: S) => Promise<void>][] {
  return losses.flatMap((loss) =>
    says
      .filter(([, , only = loss.exclusion]) => only === loss.exclusion)
      .map(([title, play]): [string, (stage: S) => Promise<void>] => [
        `[${loss.row}] ${loss.name} | ${title}`,
        async (stage) => {
          await loss.prepare?.(stage)
          await play(stage, loss)
        },
      ]),
  )
}
