import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Port } from '../../src/index.js'
import { Holdfast } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import { engines, Events, until, World } from './kit.js'

let events: Events
let warnings: Error[] = []
const onWarning = (warning: Error & { code?: string }): void => {
  if (warning.code === 'HOLDFAST_EVICTION') warnings.push(warning)
}
beforeEach(() => {
  events = new Events()
  warnings = []
  process.on('warning', onWarning)
})
afterEach(() => {
  events.stop()
  process.off('warning', onWarning)
})

const use = (locks: Holdfast): Promise<void> => locks.mutex('a').use(() => {})
const told = (): object[] => events.of('holdfast:eviction')

// A server of its own for each: a process looks at each of them once.
describe.skipIf(engines.includes('any')).each(engines)('eviction policy, on %s', (engine) => {
  let world: World
  beforeEach(async () => {
    world = await World.start(engine)
  })
  afterEach(async () => {
    await world.clean()
    await world.stop()
  })

  const evict = async (policy: string, maxmemory = '1gb'): Promise<void> => {
    await world.admin.config('SET', 'maxmemory', maxmemory)
    await world.admin.config('SET', 'maxmemory-policy', policy)
  }
  const runOf = async (admin: Redis): Promise<string> =>
    /run_id:(\w{16})/.exec(await admin.info('server'))![1]!
  /** Whether anybody has ever looked: to ask is to load the script. */
  const looked = async (): Promise<boolean> =>
    ((await world.admin.script('EXISTS', scripts.status.sha1)) as number[])[0] === 1

  test.each(['allkeys-lru', 'volatile-ttl'])('%s is warned of, once', async (policy) => {
    await evict(policy)
    for (const { lua } of Object.values(scripts)) await world.admin.script('LOAD', lua)
    const [a, b] = [world.locks(), world.locks()]
    const first = await world.during(async () => {
      await use(a)
      await until(() => expect(told()).toHaveLength(1))
      await use(a)
    })
    // A hello, two locks, two releases, and the look.
    expect(first).toMatchObject({ evalsha: 6, eval: 0 })
    const second = await world.during(async () => {
      await use(b)
      await until(() => expect(told()).toHaveLength(2))
      await use(b)
      await a.ping()
    })
    // The other Holdfast knows it from the first: five, and the ping.
    expect(second).toMatchObject({ evalsha: 6, eval: 0 })
    const event = { policy, run: await runOf(world.admin) }
    expect(told()).toEqual([event, event])
    await until(() => expect(warnings).toHaveLength(1))
    expect(warnings[0]).toMatchObject({
      name: 'HoldfastWarning',
      code: 'HOLDFAST_EVICTION',
      message: expect.stringContaining(policy) as string,
    })
  })

  test('what is warned of: the lock is gone, its holder is told, the next token is larger', async () => {
    await evict('allkeys-random')
    const locks = world.locks()
    const lock = await locks.mutex('a', { ttl: 3000 }).acquire()
    const used = /used_memory:(\d+)/.exec(await world.admin.info('memory'))![1]
    await world.admin.config('SET', 'maxmemory', Number(used) + 2_000_000)
    const value = 'x'.repeat(200_000)
    for (let i = 0; (await world.admin.exists('lock:a')) === 1; i++) {
      await world.admin.set(`other:${i}`, value)
    }
    await until(() => expect(lock.signal.aborted).toBe(true))
    expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
    await world.admin.config('SET', 'maxmemory', 0)
    const next = await world.locks().mutex('a').acquire()
    expect(next.fence).toBeGreaterThan(lock.fence)
  })

  test('the look comes after the first grant, and before its release', async () => {
    const locks = world.locks()
    const monitor = await world.client().monitor()
    const asked: string[] = []
    monitor.on('monitor', (_time: string, [command, sha1 = '']: string[]) => {
      const script = Object.values(scripts).find((one) => one.sha1 === sha1)
      if (command!.toLowerCase() === 'evalsha') asked.push(script!.name)
    })
    await use(locks)
    await until(() => expect(asked).toHaveLength(4))
    monitor.disconnect()
    expect(asked).toEqual(['hello', 'acquire', 'status', 'release'])
  })

  test('a ping at the start warns too, and says it', async () => {
    await evict('allkeys-random')
    const { server } = await world.locks().ping()
    expect(server.evictionPolicy).toBe('allkeys-random')
    expect(told()).toHaveLength(1)
    await until(() => expect(warnings).toHaveLength(1))
  })

  test('noeviction: nothing to say', async () => {
    await use(world.locks())
    await until(async () => expect(await looked()).toBe(true))
    await world.locks().ping()
    expect([told(), warnings]).toEqual([[], []])
  })

  test('without a limit of memory nothing is evicted: nothing to say', async () => {
    await evict('allkeys-lru', '0')
    await use(world.locks())
    await until(async () => expect(await looked()).toBe(true))
    expect((await world.locks().ping()).server.evictionPolicy).toBe('allkeys-lru')
    expect([told(), warnings]).toEqual([[], []])
    await evict('allkeys-lru')
    await world.locks().ping()
    expect(told()).toHaveLength(1)
  })

  test('where INFO is forbidden: silent, and not asked', async () => {
    await evict('allkeys-lru')
    await world.admin.call('ACL', 'SETUSER', 'u', 'on', '>p', '~*', '&*', '+@all', '-info')
    const locks = world.locks({}, world.client({ username: 'u', password: 'p' }))
    await use(locks)
    await use(locks)
    expect(await looked()).toBe(false)
    await locks.ping()
    expect([told(), warnings]).toEqual([[], []])
  })

  test('switched off: not asked', async () => {
    await evict('allkeys-lru')
    await use(world.locks({ checkEviction: false }))
    await use(world.locks({ checkEviction: false }))
    expect(await looked()).toBe(false)
    expect([told(), warnings]).toEqual([[], []])
  })
})

describe('a look that fails', () => {
  /** A server in memory that answers everything but the look. */
  function mute(server: MemoryServer, answer: () => Promise<never>): Port & { looks: number } {
    const port = memoryPort(server)
    const muted = {
      ...port,
      looks: 0,
      run: (...call: Parameters<Port['run']>) => {
        if (call[0].name !== 'status') return port.run(...call)
        muted.looks++
        return answer()
      },
    }
    return muted
  }

  test.each([
    ['is never answered', () => new Promise<never>(() => {})],
    ['is refused', () => Promise.reject(new Error('NOPERM'))],
  ])('because it %s, is nobody’s trouble', async (_how, answer) => {
    const server = new MemoryServer()
    const ports = [mute(server, answer), mute(server, answer)] as const
    const locks = ports.map((port) => new Holdfast(port, { nodeTimeout: 20 }))
    await use(locks[0]!)
    await use(locks[0]!)
    expect(ports.map(({ looks }) => looks)).toEqual([1, 0])
    // When it is known to have failed, another Holdfast of the process looks again.
    await until(async () => {
      await use(locks[1]!)
      await use(new Holdfast(ports[1], { nodeTimeout: 20 }))
      expect(ports[1].looks).toBeGreaterThan(0)
    })
    await Promise.all(locks.map((one) => one.close()))
    expect([told(), warnings]).toEqual([[], []])
  })

  test('in memory nothing is evicted', async () => {
    const locks = Holdfast.inMemory()
    await use(locks)
    await locks.close()
    expect([told(), warnings]).toEqual([[], []])
  })
})
