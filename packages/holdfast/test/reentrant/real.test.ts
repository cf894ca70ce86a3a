import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, refusal, until, World } from '../real/kit.js'

describe.each(engines)('re-entry, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('costs no command: two for the outermost use, none for those inside', async () => {
    const m = world.locks().mutex('a', { reentrant: true })
    await m.use(() => {})
    const counts = await world.during(() =>
      m.use(async (outer) => {
        const inside = await world.during(async () => {
          await m.use((inner) => m.use(() => expect(inner.fence).toBe(outer.fence)))
          await Promise.all([m.use(() => sleep(5)), m.use(() => sleep(5)), m.tryUse(() => {})])
        })
        expect(inside).toMatchObject({ evalsha: 0, eval: 0, publish: 0 })
      }),
    )
    expect(counts).toMatchObject({ evalsha: 2, eval: 0, publish: 0 })
    expect(await world.keys()).toEqual([])
  })

  test('handles of one owner: two commands in all', async () => {
    const locks = world.locks()
    const m = locks.mutex('a', { reentrant: true })
    const owner = locks.owner()
    await m.use(() => {})
    const { evalsha } = await world.during(async () => {
      const handles = [await m.acquire({ owner }), await m.acquire({ owner })]
      for (const handle of handles) await handle.release()
    })
    expect(evalsha).toBe(2)
    expect(await world.keys()).toEqual([])
  })

  test('a wait for oneself is refused without a command, at once', async () => {
    const m = world.locks().mutex('a')
    await m.use(async () => {
      const { evalsha } = await world.during(async () => {
        expect(await refusal(m.acquire())).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'a' })
        expect(await refusal(m.use(() => {}))).toMatchObject({ code: 'ERR_DEADLOCK' })
      })
      expect(evalsha).toBe(0)
      expect(await m.tryAcquire()).toBeNull()
    })
  })

  // Redisson starts a lease anew, and adds to it, with each re-entry; and gives a new token.
  test('a re-entry leaves lease and fence as they are', async () => {
    const m = world.locks().mutex('a', { reentrant: true, renew: false, ttl: 5000 })
    await m.use(async (outer) => {
      const before = await world.admin.pttl('lock:a')
      const fences = new Set([outer.fence])
      const deeper = async (left: number): Promise<void> => {
        await m.use(({ fence }) => {
          fences.add(fence)
          return left > 0 ? deeper(left - 1) : undefined
        })
      }
      await deeper(5)
      expect(await world.admin.pttl('lock:a')).toBeLessThanOrEqual(before)
      expect(fences.size).toBe(1)
    })
    expect(await world.keys()).toEqual([])
  })

  test('a counter under it comes out right, in three clients with nested siblings', async () => {
    const clients = [world.locks(), world.locks(), world.locks()]
    const add = async (): Promise<void> => {
      const value = Number(await world.admin.get('counter'))
      await sleep(1)
      await world.admin.set('counter', value + 1)
    }
    await Promise.all(
      clients.map(async (locks) => {
        const m = locks.mutex('a', { reentrant: true })
        for (let i = 0; i < 5; i++) {
          await m.use(async () => {
            await Promise.all([m.use(add), m.use(add)])
            await m.use(() => m.use(add))
          })
        }
      }),
    )
    expect(await world.admin.get('counter')).toBe('45')
  })

  test('a lock that was deleted: the use inside hears of it, and none enters', async () => {
    const m = world.locks().mutex('a', { reentrant: true, ttl: 1200 })
    const outer = refusal(
      m.use(async ({ signal }) => {
        await world.admin.del('lock:a')
        await until(() => expect(signal.aborted).toBe(true))
        expect(await refusal(m.use(() => {}))).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
        return 1
      }),
    )
    expect(await outer).toMatchObject({ code: 'ERR_LOST', reason: 'gone', result: 1 })
  })
})
