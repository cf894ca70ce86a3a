// Hand-overs in one process, on real servers: what is sent, in which order, and that two processes do not
// starve each other.
import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type Mutex } from '../../src/index.js'
import { engines, Events, until, World } from './kit.js'

const LOCAL = { localHandovers: 16 } as const

describe.each(engines)('calls of one process, on %s', (engine) => {
  let world: World
  let events: Events
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(async () => {
    events.stop()
    await world.clean()
  })
  afterAll(() => world.stop())

  /** Mutexes of one name, each of a Holdfast that has said hello. */
  async function mutexes(count: number, options = {}): Promise<Mutex[]> {
    events = new Events()
    const all = Array.from({ length: count }, () => world.locks({ ...LOCAL, ...options }))
    // With a wait, so that they have subscribed; and with a renewal, whose script is then there.
    for (const locks of all) {
      await Promise.all([1, 2].map(() => locks.mutex('warm-up').use((lock) => lock.verify())))
      await until(async () => expect((await locks.ping()).subscribed).toBe(true))
    }
    return all.map((locks) => locks.mutex('a', { wait: Infinity }))
  }

  test('100 calls: 9 commands, and no message', async () => {
    const [mutex] = await mutexes(1)
    const order: number[] = []
    const fences: number[] = []
    const cost = await world.during(() =>
      Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          mutex!.use(({ fence }) => {
            order.push(i)
            fences.push(fence)
          }),
        ),
      ),
    )
    // Of 64 tokens the first grant, with three renewals; of 1000 the second, with two.
    expect(cost).toEqual({ evalsha: 9, eval: 0, publish: 0, subscribe: 0 })
    expect(order).toEqual(order.toSorted((x, y) => x - y))
    expect(fences).toEqual(fences.toSorted((x, y) => x - y))
    expect(new Set(fences).size).toBe(100)
    const granted = events.of('holdfast:granted').filter(({ name }) => name === 'a')
    expect(granted.filter(({ local }) => local)).toHaveLength(98)
    expect(await world.keys()).toEqual([])
  })

  test('two processes of 40 calls each take turns of 17, by message', async () => {
    const [one, two] = (await mutexes(2)) as [Mutex, Mutex]
    const held = await world.locks().mutex('a').acquire()
    const order: string[] = []
    const calls = (mutex: Mutex, who: string): Promise<void>[] =>
      Array.from({ length: 40 }, () => mutex.use(() => void order.push(who)))
    const firsts = calls(one, 'a')
    const line = async (count: number): Promise<void> =>
      until(async () => expect((await world.locks().inspect('a')).waiterCount).toBe(count))
    await line(1)
    const all = [...firsts, ...calls(two, 'b')]
    await line(2)
    await held.release()
    await Promise.all(all)
    expect(order.join('')).toMatch(/^a{17}b{17}a{17}b{17}a{6}b{6}$/)
  })

  /** So many holders of one process, one after the other: of each request, 0 if it was written alone, 1 together with the next. */
  async function written(count: number, first?: () => Promise<void>): Promise<string[]> {
    const client = world.client()
    const locks = world.locks(LOCAL, client)
    await Promise.all([1, 2].map(() => locks.mutex('warm-up').use((lock) => lock.verify())))
    const { stream } = client as unknown as { stream: Socket }
    const corked: string[] = []
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
    stream.write = ((...args: unknown[]) => {
      corked.push(`${stream.writableCorked}`)
      return write(...args)
    }) as typeof stream.write
    const mutex = locks.mutex('a', { wait: Infinity })
    await Promise.all(
      Array.from({ length: count }, (_, i) => mutex.use(() => (i === 0 ? first?.() : undefined))),
    )
    expect(stream.writableCorked).toBe(0)
    return corked
  }

  test('the release and the next request are written in one go, so that nobody comes in between', async () => {
    events = new Events()
    // The first request and three renewals alone; both together, once the tokens are used up; and the last release.
    expect(await written(65)).toEqual(['0', '0', '0', '0', '1', '1', '0'])
  })

  test('the same where a renewal says that somebody else waits', async () => {
    const [other] = (await mutexes(1)) as [Mutex]
    let there: Promise<void> | undefined
    const corked = await written(20, async () => {
      there = other.use(() => {})
      await until(async () => expect((await world.locks().inspect('a')).waiterCount).toBe(1))
    })
    await there
    // The request, the renewal, and both together; then what the rest of them need.
    expect(corked.slice(0, 4)).toEqual(['0', '0', '1', '1'])
  })

  test('a connection that is cut in the middle costs nobody the lock', async () => {
    const client = world.client()
    const locks = world.locks(LOCAL, client)
    const mutex = locks.mutex('a', { wait: Infinity })
    events = new Events()
    let [inside, done] = [0, 0]
    const calls = Array.from({ length: 60 }, (_, i) =>
      mutex.use(async () => {
        expect(++inside).toBe(1)
        if (i % 20 === 5)
          await world.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        done++
      }),
    )
    await Promise.all(calls)
    expect(done).toBe(60)
  })
})

test('in memory too', async () => {
  const locks = Holdfast.inMemory()
  const order: number[] = []
  const calls = Array.from({ length: 40 }, (_, i) => locks.mutex('a').use(() => void order.push(i)))
  await Promise.all(calls)
  expect(order).toEqual(order.toSorted((x, y) => x - y))
  await locks.close()
})
