// What survives the end of a primary, and what does not, on real servers. (safety.md H18, H19)
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { recognise } from '../../src/clients/recognise.js'
import { keysOf } from '../../src/kernel/names.js'
import { acquireFields, PROTOCOL, renewFields, type Mode } from '../../src/kernel/protocol.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import type { RunningServer } from '../../src/testing/index.js'
import { ownerId } from '../kit/world.js'
import { engines, refusal, until } from '../real/kit.js'
import { Replicated } from './stage.js'

const NO_LIMIT = { ms: '', run: '' }
/** Half of it is the time limit of a WAIT: longer than any stall of the machine. */
const PATIENT = { nodeTimeout: 20_000 }
const SHORT = { nodeTimeout: 400 }

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

/** Ends after what was opened on it. */
async function started(engine: (typeof engines)[number]): Promise<Replicated> {
  const servers = await Replicated.start(engine)
  open.push({ close: () => servers[Symbol.asyncDispose]() })
  return servers
}

function clientOf({ url }: RunningServer): Redis {
  const client = new Redis(url)
  client.on('error', () => {})
  open.push({ close: () => client.disconnect() })
  return client
}

function locksOn(server: RunningServer, options: HoldfastOptions): Holdfast {
  const locks = new Holdfast(clientOf(server), { checkEviction: false, ...options })
  open.push(locks)
  return locks
}

const commands = async (servers: Replicated): Promise<[scripts: number, waits: number]> => {
  const stats = await servers.admins.primary.info('commandstats')
  const of = (name: string): number =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return [of('evalsha'), of('wait')]
}

describe.each(engines)('%s', (engine) => {
  test('H18: a lock that a replica has acknowledged is still held when it is promoted', async () => {
    const servers = await started(engine)
    const { primary, replica } = servers
    const held = await locksOn(primary, { ...PATIENT, replicas: 1 })
      .mutex('a')
      .acquire()
    expect(held.replicas).toBe(1)
    // Of what comes after, nothing arrives.
    servers.cut()
    await servers.failover()
    const other = locksOn(replica, PATIENT)
    expect((await other.inspect('a')).holders).toMatchObject([{ owner: held.owner }])
    expect(await other.mutex('a').tryAcquire()).toBe(null)
    await primary.restart()
  })

  test('H18: without, two hold it; the fence tells who came later', async () => {
    const servers = await started(engine)
    const { primary, replica } = servers
    servers.cut()
    const held = await locksOn(primary, PATIENT).mutex('a', { ttl: 60_000 }).acquire()
    expect(held.replicas).toBe(0)
    await servers.failover()
    const second = await locksOn(replica, PATIENT).mutex('a').tryAcquire()
    expect(second!.fence).toBeGreaterThan(held.fence)
    expect(held.isHeld).toBe(true)
    await primary.restart()
  })

  test('with one primary', async () => {
    const servers = await started(engine)
    const { admins, primary } = servers
    const connections = async (): Promise<number> =>
      String(await admins.primary.client('LIST', 'TYPE', 'NORMAL'))
        .trim()
        .split('\n').length
    const during = async (work: () => Promise<unknown>): Promise<[number, number]> => {
      const [scriptsBefore, waitsBefore] = await commands(servers)
      await work()
      const [scriptsNow, waitsNow] = await commands(servers)
      return [scriptsNow - scriptsBefore, waitsNow - waitsBefore]
    }

    // What it costs: a WAIT for each grant, renewal and turn; without the option nothing.
    const [without, patient] = [locksOn(primary, PATIENT), { ...PATIENT, replicas: 1 }]
    const locks = locksOn(primary, patient)
    const use = async (by: Holdfast): Promise<void> => {
      const lock = await by.mutex('a').acquire()
      await lock.verify()
      await (await lock.downgrade()).release()
    }
    await use(without)
    const before = await connections()
    expect(await during(() => use(without))).toEqual([4, 0])
    expect(await connections()).toBe(before)
    await use(locks)
    expect(await during(() => use(locks))).toEqual([4, 3])
    const set = await locks.all(['a', 'b', 'c']).acquire()
    expect(set.replicas).toBe(1)
    expect(await during(() => set.verify())).toEqual([1, 1])
    await set.release()

    // A hand-over: the release grants, and the grant counts when the waiter's own renewal is acknowledged.
    const other = locksOn(primary, patient)
    const first = await without.mutex('a').acquire()
    const [, waits] = await commands(servers)
    const next = other.mutex('a').acquire()
    // It was refused, subscribed, and stands in line. A WAIT is counted when it is over.
    await until(async () => expect((await commands(servers))[1]).toBe(waits + 2))
    expect((await without.inspect('a')).waiterCount).toBe(1)
    let second: Awaited<typeof next>
    expect(
      await during(async () => {
        await first.release()
        second = await next
      }),
    ).toEqual([2, 1])
    expect(second!.replicas).toBe(1)
    await second!.release()

    // Cut: nothing is granted, and nothing is left.
    const short = locksOn(primary, { ...SHORT, replicas: 1 })
    await use(short)
    servers.cut()
    expect(await refusal(short.mutex('a').tryAcquire())).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('only 0 of the 1 replicas asked for acknowledged it'),
    })
    await until(async () => expect(await servers.keys()).toEqual([]))

    // Nor when it is handed over.
    const holder = await without.mutex('a').acquire()
    const wait = short.mutex('a', { wait: 60_000 }).acquire()
    await until(async () => expect((await without.inspect('a')).waiterCount).toBe(1))
    await holder.release()
    const owner = await admins.primary.get('lock:a')
    await until(async () => expect(await admins.primary.get('lock:a')).not.toBe(owner))
    await servers.mend()
    const granted = await wait
    expect(granted.replicas).toBe(1)
    expect(granted.owner).not.toBe(owner)
    await granted.release()
    expect(await servers.keys()).toEqual([])
  })

  test.each<Mode>(['x', 's', 'p'])('H19: a lease of mode %s that gets no longer', async (mode) => {
    const servers = await started(engine)
    const client = clientOf(servers.primary)
    const port = recognise(client)
    open.push(port)
    const keys = keysOf('a', 'lock:')
    const owner = ownerId(1)
    const wish = { mode, ttl: 60_000, claim: 2000, info: '', permits: 1, limit: 1 }
    servers.cut()
    const granted = acquireFields(owner, wish, false, '', NO_LIMIT)
    await port.run(scripts.acquire, keys, [PROTOCOL, ...granted])
    // On a connection that has written nothing yet, and asking for less than there is.
    const renewal = renewFields(owner, 1000, NO_LIMIT)
    const ask = port.runAcknowledged!(scripts.renew, keys, [PROTOCOL, ...renewal], 1, 1000)
    const { reply, replicas } = await ask
    expect(JSON.stringify(reply)).toContain('renewed')
    expect(replicas).toBe(0)
  })
})
