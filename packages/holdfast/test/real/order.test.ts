import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Holdfast } from '../../src/index.js'
import { channelOf } from '../../src/kernel/protocol.js'
import { engines, Messages, until, World } from './kit.js'
import { Process } from './process.js'

const LINE = '{lock:a}:hf:line:lock:a'
const name = 'a'
const options = { ttl: 30_000, wait: 60_000 }

describe.each(engines)('first come, first served, on %s', (engine) => {
  let world: World
  let processes: Process[]
  let locks: Holdfast
  let messages: Messages
  beforeAll(async () => {
    world = await World.start(engine)
  })
  beforeEach(async () => {
    locks = world.locks()
    messages = await Messages.listen(world)
  })
  afterEach(async () => {
    await Process.killAll()
    await world.clean()
  })
  afterAll(() => world.stop())

  const waiting = (count: number): Promise<void> =>
    until(async () => expect(await world.admin.zcard(LINE)).toBe(count))

  /** They ask one after the other, so that their order is known. */
  async function standInLine(asked: { ttl?: number; claim?: number } = {}): Promise<{
    granted: Promise<{ fence: number; owner: string }>[]
    owners: string[]
  }> {
    const granted: Promise<{ fence: number; owner: string }>[] = []
    for (const [i, one] of processes.entries()) {
      const acquired = one.ask('acquire', { name, options: { ...options, ...asked } })
      // One that is killed answers no more; nothing here may be left unhandled.
      acquired.catch(() => {})
      granted.push(acquired)
      await waiting(i + 1)
    }
    const { waiters } = await locks.inspect(name)
    expect(waiters.map((one) => one.pid)).toEqual(processes.map((one) => one.pid))
    return { granted, owners: waiters.map((one) => one.owner!) }
  }

  test('8 processes are served in the order in which the server heard of them', async () => {
    processes = await Process.start(8, world.server.url)
    const holder = await locks.mutex(name).acquire()
    const work = processes.map((one) =>
      one.ask('work', { name, options, id: String(one.pid), times: 3 }),
    )
    await waiting(24)
    const line = (await world.admin.zrange(LINE, 0, '-1', 'WITHSCORES')).map(String)
    const tickets = line.filter((_, i) => i % 2 === 1).map(Number)
    expect(new Set(tickets).size).toBe(24)
    const { waiters } = await locks.inspect(name)
    expect(waiters.map((one) => one.owner)).toEqual(line.filter((_, i) => i % 2 === 0))

    await holder.release()
    const fences = (await Promise.all(work)).flat()
    const served = await world.admin.lrange('order', 0, -1)
    expect(served).toEqual(waiters.map((one) => String(one.pid)))
    expect(await messages.owners('grant')).toEqual(waiters.map((one) => one.owner))
    expect(new Set([holder.fence, ...fences]).size).toBe(25)
    expect(Math.min(...fences)).toBeGreaterThan(holder.fence)
    expect(await world.admin.get('counter')).toBe('24')
  })

  test('and while others come and go: 400 grants, no two of them at once', async () => {
    processes = await Process.start(8, world.server.url)
    const monitor: Redis = await world.client().monitor()
    const came: string[] = []
    monitor.on('monitor', (_time: string, args: string[]) => {
      if (args[0]?.toUpperCase() === 'ZADD' && args[1] === LINE) came.push(args.at(-1)!)
    })
    const rounds = processes.map(async (one) => {
      const fences: number[] = []
      for (let i = 0; i < 10; i++) {
        fences.push(...(await one.ask('work', { name, options, id: String(one.pid), times: 5 })))
      }
      return fences
    })
    const fences = (await Promise.all(rounds)).flat()
    expect(new Set(fences).size).toBe(400)
    expect(await world.admin.get('counter')).toBe('400')
    // Who found it free did not stand in line; of the others everyone was told, in order.
    const granted = await messages.owners('grant')
    await until(() => expect(came.length).toBeGreaterThanOrEqual(granted.length))
    expect(granted.length).toBeGreaterThan(300)
    expect(came.filter((owner) => granted.includes(owner))).toEqual(granted)
    monitor.disconnect()
  })

  test('processes that were killed while they waited cost the next one nothing', async () => {
    processes = await Process.start(4, world.server.url)
    const holder = await locks.mutex(name, options).acquire()
    const { granted, owners } = await standInLine()
    const dead = owners.slice(0, 2)
    for (const [i, owner] of dead.entries()) {
      await processes[i]!.kill()
      const its = channelOf(owner.split('.')[0]!)
      await until(async () => expect((await world.admin.pubsub('NUMSUB', its))[1]).toBe(0))
    }
    const cost = await world.during(async () => {
      await holder.release()
      expect((await granted[2]!).owner).toBe(owners[2])
    })
    // One release that skips both; one message to the new holder, one to the head behind it.
    expect(cost).toMatchObject({ evalsha: 1, eval: 0, publish: 2 })
    expect(await messages.owners('grant')).toEqual([owners[2]])
    expect(await messages.owners('first')).toEqual([owners[3]])
    expect(await world.admin.zrange(LINE, 0, '-1')).toEqual([owners[3]])
    await processes[2]!.ask('release', { name })
    await granted[3]
    expect(await messages.owners('grant')).toEqual(owners.slice(2))
  })

  test('a process that stopped at the head costs the next one a single claim', async () => {
    processes = await Process.start(4, world.server.url)
    const first = world.locks()
    const holder = await first.mutex(name, options).acquire()
    const { granted, owners } = await standInLine({ claim: 1000 })
    processes[0]!.freeze()
    const cost = await world.during(async () => {
      await holder.release()
      // Else it would look as well, a moment after the next one asks.
      await first.close()
      await granted[1]
    })
    // The release that grants it to the stopped one, and the question of the next at the claim's end.
    expect(cost).toMatchObject({ evalsha: 2, eval: 0 })
    expect(await messages.owners('grant')).toEqual([owners[0]])
    expect((await locks.inspect(name)).waiters.map((one) => one.owner)).toEqual(owners.slice(2))

    // It finds its grant when it goes on, does not believe in it, and stands in line again.
    processes[0]!.thaw()
    await waiting(3)
    const after = (await locks.inspect(name)).waiters.map((one) => one.owner!)
    expect(after.slice(0, 2)).toEqual(owners.slice(2))
    expect(owners).not.toContain(after[2])
    const fences = [(await granted[1]!).fence]
    for (const [i, next] of [2, 3, 0].entries()) {
      await processes[i + 1]!.ask('release', { name })
      fences.push((await granted[next]!).fence)
    }
    expect(await messages.owners('grant')).toEqual([owners[0], ...after])
    expect(fences).toEqual(fences.toSorted((a, b) => a - b))
    expect(new Set(fences).size).toBe(4)
  })

  test('a holder that stopped past its lease has lost it, and is told so', async () => {
    processes = await Process.start(2, world.server.url)
    const [first, second] = processes as [Process, Process]
    const held = await first.ask('acquire', { name, options: { ttl: 600 } })
    const next = second.ask('acquire', { name, options })
    await waiting(1)
    first.freeze()
    expect((await next).fence).toBeGreaterThan(held.fence)
    first.thaw()
    const result = await first.ask('release', { name })
    expect(result).toEqual({ released: false, reason: 'lost' })
    expect((await locks.inspect(name)).holders.map((one) => one.pid)).toEqual([second.pid])
  })
})
