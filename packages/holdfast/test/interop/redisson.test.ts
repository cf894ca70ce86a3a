import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, refusal, until, World } from '../real/kit.js'
import { Process } from '../real/process.js'
import { missing, Peer } from './peer.js'

const [KEY, LONG_MS] = ['lock:a', 60_000]

/** What both sides say of a key that is the other's. */
const theirs = expect.objectContaining({
  code: 'ERR_CONFIG',
  lock: 'a',
  message: expect.stringMatching(
    /WRONGTYPE the key lock:a is a hash and not a string.*Redisson.*docs\/interop\.md/,
  ) as string,
}) as Error

describe.each(engines)('a hash at the key, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('the error names Redisson, unless it is a side key or of another type', async () => {
    const locks = world.locks()
    await world.admin.hset(KEY, 'x', '1')
    expect(await refusal(locks.mutex('a').acquire())).toEqual(theirs)
    await world.admin.del(KEY)
    for (const [key, write] of [
      ['{lock:a}:hf:fence:lock:a', (k: string) => world.admin.hset(k, 'x', '1')],
      [KEY, (k: string) => world.admin.rpush(k, 'x')],
    ] as const) {
      await write(key)
      const error = await refusal(locks.mutex('a').acquire())
      expect(error).toMatchObject({ code: 'ERR_CONFIG' })
      expect(String(error)).not.toContain('Redisson')
      await world.admin.del(key)
    }
  })

  test('that comes while we wait ends the wait, and leaves no place in line', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.mutex('a', { ttl: 300, renew: false }).acquire()
    const waiting = refusal(b.mutex('a').acquire({ wait: 30_000 }))
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    await world.admin.del(KEY)
    await world.admin.hset(KEY, 'x', '1')
    expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST' })
    expect(lock.signal.aborted).toBe(true)
    expect(await waiting).toEqual(theirs)
    // It is given up as soon as the server can be told so.
    await world.admin.del(KEY)
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(0))
    await (await a.mutex('a').acquire({ wait: 0 })).verify()
  })
})

const reason = missing('redisson')

for (const engine of engines) {
  if (reason !== null) {
    test.skip(`redisson on ${engine}: ${reason}`)
    continue
  }
  describe(`redisson on the same key, on ${engine}`, () => {
    let world: World
    let peer: Peer
    beforeAll(async () => {
      world = await World.start(engine)
      peer = await Peer.start('redisson', world.server)
    })
    afterEach(() => world.clean())
    afterAll(async () => {
      await Process.killAll()
      await peer.stop()
      await world.stop()
    })
    const it = { name: KEY, ms: LONG_MS }

    test('its hash is an error for us at every call, and stays as it is', async () => {
      const locks = world.locks()
      const ours = locks.mutex('a')
      expect(await peer.ask('take', it)).toBe(true)
      const dump = await world.admin.dumpBuffer(KEY)
      expect(await world.admin.type(KEY)).toBe('hash')
      const calls = [
        () => ours.tryAcquire(),
        () => ours.acquire(),
        () => locks.inspect('a'),
        () => locks.forceRelease('a'),
        () => locks.forceRelease('a', { now: true }),
      ]
      for (const call of calls) expect(await refusal(call())).toEqual(theirs)
      // A SCAN for strings does not come by it.
      for await (const state of locks.list()) expect(state).toBe('nothing')
      expect(await world.admin.dumpBuffer(KEY)).toEqual(dump)
      expect(await world.admin.keys('*')).toEqual([KEY])

      expect(await peer.ask('release', it)).toBe(true)
      await (await ours.acquire()).verify()
    })

    test('our string is an error for it, and stays as it is', async () => {
      const lock = await world.locks().mutex('a', { ttl: LONG_MS, renew: false }).acquire()
      for (const op of ['take', 'lock', 'release'] as const) {
        const error = await refusal(peer.ask(op, it))
        expect(String(error)).toContain('WRONGTYPE')
      }
      // It only looks whether there is a key.
      expect(await peer.ask('locked', it)).toBe(true)
      expect(await world.admin.get(KEY)).toBe(lock.owner)
      expect(await world.admin.pttl(KEY)).toBeLessThanOrEqual(LONG_MS)
      await lock.verify()
      expect(await lock.release()).toEqual({ released: true })
      expect(await peer.ask('take', it)).toBe(true)
      expect(await peer.ask('release', it)).toBe(true)
    })

    test('its forceUnlock deletes our key, and we are told at the next renewal', async () => {
      const lock = await world.locks().mutex('a').acquire()
      expect(await peer.ask('force', it)).toBe(true)
      expect(await world.admin.exists(KEY)).toBe(0)
      expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      expect(lock.signal.aborted).toBe(true)
    })

    test('never two holders: nobody overwrites what another one counted', async () => {
      const [processes, peers, times] = [2, 2, 20]
      const ours = await Process.start(processes, world.server.url)
      const others = [peer, await Peer.start('redisson', world.server)]
      const we = ours.map(async (one) => {
        // To each the other's key is an error: both have to try again, which is no way to live.
        for (let done = 0; done < times;) {
          const args = { name: 'a', options: { wait: 60_000 }, id: 'we', times: 1 }
          const error = await one.ask('work', args).then(
            () => null,
            (refused: Error) => refused,
          )
          if (error === null) done++
          else expect(error.message).toContain('WRONGTYPE')
        }
      })
      const they = others.map((one) => one.ask('work', { name: KEY, times, tag: 'they' }))
      await Promise.all([...we, ...they])
      await others[1]!.stop()
      const total = (processes + peers) * times
      const order = await world.admin.lrange('order', 0, -1)
      expect(order).toHaveLength(total)
      expect(order.filter((who) => who === 'they')).toHaveLength(peers * times)
      expect(Number(await world.admin.get('counter'))).toBe(total)
    }, 60_000)
  })
}
