import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, Events, until, World } from './kit.js'
import { Process } from './process.js'

/** Names of the commands that clients sent while `work` ran: none of scripts, none of the test's. */
async function commands(world: World, work: () => Promise<unknown>): Promise<string[]> {
  const own = /\baddr=(\S+)/.exec(String(await world.admin.call('CLIENT', 'INFO')))![1]
  const monitor: Redis = await world.client().monitor()
  const seen: string[] = []
  let over = false
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source === own) over ||= args[1] === 'over'
    else if (source !== 'lua') seen.push(args[0]!.toUpperCase())
  })
  await work()
  await world.admin.echo('over')
  await until(() => expect(over).toBe(true))
  monitor.disconnect()
  return seen
}

describe.each(engines)('what it costs, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(async () => {
    await Process.killAll()
    await world.stop()
  })

  test('a free lock: one command to take it, one to release it', async () => {
    const mutex = world.locks().mutex('a')
    await mutex.use(() => {})
    const sent = await commands(world, async () => {
      const lock = await mutex.acquire()
      await lock.release()
    })
    expect(sent).toEqual(['EVALSHA', 'EVALSHA'])
    const { evalsha, publish } = await world.during(() => mutex.use(() => {}))
    expect({ evalsha, publish }).toEqual({ evalsha: 2, publish: 0 })
  })

  test('a taken lock: one command to be refused', async () => {
    await world.locks().mutex('a').acquire()
    const other = world.locks().mutex('a')
    expect(await other.tryAcquire()).toBeNull()
    const sent = await commands(world, () => other.tryAcquire())
    expect(sent).toEqual(['EVALSHA'])
  })

  test('a hand-over between processes: one command, one message', async () => {
    const [a, b] = (await Process.start(2, world.server.url)) as [Process, Process]
    const name = 'a'
    const options = { ttl: 30_000 }
    await a.ask('acquire', { name, options })
    const waiting = b.ask('acquire', { name, options })
    await until(async () =>
      expect((await world.admin.zcard('{lock:a}:hf:line:lock:a')) as number).toBe(1),
    )
    const sent = await commands(world, async () => {
      const cost = await world.during(async () => {
        await a.ask('release', { name })
        await waiting
      })
      expect(cost).toMatchObject({ evalsha: 1, eval: 0, publish: 1, subscribe: 0 })
    })
    expect(sent).toEqual(['EVALSHA'])
    await Process.killAll()
  })

  test('a hand-over with more behind: the new head is told too', async () => {
    const [a, b, c] = [world.locks(), world.locks(), world.locks()] as const
    const lock = await a.mutex('a').acquire()
    const second = b.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    const third = c.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(2))
    let next = lock
    const cost = await world.during(async () => {
      await lock.release()
      next = await second
    })
    expect(cost).toMatchObject({ evalsha: 1, publish: 2 })
    const last = await world.during(async () => {
      await next.release()
      await third
    })
    expect(last).toMatchObject({ evalsha: 1, publish: 1 })
  })

  test('held past a third of the claim: one renewal, to the full lease', async () => {
    const events = new Events()
    const [a, b] = [world.locks(), world.locks()] as const
    const options = { ttl: 30_000, claim: 1000 }
    const lock = await a.mutex('a', options).acquire()
    const waiting = b.mutex('a', options).acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    const cost = await world.during(async () => {
      await lock.release()
      const next = await waiting
      await until(() => expect(events.of('holdfast:renewed')).toHaveLength(1))
      await sleep(1300)
      next.assertHeld()
      await next.release()
    })
    // The hand-over, the renewal, the release.
    expect(cost).toMatchObject({ evalsha: 3, publish: 1 })
    events.stop()
  })

  test('250 leases: three calls for a round of renewals', async () => {
    const locks = world.locks({ nodeTimeout: 2000 })
    await locks.mutex('warm-up').use(() => {})
    const events = new Events()
    const names = Array.from({ length: 250 }, (_, i) => `many:${i}`)
    let held: { release(): Promise<unknown> }[] = []
    const cost = await world.during(async () => {
      held = await Promise.all(names.map((name) => locks.mutex(name, { ttl: 3000 }).acquire()))
    })
    expect(cost.evalsha).toBe(7)
    for (const round of [1, 2]) {
      const renewals = await world.during(() =>
        until(() => expect(events.of('holdfast:renewed')).toHaveLength(250 * round)),
      )
      expect(renewals).toMatchObject({ evalsha: 3, publish: 0 })
    }
    events.stop()
    const end = await world.during(() => Promise.all(held.map((lock) => lock.release())))
    expect(end.evalsha).toBe(3)
  })

  test('scripts that the server forgot cost one more round trip, and no error', async () => {
    const [a, b] = [world.locks(), world.locks()] as const
    const events = new Events()
    const lock = await a.mutex('a', { ttl: 3000 }).acquire()
    const waiting = b.mutex('a', { ttl: 3000 }).acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))

    await world.admin.script('FLUSH')
    const renewal = await world.during(() => lock.verify())
    expect(renewal).toMatchObject({ evalsha: 1, eval: 1 })
    const handover = await world.during(async () => {
      await lock.release()
      await (await waiting).release()
    })
    // The first release is told again as a text; the second finds the script.
    expect(handover).toMatchObject({ evalsha: 2, eval: 1, publish: 1 })
    const afresh = await world.during(() => b.mutex('a').use(() => {}))
    expect(afresh).toMatchObject({ evalsha: 2, eval: 1 })
    expect(events.of('holdfast:jeopardy')).toEqual([])
    events.stop()
  })

  test('200 waiters in 10 processes: idle while they wait, and all are served', async () => {
    const processes = await Process.start(10, world.server.url)
    const holder = await world.locks().mutex('a', { ttl: 30_000 }).acquire()
    const before = await world.counts()
    // A claim that a busy machine does not outlast: whoever released would look at its end, and
    // whoever holds would renew it.
    const options = { ttl: 30_000, claim: 30_000, wait: 60_000 }
    const served = processes.map((one, i) =>
      one.ask('work', { name: 'a', options, id: String(i), times: 20 }),
    )
    await until(async () =>
      expect((await world.admin.zcard('{lock:a}:hf:line:lock:a')) as number).toBe(200),
    )
    const asked = await world.since(before)
    const idle = await world.during(() => sleep(5000))
    process.stdout.write(
      `${engine}: 200 waiters asked with ${asked.evalsha} EVALSHA and ${asked.subscribe} SUBSCRIBE;` +
        ` idle for 5 s: ${idle.evalsha}\n`,
    )
    expect(asked.evalsha + asked.eval + asked.publish).toBeLessThan(40)
    expect(idle).toEqual({ evalsha: 0, eval: 0, publish: 0, subscribe: 0 })

    const total = await world.during(async () => {
      await holder.release()
      const fences = (await Promise.all(served)).flat()
      expect(new Set(fences).size).toBe(200)
    })
    expect(await world.admin.get('counter')).toBe('200')
    // One command for each release; a message for each grant, and one for the head behind it.
    expect(total).toMatchObject({ evalsha: 201, publish: 200 + 199 })
    await Process.killAll()
  }, 60_000)
})
