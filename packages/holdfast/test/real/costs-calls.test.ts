// The second table of docs/costs.md: what single calls cost.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { costs, type Figure, Figures, inLine, loaded, LONG, warm } from './figures.js'
import { gate } from '../reentrant/kit.js'
import { engines, Events, refusal, until, World } from './kit.js'

const figures = new Figures('what')
const row = (what: string): Figure => figures.row(what)
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`)

// One server will do: what is sent does not depend on it, and costs.test.ts counts on each.
describe.each(engines.slice(0, 1))('costs of calls, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
    await loaded(world)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  const four = async (): Promise<[Holdfast, Holdfast, Holdfast, Holdfast]> =>
    (await warm(world, 4)) as [Holdfast, Holdfast, Holdfast, Holdfast]
  const readers = (locks: Holdfast, count: number): Promise<Lock[]> =>
    Promise.all(names(count).map(() => locks.readWrite('x', LONG).read().acquire()))
  const pool = (locks: Holdfast, limit = 4) => locks.semaphore('x', { ...LONG, limit })

  test('the first command, the first wait, and one that is called off', async () => {
    const [a] = await four()
    await a.mutex('x', LONG).acquire()
    const b = world.locks({ checkEviction: false })
    const first = row("a Holdfast's first command: a hello, then the call")
    expect(await costs(world, first, () => b.mutex('x').tryAcquire())).toBeNull()
    const stop = new AbortController()
    let wait: Promise<unknown> = Promise.resolve()
    await costs(world, row("a Holdfast's first wait: refused, subscribed, in line"), async () => {
      wait = refusal(b.mutex('x', LONG).acquire({ signal: stop.signal }))
      await inLine(world, 'x', 1)
    })
    await costs(world, row('a wait that is called off'), async () => {
      stop.abort('enough')
      expect(await wait).toBe('enough')
    })
  })

  test('a claim: its renewal, and the look of whoever released', async () => {
    const [a, b, c] = await four()
    const events = new Events()
    const held = await a.mutex('x', LONG).acquire()
    const options = { ...LONG, claim: 1200 }
    const next = b.mutex('x', options).acquire()
    await inLine(world, 'x', 1)
    const last = c.mutex('x', options).acquire()
    await inLine(world, 'x', 2)
    await held.release()
    await next
    const renewal = 'hold on past a third of the claim: the renewal to the full lease'
    await costs(world, row(renewal), () =>
      until(() => expect(events.of('holdfast:renewed')).toHaveLength(1)),
    )
    const look =
      'others wait behind the next, and its claim is over: whoever released looks, and the first in line asks'
    await costs(world, row(look), () => Promise.resolve())
    events.stop()
    await (await next).release()
    await (await last).release()
  })

  test('250 at once', async () => {
    const [a] = await four()
    const events = new Events()
    const all = names(250).map((name) => a.mutex(name, { ttl: 6000 }))
    const held = await costs(world, row('take 250 mutexes at once'), () =>
      Promise.all(all.map((mutex) => mutex.acquire())),
    )
    await costs(world, row('release 250 mutexes at once'), () =>
      Promise.all(held.map((lock) => lock.release())),
    )
    const options = { ttl: 6000 }
    const kinds = [
      (name: string) => a.mutex(name, options).acquire(),
      (name: string) => a.readWrite(name, options).read().acquire(),
      (name: string) => a.semaphore(name, { ...options, limit: 5 }).acquire({ permits: 3 }),
    ]
    await Promise.all(names(250).map((name, i) => kinds[i % kinds.length]!(name)))
    await costs(world, row('renew 250 leases, of every kind'), () =>
      until(() => expect(events.of('holdfast:renewed')).toHaveLength(250)),
    )
    events.stop()
  })

  test('of one lock: verify, extend; inspect, list, watch, ping, close', async () => {
    const [a, b] = await four()
    const lock = await a.mutex('x', LONG).acquire()
    await costs(world, row('`verify`'), () => lock.verify())
    await costs(world, row('`extend`'), () => lock.extend('90s'))
    await a.mutex('y', LONG).acquire()
    await a.readWrite('z', LONG).read().acquire()
    await costs(world, row('`inspect`'), () => b.inspect('x'))
    await costs(world, row('`list` of 3 names'), async () => {
      const found: string[] = []
      for await (const { name } of b.list()) found.push(name)
      expect(found.toSorted()).toEqual(['x', 'y', 'z'])
    })
    await costs(world, row('`list` of a pattern without a glob'), () => b.list('x').next())
    const watch = b.watch()
    await costs(world, row('`look` of a watch, 3 names'), () => watch.look())
    const one = b.watch('x')
    await costs(world, row('`look` of a watch of one name'), () => one.look())
    await costs(world, row('`ping`'), () => b.ping())
    await costs(world, row('`close` while 3 locks are held'), () => a.close())
    expect(await world.keys()).toEqual([])
  })

  test("a writer's release that lets in 10 readers", async () => {
    const [a, b, c] = await four()
    for (const behind of [0, 1]) {
      const write = await a.readWrite('x', LONG).write().acquire()
      const reads = readers(b, 10)
      await inLine(world, 'x', 10)
      const next = behind ? c.readWrite('x', LONG).write().acquire() : null
      await inLine(world, 'x', 10 + behind)
      const what = behind
        ? 'the same, and a writer waits behind them'
        : "a writer's release that lets in 10 readers"
      const inside = await costs(world, row(what), async () => {
        await write.release()
        return reads
      })
      await Promise.all(inside.map((lock) => lock.release()))
      await (await next)?.release()
    }
  })

  test('what is kept', async () => {
    const [a, b] = await four()
    const kept = { ...LONG, holdAtLeast: 2000 }
    const alone = await a.mutex('y', kept).acquire()
    await costs(world, row('a release that is kept (`holdAtLeast`), nobody waits'), () =>
      alone.release(),
    )
    const held = await a.mutex('x', kept).acquire()
    const next = b.mutex('x', LONG).acquire()
    await inLine(world, 'x', 1)
    const release = row('a release that is kept (`holdAtLeast`), one waits')
    expect(await costs(world, release, () => held.release())).toMatchObject({ released: true })
    await costs(
      world,
      row('its time is over: the one who waits asks, and tries its subscription'),
      () => next,
    )
    await (await next).release()
  })

  test('handed over', async () => {
    const [a, b, c] = await four()
    const held = await a.mutex('x', LONG).acquire()
    const next = c.mutex('x', LONG).acquire()
    await inLine(world, 'x', 1)
    const token = await costs(world, row('`handOver`, one waits'), () => held.handOver())
    const taken = await costs(world, row('`takeOver`, one waits'), () =>
      b.takeOver(token, { ttl: '60s' }),
    )
    const again = await taken.handOver()
    const sooner = row('`takeOver` with a lease that ends sooner, one waits')
    const last = await costs(world, sooner, () => a.takeOver(again, { ttl: '20s' }))
    await last.handOver()
    const { owner } = last
    await costs(world, row('`renew` by owner id, one waits'), () => b.renew('x', owner))
    await costs(world, row('`release` by owner id, one waits'), () => b.release('x', owner))
    await (await next).release()
  })

  test('downgrade', async () => {
    const [a, b, c] = await four()
    const first = await a.readWrite('x', LONG).write().acquire()
    const reader = await costs(world, row('`downgrade`, nobody waits'), () => first.downgrade())
    await reader.release()
    const write = await a.readWrite('x', LONG).write().acquire()
    const reads = readers(b, 2)
    await inLine(world, 'x', 2)
    void refusal(c.readWrite('x', LONG).write().acquire())
    await inLine(world, 'x', 3)
    const what = '`downgrade` that lets in 2 readers, and a writer waits behind them'
    await costs(world, row(what), async () => {
      await write.downgrade()
      await reads
    })
  })

  /** Calls for so many permits, who stand in line in this order. */
  const stand = async (locks: Holdfast, ...counts: number[]): Promise<Promise<Lock>[]> => {
    const waits: Promise<Lock>[] = []
    for (const permits of counts) {
      waits.push(pool(locks).acquire({ permits }))
      await inLine(world, 'x', waits.length)
    }
    return waits
  }

  test('permits: a release', async () => {
    const [a, b] = await four()
    const three = await pool(a).acquire({ permits: 3 })
    const one = await pool(a).acquire()
    await costs(world, row('`available`'), () => pool(b).available())
    const waits = await stand(b, 1, 2, 4)
    const lets = 'a release of permits that lets in 2 calls, and a third waits behind them'
    const inside = await costs(world, row(lets), async () => {
      await three.release()
      return Promise.all(waits.slice(0, 2))
    })
    // All have to go, and this one would have been the last.
    await inside[1]!.extend('90s')
    const sooner = 'a release of permits that lets in nobody, and the first in line may come sooner'
    await costs(world, row(sooner), () => inside[1]!.release())
    await one.release()
    await inside[0]!.release()
    await (await waits[2]!).release()
  })

  test('permits: a resize', async () => {
    const [a, b] = await four()
    const held = await pool(a).acquire({ permits: 4 })
    await costs(world, row('`resize`'), () => pool(a).resize(3))
    await pool(a).resize(4)
    const waits = await stand(b, 1, 2, 4)
    const lets = '`resize` that lets in 2 calls, and a third waits behind them'
    const inside = await costs(world, row(lets), async () => {
      await pool(a).resize(7)
      return Promise.all(waits.slice(0, 2))
    })
    for (const lock of [held, ...inside]) await lock.release()
    await (await waits[2]!).release()
  })

  test('observe', async () => {
    const [a, b] = await four()
    const nobody = a.election('x').observe()
    const begins = row('`observe` begins')
    expect(await costs(world, begins, () => nobody.next())).toMatchObject({ value: null })
    await nobody.return!()
    // A leader that is gone: an election is the mutex of its name.
    const client = world.client()
    await world.locks({}, client).mutex('x', { ttl: 1000, renew: false }).acquire()
    client.disconnect()
    const leaders = b.election('x').observe()
    await costs(world, begins, () => leaders.next())
    const gone = leaders.next()
    const idle = row('`observe` while the lease runs as last told, or nobody leads')
    await costs(world, idle, () => sleep(250))
    await costs(world, row('`observe` when that lease should have ended'), () => gone)
    await costs(world, idle, () => sleep(250))
  })

  // None that has never waited hears of it by a message.
  const deaf = (): Holdfast => world.locks({ nodeTimeout: 5000 })
  const byRenewal = 'a holder that never waited hears of it: by its next renewal'

  test('revoke', async () => {
    const [, b] = await four()
    const lock = await deaf().mutex('x', { ttl: 4500 }).acquire()
    await costs(world, row('`revoke`'), () => b.revoke('x'))
    await costs(world, row(byRenewal), () => until(() => expect(lock.revoked.aborted).toBe(true)))
    await lock.release()
    await readers(deaf(), 100)
    await costs(world, row('`revoke` of 100 readers'), async () => {
      expect(await b.revoke('x')).toEqual({ asked: 100 })
    })
  })

  test('forceRelease', async () => {
    const [a, b] = await four()
    const lock = await deaf().mutex('x', LONG).acquire()
    await costs(world, row('`forceRelease`'), () => b.forceRelease('x'))
    await costs(world, row('a holder that was forced lets go'), () => lock.release())
    const old = await deaf().mutex('x', LONG).acquire()
    const next = a.mutex('x', LONG).acquire()
    await inLine(world, 'x', 1)
    await costs(world, row('`forceRelease` with `now`, one waits'), () =>
      b.forceRelease('x', { now: true }),
    )
    await (await next).release()
    await old.release()
    const all = await readers(deaf(), 100)
    await costs(world, row('`forceRelease` of 100 readers'), async () => {
      expect(await b.forceRelease('x')).toMatchObject({ freed: false, asked: 100 })
    })
    await Promise.all(all.map((one) => one.release()))
    await readers(deaf(), 200)
    await costs(world, row('`forceRelease` with `now` of 200 readers'), async () => {
      expect(await b.forceRelease('x', { now: true })).toMatchObject({ freed: true, asked: 200 })
    })
  })

  test('a lock manager: steal, query', async () => {
    const [a, b] = await four()
    const { ttl, claim } = LONG
    const manager = b.lockManager({ ttl, claim })
    const old = await deaf().mutex('x', LONG).acquire()
    const next = a.mutex('x', LONG).acquire()
    await inLine(world, 'x', 1)
    const { opened, open } = gate()
    const stolen = await costs(
      world,
      row("a lock manager's `steal`, one waits"),
      () =>
        new Promise<{ end: Promise<void> }>((resolve) => {
          const end = manager.request('x', { steal: true }, () => {
            resolve({ end })
            return opened
          })
        }),
    )
    await a.mutex('y', LONG).acquire()
    await a.readWrite('z', LONG).read().acquire()
    await costs(world, row("a lock manager's `query` of 3 names"), async () => {
      const { held, pending } = await manager.query()
      expect([held.length, pending.length]).toEqual([3, 1])
    })
    open()
    await stolen.end
    await (await next).release()
    await old.release()
  })

  test('no figure of the table is without a test', () => expect(figures.left).toEqual([]))
})
