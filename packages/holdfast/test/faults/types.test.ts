import { describe, expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { engines, refusal, until } from '../real/kit.js'
import { LONG, PATIENT, SHORT, Stage } from './stage.js'

const parts = ['K', 'fence', 'line', 'shared', 'meta'] as const
const keys = keysOf('a', 'lock:')
const isAString = [true, true, false, false, false]
const cells = parts.map((part, i) => [part, i] as const)
// While one holds and nobody waits, or the name is free, these are not asked for.
const asked = cells.filter(([part]) => part !== 'shared' && part !== 'meta')
const unasked = cells.filter(([part]) => part === 'shared' || part === 'meta')

/** Puts a key of a wrong type there, as another program does. */
async function spoil({ nemesis: { admin } }: Stage, i: number): Promise<void> {
  const key = keys[i]!
  await admin.del(key)
  if (isAString[i]) await admin.rpush(key, 'theirs')
  else await admin.set(key, 'theirs')
}

/** It is still theirs, and goes. */
async function mend({ nemesis: { admin } }: Stage, i: number): Promise<void> {
  const key = keys[i]!
  expect(isAString[i] ? await admin.lrange(key, 0, -1) : [await admin.get(key)]).toEqual(['theirs'])
  await admin.del(key)
}

/** Says which key, so that somebody can look at it. */
const refused = (i: number): object => ({
  code: 'ERR_CONFIG',
  lock: 'a',
  message: expect.stringContaining(keys[i]!) as string,
})

describe.each(engines)('[24] a key of a wrong type, on %s', (engine) => {
  const each = test.skipIf(engine === 'any').concurrent

  async function free(stage: Stage): Promise<void> {
    const lock = await stage.near().mutex('a', { ttl: LONG }).acquire({ wait: PATIENT })
    await lock.release()
    await stage.clean()
  }

  each.for(asked)('%s | holding: lost at the next renewal, gone', ([, i]) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(stage.far(), SHORT)).acquire()
      await spoil(stage, i)
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      expect(await refusal(stage.near().mutex('a').acquire())).toMatchObject(refused(i))
      await mend(stage, i)
      await free(stage)
    }),
  )

  each.for(unasked)('%s | holding, releasing: nobody notices', ([, i]) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(stage.far(), SHORT)).acquire()
      await spoil(stage, i)
      await lock.verify()
      expect(await lock.release()).toEqual({ released: true })
      await mend(stage, i)
      await free(stage)
    }),
  )

  each.for(cells)('%s | waiting: ERR_CONFIG when it asks, nothing left', ([, i]) =>
    Stage.play(engine, [], async (stage) => {
      const holder = await (await stage.warm(stage.near(), SHORT)).acquire()
      const far = stage.far()
      const waiting = refusal((await stage.warm(far)).acquire({ wait: PATIENT }))
      await stage.queued(far, 1)
      await spoil(stage, i)
      expect(await waiting).toMatchObject(refused(i))
      expect((await holder.release()).released).toBe(false)
      await mend(stage, i)
      await free(stage)
    }),
  )

  each.for(cells.filter(([part]) => part !== 'meta'))(
    '%s | acquiring: ERR_CONFIG at once, nothing left',
    ([, i]) =>
      Stage.play(engine, [], async (stage) => {
        const mutex = await stage.warm(stage.far())
        await spoil(stage, i)
        expect(await refusal(mutex.acquire({ wait: 0 }))).toMatchObject(refused(i))
        expect(await refusal(mutex.acquire({ wait: PATIENT }))).toMatchObject(refused(i))
        await mend(stage, i)
        await stage.clean()
        await free(stage)
      }),
  )

  each.for(asked)("%s | releasing: 'unavailable', free once the key is away", ([, i]) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(stage.far())).acquire()
      await spoil(stage, i)
      expect(await lock.release()).toEqual({ released: false, reason: 'unavailable' })
      await mend(stage, i)
      await free(stage)
    }),
  )
})
