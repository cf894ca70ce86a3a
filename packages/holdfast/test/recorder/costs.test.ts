// What a history costs, in commands, bytes and memory: the table of docs/costs.md.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemRuntime, type Runtime } from '../../src/base/runtime.js'
import type { Holdfast, Lock } from '../../src/index.js'
import { costs, type Figure, Figures, inLine, loaded, LONG } from '../real/figures.js'
import { engines, World } from '../real/kit.js'

const PREFIX = '{lock:}:hf:prefix-history:lock:'
const INDEX = '{lock:}:hf:prefix-index:lock:'
const figures = new Figures('with `history`')
const row = (what: string): Figure => figures.row(what)

/** A recorder gathers for as long as the test wants; all other timers are as ever. */
class Gathering {
  readonly #waiting = new Set<() => void>()
  readonly runtime: Runtime = {
    ...systemRuntime,
    setTimer: (callback, ms, keepAlive) => {
      if (ms !== 100) return systemRuntime.setTimer(callback, ms, keepAlive)
      this.#waiting.add(callback)
      return { cancel: () => void this.#waiting.delete(callback) }
    },
  }

  /** A tenth of a second is over. */
  tick(): void {
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const callback of all) callback()
  }
}

const names = (count: number, from = 1000): string[] =>
  Array.from({ length: count }, (_, i) => `invoice:${from + i}`)

const take = (locks: Holdfast, count: number, from?: number) =>
  Promise.all(names(count, from).map((name) => locks.mutex(name, LONG).acquire()))

const free = (all: readonly Lock[]) => Promise.all(all.map((lock) => lock.release()))

const commands = async (world: World): Promise<Record<string, number>> => {
  const info = await world.admin.info('commandstats')
  const found = [...info.matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
  return Object.fromEntries(found.map(([, name, calls]) => [name!, Number(calls)]))
}

// In the server both do the same; what is sent does not depend on it.
describe.each(engines)('what a history costs, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
    await loaded(world)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  const open = async (label = 'worker-007'): Promise<{ locks: Holdfast; tick: () => void }> => {
    const gathering = new Gathering()
    const { runtime } = gathering
    const options = { history: true, label, runtime, nodeTimeout: 5000, checkEviction: false }
    const locks = world.locks(options)
    await locks.mutex('warm-up').use(async () => {})
    // Subscribed, and told.
    const held = await locks.mutex('warm-up', LONG).acquire()
    const wait = locks.mutex('warm-up', LONG).acquire()
    await inLine(world, 'warm-up', 1)
    await held.release()
    await (await wait).release()
    await locks.history()
    return { locks, tick: () => gathering.tick() }
  }
  const told = async (what: string, tick: () => void): Promise<void> =>
    costs(world, row(what), async () => tick())

  test('commands', async () => {
    const { locks, tick } = await open()
    const batch =
      'what happens within a tenth of a second, up to 200 entries: here 100 times take and release'
    await free(await take(locks, 100))
    await told(batch, tick)
    await free(await take(locks, 225))
    await told('450 entries within a tenth of a second', tick)

    const held = await take(locks, 3)
    tick()
    await locks.history()
    const { locks: other, tick: tickOther } = await open('other')
    const stop = new AbortController()
    const wait = other.mutex('invoice:1000', { ...LONG, signal: stop.signal }).acquire()
    wait.catch(() => {})
    await inLine(world, 'invoice:1000', 1)
    await new Promise((resolve) => setTimeout(resolve, 60))
    await told('a wait, when it has lasted for 50 ms', tickOther)
    await told('nothing happens: held, or waited for, for long', () => {
      tick()
      tickOther()
    })
    expect(await other.mutex('invoice:1001').tryAcquire()).toBeNull()
    await told('a call that is refused at once', tickOther)
    await costs(world, row('`history()`, nothing left to tell'), () => locks.history())
    const listing = async (): Promise<number> => {
      let count = 0
      for await (const { holderCount } of locks.list('invoice:*')) count += holderCount
      return count
    }
    expect(await costs(world, row('`list` of 3 names, by the index'), listing)).toBe(3)
    stop.abort()
    await Promise.allSettled([wait])
    await other.close()

    const many = await take(locks, 100, 2000)
    tick()
    await locks.history()
    await Promise.all(many.map((lock) => lock.verify()))
    await told('renewals of 100 leases, which the index is told', tick)
    await free(many)
    const own = locks.mutex('own', { history: true })
    await own.use(async () => {})
    await locks.history()
    const ownRow = row('`history(name)` of a name with a history of its own')
    expect((await costs(world, ownRow, () => locks.history('own'))).entries).toHaveLength(2)
    const filtered =
      '`history(name)` of another, for 1,000 entries of the prefix that are looked through'
    const page = await costs(world, row(filtered), () =>
      locks.history('invoice:1224', { limit: 2 }),
    )
    expect(page.entries).toHaveLength(2)
    // Beside the one command of the release.
    const closing = row('`close` while 3 locks are held')
    await costs(world, { ...closing, commands: closing.commands + 1 }, () => locks.close())
    for (const lock of held) expect(lock.isHeld).toBe(false)
  })

  test('in the server: the commands of one call, bytes and memory', async () => {
    const { locks, tick } = await open()
    const held = await take(locks, 100)
    await free(held.slice(50))
    const before = await commands(world)
    const received = async (): Promise<number> =>
      Number(/total_net_input_bytes:(\d+)/.exec(await world.admin.info('stats'))![1])
    const bytes = await received()
    await costs(world, { commands: 1, messages: 0, subscriptions: 0 }, async () => tick())
    const after = await commands(world)
    const called = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0)
    const each = [
      'xadd',
      'xtrim',
      'xrevrange',
      'zadd',
      'zrange',
      'zremrangebyscore',
      'pexpireat',
      'time',
    ]
    expect(each.map(called)).toEqual([150, 1, 1, 1, 1, 1, 2, 1])
    // Those that were not there need not be taken out.
    expect(called('zrem')).toBe(0)
    expect((await received()) - bytes).toBeLessThan(150 * 250 + 5000)
    await free(held.slice(0, 50))
    for (let i = 0; i < 10; i++) {
      await free(await take(locks, 100))
    }
    const more = await take(locks, 300)
    await locks.history()
    const size = async (key: string): Promise<number> =>
      Number(await world.admin.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))
    expect((await size(PREFIX)) / (await world.admin.xlen(PREFIX))).toBeLessThan(140)
    expect((await size(INDEX)) / (await world.admin.zcard(INDEX))).toBeLessThan(140)
    await free(more)
  })
})

test('every figure of the table was asked for', () => {
  expect(figures.left).toEqual([])
})
