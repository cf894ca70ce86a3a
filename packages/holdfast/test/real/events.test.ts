import { hostname } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Holdfast, Runtime } from '../../src/index.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { engines, Events, until, World } from './kit.js'

const number = expect.any(Number) as number

describe.each(engines)('diagnostics channels, on %s', (engine) => {
  let world: World
  let events: Events
  beforeAll(async () => {
    world = await World.start(engine)
  })
  beforeEach(() => {
    events = new Events()
  })
  afterEach(async () => {
    await world.clean()
    events.stop()
  })
  afterAll(() => world.stop())

  const queued = (locks: Holdfast, count: number): Promise<void> =>
    until(async () => expect((await locks.inspect('a')).waiterCount).toBe(count))
  const first = async (name: Parameters<Events['of']>[0]): Promise<void> =>
    until(() => expect(events.of(name)).not.toEqual([]))

  test('granted, queued, handover, released: the course of two tenures', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const one = await a.mutex('a').acquire()
    const waiting = b.mutex('a').acquire()
    await queued(a, 1)
    await one.release()
    const two = await waiting
    await two.release()
    const of = { name: 'a', mode: 'exclusive', type: 'mutex' }
    const its = (owner: string): object => ({ ...of, owner })
    expect(events.seen.map(({ channel }) => channel)).toEqual([
      'holdfast:requested',
      'holdfast:granted',
      'holdfast:requested',
      'holdfast:queued',
      // The message is faster than the reply or not; no order is promised between processes.
      ...events.seen.slice(4, 7).map(({ channel }) => channel),
      'holdfast:released',
    ])
    expect(events.of('holdfast:granted')).toEqual([
      {
        ...its(one.owner),
        fence: one.fence,
        waited: number,
        pushed: false,
        local: false,
        call: of,
      },
      { ...its(two.owner), fence: two.fence, waited: number, pushed: true, local: false, call: of },
    ])
    const holder = { mode: 'exclusive', owner: one.owner, host: hostname(), pid: process.pid }
    expect(events.of('holdfast:queued')).toEqual([{ ...its(two.owner), rank: 0, holder, call: of }])
    // One object for each call, from its beginning to its end.
    const [first, second] = events.of('holdfast:requested')
    expect(events.of('holdfast:granted').map(({ call }) => call === first)).toEqual([true, false])
    expect(events.of('holdfast:queued')[0]!.call).toBe(second)
    expect(events.of('holdfast:handover')).toEqual([
      { ...its(two.owner), fence: two.fence, latency: number, confirmed: false },
    ])
    expect(events.of('holdfast:released')).toEqual([
      { ...its(one.owner), released: true, fence: one.fence, held: number },
      { ...its(two.owner), released: true, fence: two.fence, held: number },
    ])
  })

  test('handover: confirmed by a question where the claim is not all that was asked for', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.mutex('a').acquire()
    const waiting = b.mutex('a', { renew: false, ttl: 20_000 }).acquire()
    await queued(a, 1)
    const cost = await world.during(async () => {
      await lock.release()
      await waiting
    })
    expect(cost).toMatchObject({ evalsha: 2, publish: 1 })
    expect(events.of('holdfast:handover')).toMatchObject([{ confirmed: true, latency: null }])
    expect((await waiting).validFor).toBeGreaterThan(10_000)
  })

  test('renewed, and lost when the server says that it is not ours', async () => {
    const lock = await world.locks().mutex('a', { ttl: 1200 }).acquire()
    await first('holdfast:renewed')
    const its = { name: 'a', mode: 'exclusive', type: 'mutex', owner: lock.owner }
    const [renewed] = events.of('holdfast:renewed')
    expect(renewed).toEqual({ ...its, left: number, validFor: number })
    expect(renewed!.left).toBeLessThan(renewed!.validFor)
    await world.admin.del('lock:a')
    await first('holdfast:lost')
    const lost = { ...its, reason: 'gone', fence: lock.fence, held: number }
    expect(events.of('holdfast:lost')).toEqual([lost])
    await lock.release()
    expect(events.of('holdfast:released')).toEqual([])
  })

  test('lost: the reasons', async () => {
    const locks = world.locks()
    await locks.mutex('expired', { ttl: 100, renew: false }).acquire()
    await locks.mutex('max-hold', { maxHold: 100 }).acquire()
    await locks.mutex('forced', { ttl: 1200 }).acquire()
    await locks.mutex('closed').acquire()
    await locks.forceRelease('forced')
    await until(() => expect(events.of('holdfast:lost')).toHaveLength(3))
    await locks.close()
    const lost = events.of('holdfast:lost')
    expect(lost.map(({ name, reason }) => `${name}: ${reason}`).toSorted()).toEqual([
      'closed: closed',
      'expired: expired',
      'forced: forced',
      'max-hold: max-hold',
    ])
    await until(async () => expect(await world.keys()).toEqual([]))
  })

  test.skipIf(engine === 'any')(
    'jeopardy: once for each trouble, and then it is renewed',
    async () => {
      const locks = world.locks({ nodeTimeout: 100 })
      const lock = await locks.mutex('a', { ttl: 3000 }).acquire()
      world.server.freeze()
      await first('holdfast:jeopardy')
      // Another try fails too, and is no news.
      const again = lock.verify()
      await expect(again).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' })
      world.server.thaw()
      await first('holdfast:renewed')
      expect(events.of('holdfast:jeopardy')).toEqual([
        {
          name: 'a',
          mode: 'exclusive',
          type: 'mutex',
          owner: lock.owner,
          left: number,
          error: expect.objectContaining({ code: 'ERR_UNAVAILABLE' }) as object,
        },
      ])
      lock.assertHeld()
    },
  )

  test('push-failed: granted, but the server may not publish; the waiter asks', async () => {
    await world.admin.call('ACL', 'SETUSER', 'mute', 'on', '>p', '~*', 'resetchannels', '+@all')
    const mute = world.locks({}, world.client({ username: 'mute', password: 'p' }))
    const locks = world.locks()
    const lock = await mute.mutex('a', { ttl: 1500 }).acquire()
    const waiting = locks.mutex('a').acquire()
    await queued(locks, 1)
    expect(await lock.release()).toEqual({ released: true })
    expect(events.of('holdfast:push-failed')).toEqual([
      { message: expect.stringMatching(/NOPERM|No permissions|channel/i) as string },
    ])
    const next = await waiting
    expect(next.fence).toBeGreaterThan(lock.fence)
    expect(events.of('holdfast:handover')).toEqual([])
    await world.admin.call('ACL', 'DELUSER', 'mute')
  })

  describe('clock-step', () => {
    /** A machine whose clocks can be set. */
    function steppable(): Runtime & { wallBy: number; monotonicBy: number } {
      const steps = {
        ...systemRuntime,
        wallBy: 0,
        monotonicBy: 0,
        wall: () => systemRuntime.wall() + steps.wallBy,
        monotonic: () => systemRuntime.monotonic() + steps.monotonicBy,
      }
      return steps
    }

    test('the local one: forward counts as time that has passed', async () => {
      const runtime = steppable()
      const lock = await world.locks({ runtime }).mutex('a').acquire()
      expect(lock.validFor).toBeGreaterThan(5000)
      runtime.wallBy = 5000
      expect(lock.validFor).toBeLessThan(5000)
      lock.assertHeld()
      const [step, ...more] = events.of('holdfast:clock-step')
      expect(step).toEqual({ clock: 'local', ms: number, run: null })
      expect(Math.round(step!.ms / 100)).toBe(50)
      expect(more).toEqual([])
      // Back is no time at all.
      runtime.wallBy = 0
      lock.assertHeld()
      expect(events.of('holdfast:clock-step')).toHaveLength(1)
    })

    test("the server's against ours: told with its run, and no lock is harmed", async () => {
      const runtime = steppable()
      const locks = world.locks({ runtime })
      const lock = await locks.mutex('a').acquire()
      // Ours goes ahead without the wall clock, so from here the server's seems to fall behind.
      runtime.monotonicBy = 2000
      await lock.verify()
      const run = /run_id:(\w{16})/.exec(await world.admin.info('server'))![1]
      expect(events.of('holdfast:clock-step')).toEqual([{ clock: 'server', ms: number, run }])
      lock.assertHeld()
      // The next question begins with the new bounds.
      await locks.mutex('b').use(() => {})
      expect(events.of('holdfast:clock-step')).toHaveLength(1)
    })
  })
})
