import type { Redis } from 'ioredis'
import { errorMonitor } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Holdfast, Runtime, Timer } from '../../src/index.js'
import { engines, until, World } from './kit.js'
import { runToEnd } from './process.js'

const NAMES = ['a', 'b', '{tag}c']
const OUTCOMES = new Set(['held', 'null', 'ERR_TIMEOUT', 'ERR_TAKEN', 'cancelled'])

/** The same sequence in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}

/** What is expected by its code, anything else in full. */
function told(error: unknown): string {
  const { code = '' } = error as { code?: string }
  return OUTCOMES.has(code) ? code : `${code} ${String(error)}`
}

const listeners = (client: Redis): Map<string | symbol, number> =>
  new Map(client.eventNames().map((name) => [name, client.listenerCount(name)]))

/** The real clocks, and how many timers are set on them. */
function counting(): Runtime & { readonly live: number } {
  const live = new Set<Timer>()
  return {
    ...systemRuntime,
    get live(): number {
      return live.size
    },
    setTimer(callback, ms, keepAlive) {
      const fire = (): void => {
        live.delete(timer)
        callback()
      }
      const set = systemRuntime.setTimer(fire, ms, keepAlive)
      const timer: Timer = {
        cancel() {
          live.delete(timer)
          set.cancel()
        },
      }
      live.add(timer)
      return timer
    },
  }
}

describe.each(engines)('what is left over, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  /** One way to want a lock, and what became of it. */
  async function cycle(locks: Holdfast, random: (below: number) => number): Promise<string> {
    const mutex = locks.mutex(NAMES[random(NAMES.length)]!)
    const [way, hold, limit] = [random(6), random(4), 1 + random(20)]
    const controller = new AbortController()
    try {
      if (way === 0) {
        const lock = await mutex.tryAcquire()
        await lock?.release()
        return lock ? 'held' : 'null'
      }
      if (way === 1) {
        await (await mutex.acquire({ wait: 0 })).release()
        return 'held'
      }
      if (way === 2) {
        const { signal } = controller
        const acquired = mutex.acquire({ signal })
        await sleep(limit)
        controller.abort('cancelled')
        await (await acquired).release()
        return 'held'
      }
      const wait = way === 3 ? limit : 30_000
      await mutex.use(() => sleep(hold), { wait })
      return 'held'
    } catch (error) {
      if (typeof error === 'string') return error
      // So short a limit may pass before the server has said anything at all.
      const hurried = way === 3 && (error as { code?: string }).code === 'ERR_UNAVAILABLE'
      return hurried ? 'ERR_TIMEOUT' : told(error)
    }
  }

  test('500 cycles from three clients: fences that expire, and nothing else', async () => {
    const clients = [world.client(), world.client(), world.client()]
    await Promise.all(clients.map((client) => client.ping()))
    const before = clients.map(listeners)
    const runtime = counting()
    const all = clients.map((client) => world.locks({ runtime }, client))
    const outcomes: string[] = []
    const tasks = Array.from({ length: 10 }, async (_, task) => {
      const random = seeded(task + 1)
      for (let i = 0; i < 50; i++) outcomes.push(await cycle(all[(task + i) % 3]!, random))
    })
    await Promise.all(tasks)

    expect(outcomes).toHaveLength(500)
    const counted = new Map([...OUTCOMES].map((what) => [what, 0]))
    for (const what of outcomes) counted.set(what, (counted.get(what) ?? 0) + 1)
    // Each of them came up, or the test has not tried it; and nothing else did.
    expect(new Set(counted.keys())).toEqual(OUTCOMES)
    expect([...counted].filter(([, count]) => count === 0)).toEqual([])

    // A place that was given up is told to the server in the background.
    await until(async () => expect(await world.keys()).toEqual([]))
    const fences = await world.admin.keys('*')
    expect(fences.toSorted()).toEqual([
      '{lock:a}:hf:fence:lock:a',
      '{lock:b}:hf:fence:lock:b',
      '{tag}:hf:fence:lock:{tag}c',
    ])
    for (const fence of fences) {
      const left = await world.admin.pttl(fence)
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThanOrEqual(600_000)
    }

    // Whether the client ends, for the connection that is subscribed; why it is not ready, if it is not.
    const own = ['end', 'ready', errorMonitor].map((event) => [event, 1] as const)
    const more = before.map((events) => new Map([...events, ...own]))
    expect(clients.map(listeners)).toEqual(more)
    await until(() => expect(runtime.live).toBe(0))
    const channels = (await world.admin.pubsub('CHANNELS')) as string[]
    expect(channels).toHaveLength(3)
    for (const locks of all) await locks.close()
    await until(async () => expect(await world.admin.pubsub('CHANNELS')).toEqual([]))
    expect(clients.map(listeners)).toEqual(before)
    expect(runtime.live).toBe(0)
  })

  test('a process that has done the like has no timer left, and ends by itself', async () => {
    const { code, said } = await runToEnd(world.server.url, 'cycles')
    expect(said).toBe('100 cycles, timers left: 0')
    expect(code).toBe(0)
    expect(await world.keys()).toEqual([])
  })

  test('a signal that many calls share keeps no listener', async () => {
    const locks = world.locks()
    const { signal } = new AbortController()
    let set = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      set++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      set--
      remove(...args)
    }
    const holder = await world.locks().mutex('taken').acquire()
    for (let i = 0; i < 20; i++) {
      await locks.mutex('a').use(() => {}, { signal })
      await locks.mutex('taken').tryAcquire({ signal })
      const limited = locks.mutex('taken').acquire({ signal, wait: 100 })
      await expect(limited).rejects.toMatchObject({ code: 'ERR_TIMEOUT', lock: 'taken' })
    }
    expect(set).toBe(0)
    await holder.release()
  })
})
