import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, until, World } from './kit.js'

describe.each(engines)('revocation, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('a holder that has waited hears of it at once, and holds on', async () => {
    const [a, b] = [world.locks(), world.locks({ label: 'ops' })] as const
    const before = await b.mutex('a').acquire()
    const wait = a.mutex('a', { ttl: 30_000, claim: 30_000 }).acquire()
    await until(async () => expect((await b.inspect('a')).waiterCount).toBe(1))
    await before.release()
    const lock = await wait
    const cost = await world.during(async () => {
      expect(await b.revoke('a', { reason: 'a deploy' })).toEqual({ asked: 1 })
      await until(() => expect(lock.revoked.aborted).toBe(true))
    })
    // A look and the question; one message.
    expect(cost).toMatchObject({ evalsha: 2, publish: 1 })
    expect(lock.revoked.reason).toMatchObject({ by: { label: 'ops', reason: 'a deploy' } })
    lock.assertHeld()
    expect(await b.mutex('a').tryAcquire()).toBeNull()
    expect(await lock.release()).toEqual({ released: true })
    expect(await world.keys()).toEqual([])
  })

  test('one that has no subscription hears of it by its next renewal, and is renewed', async () => {
    const [a, b] = [world.locks(), world.locks()] as const
    const lock = await a.mutex('a', { ttl: 900 }).acquire()
    await b.revoke('a', { reason: 'r' })
    expect(lock.revoked.aborted).toBe(false)
    await until(() => expect(lock.revoked.aborted).toBe(true))
    expect(lock.revoked.reason).toMatchObject({ by: { reason: 'r' } })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    lock.assertHeld()
    expect((await b.inspect('a')).holders[0]?.owner).toBe(lock.owner)
    await lock.release()
    const next = await b.mutex('a').acquire()
    await next.verify()
    expect(next.revoked.aborted).toBe(false)
  })
})
