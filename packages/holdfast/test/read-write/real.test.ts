// The read/write lock on real servers: order, downgrade, force, and what it costs in commands.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { engines, refusal, until, World } from '../real/kit.js'

describe.each(engines)('readWrite, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  const waiting = (locks: Holdfast, count: number): Promise<void> =>
    until(async () => expect((await locks.inspect('a')).waiterCount).toBe(count))

  test('acquire and release: two commands each, of a reader and of a writer', async () => {
    const lock = world.locks().readWrite('a')
    await lock.read().use(() => {})
    for (const side of [lock.read(), lock.write()]) {
      const cost = await world.during(() => side.use(() => {}))
      expect(cost).toEqual({ evalsha: 2, eval: 0, publish: 0, subscribe: 0 })
    }
    // Nor does it cost more beside others who read.
    const others = await Promise.all([lock.read().acquire(), lock.read().acquire()])
    const beside = await world.during(() => lock.read().use(() => {}))
    expect(beside).toMatchObject({ evalsha: 2, publish: 0 })
    for (const other of others) await other.release()
    expect(await world.keys()).toEqual([])
  })

  test('ten neighbouring readers: one command lets them in, a message each', async () => {
    const locks = Array.from({ length: 10 }, () => world.locks())
    const writer = world.locks()
    const write = await writer.readWrite('a').write().acquire({ ttl: '30s' })
    const reads = locks.map((each) => each.readWrite('a').read().acquire({ ttl: '30s' }))
    await waiting(writer, 10)
    let readers: Lock[] = []
    const cost = await world.during(async () => {
      await write.release()
      readers = await Promise.all(reads)
    })
    expect(cost).toEqual({ evalsha: 1, eval: 0, publish: 10, subscribe: 0 })
    const fences = readers.map(({ fence }) => fence)
    expect(new Set(fences).size).toBe(10)
    expect((await writer.inspect('a')).holderCount).toBe(10)
    for (const reader of readers) await reader.release()
    expect(await world.keys()).toEqual([])
  })

  test('a downgrade: one command, and a message to each reader at the head', async () => {
    const [a, b, c, d] = [world.locks(), world.locks(), world.locks(), world.locks()] as const
    // The server learns the script.
    await (await (await a.readWrite('b').write().acquire()).downgrade()).release()
    const write = await a.readWrite('a').write().acquire()
    const reads = [b.readWrite('a').read().acquire(), c.readWrite('a').read().acquire()]
    await waiting(a, 2)
    let written = false
    const next = d
      .readWrite('a')
      .write()
      .use(() => {
        written = true
      })
    await waiting(a, 3)
    let reader = write
    const cost = await world.during(async () => {
      reader = await write.downgrade()
      await Promise.all(reads)
    })
    // The third message tells the writer that it is the first in line now.
    expect(cost).toMatchObject({ evalsha: 1, eval: 0, publish: 3 })
    expect(await write.release()).toEqual({ released: true })
    await reader.verify()
    expect(await d.readWrite('a').read().tryAcquire()).toBeNull()
    for (const each of await Promise.all(reads)) await each.release()
    expect(written).toBe(false)
    expect(await reader.release()).toEqual({ released: true })
    await next
    expect(written).toBe(true)
    expect(await world.keys()).toEqual([])
  })

  test('readers and writers of several processes never meet', async () => {
    const all = Array.from({ length: 6 }, () => world.locks({ nodeTimeout: 2000 }))
    let [reading, writing, most, writes] = [0, 0, 0, 0]
    const loop = async (locks: Holdfast, i: number): Promise<void> => {
      const lock = locks.readWrite('a', { wait: '60s' })
      for (let round = 0; round < 25; round++) {
        if ((round + i) % 4 > 0) {
          await lock.read().use(async () => {
            expect(writing).toBe(0)
            most = Math.max(most, ++reading)
            await new Promise((resolve) => setTimeout(resolve, 1))
            reading--
          })
          continue
        }
        await lock.write().use(async (write) => {
          expect([++writing, reading]).toEqual([1, 0])
          await new Promise((resolve) => setTimeout(resolve, 1))
          writes++
          writing--
          if (round % 3 > 0) return
          await using _reader = await write.downgrade()
          expect(writing).toBe(0)
        })
      }
    }
    await Promise.all(all.map(loop))
    expect(writes).toBeGreaterThan(30)
    expect(most).toBeGreaterThan(1)
    expect(await world.keys()).toEqual([])
  })

  test('200 readers are ended by forceRelease with now, and no key is left', async () => {
    const [many, admin] = [world.locks({ nodeTimeout: 2000 }), world.locks()]
    const readers = await Promise.all(
      Array.from({ length: 200 }, () => many.readWrite('a').read().acquire({ ttl: '20s' })),
    )
    const { holderCount, holders } = await admin.inspect('a')
    expect([holderCount, holders.length]).toEqual([200, 100])
    const cost = await world.during(async () => {
      expect(await admin.forceRelease('a', { now: true })).toMatchObject({
        freed: true,
        asked: 200,
      })
    })
    // A look, and 64 readers a call.
    expect(cost.evalsha).toBe(5)
    expect(await world.keys()).toEqual([])
    expect(await refusal(readers[199]!.verify())).toMatchObject({
      code: 'ERR_LOST',
      reason: 'gone',
    })
  })

  test('forceRelease asks readers, and keeps new ones out until they have gone', async () => {
    const [a, b, c] = [world.locks(), world.locks(), world.locks()] as const
    const reader = await a.readWrite('a').read().acquire({ ttl: '20s' })
    // This one hears messages, the first does not: it has never waited.
    const asked = await b.readWrite('a').read().acquire({ ttl: '20s' })
    expect(await c.forceRelease('a')).toMatchObject({ freed: false, asked: 2 })
    expect(await c.readWrite('a').read().tryAcquire()).toBeNull()
    const late = c.readWrite('a').read().acquire()
    await waiting(c, 1)
    await asked.release()
    expect((await c.inspect('a')).waiterCount).toBe(1)
    expect(await refusal(reader.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
    const next = await late
    await next.verify()
    const beside = await a.readWrite('a').read().tryAcquire()
    await beside!.verify()
    await next.release()
    await beside!.release()
    expect(await world.keys()).toEqual([])
  })
})
