import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, refusal, until, World } from '../real/kit.js'

/** The release of redlock, redsync and redis-py: only whoever knows the value may delete. */
const COMPARE_AND_DELETE =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end'

describe.each(engines)('other libraries on the same key, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  const take = (ms = 60_000): Promise<'OK' | null> =>
    world.admin.set('lock:a', 'theirs', 'PX', ms, 'NX')
  const give = (value = 'theirs'): Promise<unknown> =>
    world.admin.eval(COMPARE_AND_DELETE, 1, 'lock:a', value)

  test('they keep us out, and only they can release', async () => {
    const locks = world.locks()
    expect(await take()).toBe('OK')
    expect(await locks.mutex('a').tryAcquire()).toBeNull()
    expect(await refusal(locks.mutex('a').acquire({ wait: 100 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
      holder: { mode: 'foreign' },
    })
    expect(await world.admin.get('lock:a')).toBe('theirs')
    expect(await world.admin.pttl('lock:a')).toBeGreaterThan(50_000)
    expect(await give()).toBe(1)
    expect(await locks.mutex('a').tryAcquire()).not.toBeNull()
  })

  test('we keep them out, before and after a renewal and a hand-over', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.mutex('a').acquire()
    expect(await take()).toBeNull()
    expect(await give()).toBe(0)
    expect(await world.admin.get('lock:a')).toBe(lock.owner)
    await lock.verify()
    expect(await take()).toBeNull()
    const waiting = b.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    await lock.release()
    const next = await waiting
    expect(await take()).toBeNull()
    expect(await give(lock.owner)).toBe(0)
    await next.verify()
    await next.release()
    expect(await take()).toBe('OK')
  })

  test('their release is noticed, although nobody tells of it', async () => {
    await take()
    const locks = world.locks()
    const waiting = locks.mutex('a').acquire()
    await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
    expect(await give()).toBe(1)
    await (await waiting).verify()
  })

  test('their key without an expiry is looked at again and again, but not in a loop', async () => {
    await world.admin.set('lock:a', 'theirs')
    const locks = world.locks()
    const waiting = locks.mutex('a').acquire()
    await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
    const looks = await world.during(() => refusal(locks.mutex('a').acquire({ wait: 1000 })))
    // The second one of this process only stands in line and leaves it: the first looks for both,
    // 50 to 250 ms apart.
    expect(looks.evalsha + looks.eval).toBeGreaterThanOrEqual(2 + 3)
    expect(looks.evalsha + looks.eval).toBeLessThanOrEqual(2 + 20)
    expect(await give()).toBe(1)
    await (await waiting).verify()
  })

  test('their expiry is enough too', async () => {
    await take(200)
    const lock = await world.locks().mutex('a').acquire()
    await lock.verify()
  })

  test('a holder of theirs that came after us is left alone', async () => {
    const lock = await world.locks().mutex('a').acquire()
    await world.admin.del('lock:a')
    expect(await take()).toBe('OK')
    expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
    await lock.release()
    expect(await world.admin.get('lock:a')).toBe('theirs')
  })

  describe('keys of a wrong type', () => {
    const K = 'lock:a'
    const wrong: [key: string, type: string, write: () => Promise<unknown>][] = [
      [K, 'list', () => world.admin.rpush(K, 'x')],
      [K, 'hash', () => world.admin.hset(K, 'x', 1)],
      ['{lock:a}:hf:line:lock:a', 'string', () => world.admin.set(`{${K}}:hf:line:${K}`, 'x')],
      ['{lock:a}:hf:shared:lock:a', 'set', () => world.admin.sadd(`{${K}}:hf:shared:${K}`, 'x')],
      ['{lock:a}:hf:fence:lock:a', 'list', () => world.admin.rpush(`{${K}}:hf:fence:${K}`, 'x')],
      ['{lock:a}:hf:fence:lock:a', 'string', () => world.admin.set(`{${K}}:hf:fence:${K}`, 'x')],
    ]
    test.each(wrong)(
      '%s is a %s: an error of the set-up, and nothing is written',
      async (...row) => {
        const [key, type, write] = row
        await write()
        const dump = await world.admin.dumpBuffer(key)
        const locks = world.locks()
        const calls = [
          () => locks.mutex('a').tryAcquire(),
          () => locks.mutex('a').acquire(),
          () => locks.inspect('a'),
          () => locks.forceRelease('a'),
          () => locks.forceRelease('a', { now: true }),
        ]
        for (const call of calls) {
          const error = await refusal(call())
          expect(error).toMatchObject({ code: 'ERR_CONFIG', lock: 'a' })
          expect((error as Error).message).toContain('WRONGTYPE')
          // Which of the five keys it is.
          expect((error as Error).message).toContain(key)
        }
        expect(await world.admin.keys('*')).toEqual([key])
        expect(await world.admin.type(key)).toBe(type)
        expect(await world.admin.dumpBuffer(key)).toEqual(dump)
        // A neighbour in the same call is served all the same.
        const [bad, good] = await Promise.all([
          refusal(locks.mutex('a').tryAcquire()),
          locks.mutex('b').tryAcquire(),
        ])
        expect(bad).toMatchObject({ code: 'ERR_CONFIG' })
        expect(good).not.toBeNull()
      },
    )
  })
})
