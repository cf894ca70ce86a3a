// The Web Locks API as its specification has it: in memory, and on real servers.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type LockManager } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { engines, refusal, until, World } from '../real/kit.js'
import { gate } from '../reentrant/kit.js'

interface Place {
  locks(): Holdfast
  keys(): Promise<readonly string[]>
  clean(): Promise<void>
  stop(): Promise<void>
}

function inMemory(): Place {
  const server = new MemoryServer()
  const all: Holdfast[] = []
  return {
    locks() {
      const locks = new Holdfast(memoryPort(server))
      all.push(locks)
      return locks
    },
    keys: async () => server.keys().filter((key) => !key.includes(':hf:fence:')),
    clean: async () => void (await Promise.all(all.splice(0).map((locks) => locks.close()))),
    stop: async () => {},
  }
}

describe.each(['memory', ...engines] as const)('the lock manager, on %s', (engine) => {
  let place: Place
  let manager: LockManager
  let other: LockManager
  beforeAll(async () => {
    place = engine === 'memory' ? inMemory() : await World.start(engine)
  })
  afterEach(() => place.clean())
  afterAll(() => place.stop())
  const two = (): void => {
    manager = place.locks().lockManager()
    other = place.locks().lockManager()
  }

  test('resolves with what the callback gives, once the lock is released', async () => {
    two()
    expect(await manager.request('x', () => 7)).toBe(7)
    expect(await manager.request('x', {}, async ({ name, mode }) => [name, mode])).toEqual([
      'x',
      'exclusive',
    ])
    expect(await manager.request('x', { mode: 'shared' }, ({ mode }) => mode)).toBe('shared')
    expect(await place.keys()).toEqual([])
  })

  test('rejects with what the callback throws, and releases', async () => {
    two()
    const mine = new Error('mine')
    const thrown = manager.request('x', () => {
      throw mine
    })
    expect(await refusal(thrown)).toBe(mine)
    expect(await refusal(manager.request('x', () => Promise.reject(mine)))).toBe(mine)
    expect(await place.keys()).toEqual([])
  })

  test('the callback is given the signal and the fencing token', async () => {
    two()
    const first = await manager.request('x', ({ fence, signal }) => [fence, signal.aborted])
    const [fence] = await other.request('x', (lock) => [lock.fence])
    expect(first[1]).toBe(false)
    expect(fence).toBeGreaterThan(first[0] as number)
  })

  test('one has it exclusively, many share it, first come, first served', async () => {
    two()
    const order: string[] = []
    const { opened, open } = gate()
    const locks = place.locks()
    const waiting = (count: number): Promise<void> =>
      until(async () => expect((await locks.inspect('x')).waiterCount).toBe(count))
    const hold = async (): Promise<void> => opened
    const all = [manager.request('x', { mode: 'shared' }, hold)]
    await until(async () => expect((await locks.inspect('x')).holderCount).toBe(1))
    all.push(other.request('x', { mode: 'shared' }, hold))
    await until(async () => expect((await locks.inspect('x')).holderCount).toBe(2))
    all.push(other.request('x', () => void order.push('exclusive')))
    await waiting(1)
    // Behind one who is to have it alone.
    all.push(manager.request('x', { mode: 'shared' }, () => void order.push('shared')))
    await waiting(2)
    open()
    await Promise.all(all)
    expect(order).toEqual(['exclusive', 'shared'])
  })

  test('ifAvailable: the lock, or null at once', async () => {
    two()
    const once = { ifAvailable: true } as const
    expect(await manager.request('x', once, (lock) => lock?.name)).toBe('x')
    await manager.request('x', async () => {
      expect(await other.request('x', once, (lock) => lock)).toBeNull()
      expect(await other.request('x', { ...once, mode: 'shared' }, (lock) => lock)).toBeNull()
      expect(await refusal(other.request('x', once, () => Promise.reject(3)))).toBe(3)
    })
    expect(await place.keys()).toEqual([])
  })

  test('signal: aborted before, and while it waits', async () => {
    two()
    let called = false
    const callback = (): void => void (called = true)
    const gone = other.request('x', { signal: AbortSignal.abort('no') }, callback)
    expect(await refusal(gone)).toBe('no')
    await manager.request('x', async () => {
      const controller = new AbortController()
      const waits = refusal(other.request('x', { signal: controller.signal }, callback))
      await until(async () => expect((await manager.query()).pending).toHaveLength(1))
      controller.abort()
      expect(await waits).toMatchObject({ name: 'AbortError' })
      await until(async () => expect((await manager.query()).pending).toEqual([]))
    })
    expect(called).toBe(false)
  })

  test('steal: from its holder, and before one who waits', async () => {
    two()
    const thief = place.locks().lockManager()
    const order: string[] = []
    const { opened, open } = gate()
    // One that waits for anything once is told of a theft at once.
    const warm = gate()
    const first = refusal(manager.request('warm-up', () => warm.opened))
    await until(async () => expect((await other.query()).held).toHaveLength(1))
    const waited = other.request('warm-up', () => {})
    await until(async () => expect((await manager.query()).pending).toHaveLength(1))
    warm.open()
    await Promise.all([first, waited])

    const victim = refusal(other.request('x', () => opened))
    await until(async () => expect((await manager.query()).held).toHaveLength(1))
    const behind = manager.request('x', () => void order.push('behind'))
    await until(async () => expect((await manager.query()).pending).toHaveLength(1))
    await thief.request('x', { steal: true }, async () => {
      order.push('thief')
      expect(await victim).toMatchObject({
        name: 'AbortError',
        cause: { code: 'ERR_LOST', reason: 'forced' },
      })
      expect(order).toEqual(['thief'])
    })
    await behind
    expect(order).toEqual(['thief', 'behind'])
    open()
    expect(await place.keys()).toEqual([])
  })

  test('query: who holds, who waits, of which client', async () => {
    two()
    expect(await manager.query()).toEqual({ held: [], pending: [] })
    const { opened, open } = gate()
    const all = [
      manager.request('x', () => opened),
      manager.request('y', { mode: 'shared' }, () => opened),
    ]
    await until(async () => expect((await other.query()).held).toHaveLength(2))
    all.push(other.request('x', { mode: 'shared' }, () => {}))
    await until(async () => expect((await other.query()).pending).toHaveLength(1))
    const { held, pending } = await other.query()
    const clientId = held[0]!.clientId!
    expect(clientId).toMatch(/^[0-9a-f]{32}$/)
    expect(held.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'x', mode: 'exclusive', clientId },
      { name: 'y', mode: 'shared', clientId },
    ])
    expect(pending).toEqual([{ name: 'x', mode: 'shared', clientId: expect.any(String) }])
    expect(pending[0]!.clientId).not.toBe(clientId)
    open()
    await Promise.all(all)
  })

  test('it is the mutex and the read/write lock of the name', async () => {
    two()
    const locks = place.locks()
    await manager.request('x', async () => {
      expect(await locks.mutex('x').tryAcquire()).toBeNull()
      expect(await locks.readWrite('x').read().tryAcquire()).toBeNull()
    })
    await using permit = await locks.semaphore('s', { limit: 2 }).acquire()
    expect((await manager.query()).held).toEqual([
      { name: 's', mode: 'shared', clientId: permit.owner.split('.')[0] },
    ])
  })
})
