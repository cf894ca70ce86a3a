// The first table of docs/costs.md: what every kind of lock costs.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast } from '../../src/index.js'
import { costs, Figures, inLine, loaded, LONG, warm } from './figures.js'
import { engines, World } from './kit.js'

const figures = new Figures('lock')

interface Held {
  release(): Promise<unknown>
  verify?(): Promise<unknown>
}

interface Kind {
  readonly row: string
  readonly take: (locks: Holdfast) => Promise<Held>
  readonly attempt?: (locks: Holdfast) => Promise<unknown>
  /** Keeps those out who `take`. */
  readonly block: (locks: Holdfast) => Promise<Held>
  /** Does not fit beside one who was let in. */
  readonly behind: (locks: Holdfast) => Promise<Held>
}

const mutex = (locks: Holdfast) => locks.mutex('x', LONG)
const read = (locks: Holdfast) => locks.readWrite('x', LONG).read()
const write = (locks: Holdfast) => locks.readWrite('x', LONG).write()
const semaphore = (locks: Holdfast) => locks.semaphore('x', { ...LONG, limit: 4 })
const lead = async (locks: Holdfast): Promise<Held> => {
  const leadership = await locks.election('x', LONG).campaign()
  return { release: () => leadership.resign() }
}
const three = (locks: Holdfast) => locks.all(['z', 'y', 'x'], LONG)
const permits = (count: number) => (locks: Holdfast) => semaphore(locks).acquire({ permits: count })

const kinds: Kind[] = [
  {
    row: 'mutex',
    take: (locks) => mutex(locks).acquire(),
    attempt: (locks) => mutex(locks).tryAcquire(),
    block: (locks) => mutex(locks).acquire(),
    behind: (locks) => mutex(locks).acquire(),
  },
  {
    row: 'read side',
    take: (locks) => read(locks).acquire(),
    attempt: (locks) => read(locks).tryAcquire(),
    block: (locks) => write(locks).acquire(),
    behind: (locks) => write(locks).acquire(),
  },
  {
    row: 'write side',
    take: (locks) => write(locks).acquire(),
    attempt: (locks) => write(locks).tryAcquire(),
    block: (locks) => read(locks).acquire(),
    behind: (locks) => read(locks).acquire(),
  },
  {
    row: 'semaphore, one permit',
    take: permits(1),
    attempt: (locks) => semaphore(locks).tryAcquire(),
    block: permits(4),
    behind: permits(4),
  },
  {
    row: 'semaphore, three permits',
    take: permits(3),
    attempt: (locks) => semaphore(locks).tryAcquire({ permits: 3 }),
    block: permits(2),
    behind: permits(2),
  },
  {
    row: 'three names together',
    take: (locks) => three(locks).acquire(),
    attempt: (locks) => three(locks).tryAcquire(),
    block: (locks) => three(locks).acquire(),
    behind: (locks) => mutex(locks).acquire(),
  },
  { row: 'election', take: lead, block: lead, behind: lead },
]

describe.each(engines)('costs, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
    await loaded(world)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  describe.each(kinds)('$row', ({ row, take, attempt, block, behind }) => {
    test('take, renew, release', async () => {
      const [a] = (await warm(world, 1)) as [Holdfast]
      const held = await costs(world, figures.cell(row, 'take, free'), () => take(a))
      if (figures.has(row, 'renew')) {
        await costs(world, figures.cell(row, 'renew'), () => held.verify!())
      }
      await costs(world, figures.cell(row, 'release'), () => held.release())
      expect(await world.keys()).toEqual([])
    })

    // An election announces itself after the call.
    const blocked = (locks: Holdfast): Promise<Held> =>
      attempt ? block(locks) : costs(world, figures.cell(row, 'take, free'), () => block(locks))

    const refused = async (): Promise<void> => {
      const [a, b] = (await warm(world, 2)) as [Holdfast, Holdfast]
      await block(a)
      const lock = await costs(world, figures.cell(row, 'be refused'), () => attempt!(b))
      expect(lock).toBeNull()
    }
    if (attempt) test('be refused', refused)

    test('wait, and be handed the lock', async () => {
      const [a, b, c] = (await warm(world, 3)) as [Holdfast, Holdfast, Holdfast]
      const first = await blocked(a)
      const waits: Promise<Held>[] = []
      await costs(world, figures.cell(row, 'begin to wait'), async () => {
        waits.push(take(b))
        await inLine(world, 'x', 1)
      })
      waits.push(behind(c))
      await inLine(world, 'x', 2)
      await costs(world, figures.cell(row, 'wait, idle'), () => sleep(250))
      const more = figures.cell(row, 'hand over, one more behind')
      const next = await costs(world, more, async () => {
        await first.release()
        return waits[0]!
      })
      expect(await world.admin.zcard('{lock:x}:hf:line:lock:x')).toBe(1)
      await next.release()
      await (await waits[1]!).release()
    })

    test('be handed the lock with nobody behind', async () => {
      const [a, b] = (await warm(world, 2)) as [Holdfast, Holdfast]
      const first = await blocked(a)
      const wait = take(b)
      await inLine(world, 'x', 1)
      const next = await costs(
        world,
        figures.cell(row, 'hand over to the only waiter'),
        async () => {
          await first.release()
          return wait
        },
      )
      await next.release()
      expect(await world.keys()).toEqual([])
    })
  })

  test('re-entry', async () => {
    const [a] = (await warm(world, 1)) as [Holdfast]
    const owner = a.owner()
    const reentrant = a.mutex('x', { ...LONG, reentrant: true })
    const first = await reentrant.acquire({ owner })
    const again = await costs(world, figures.cell('re-entry', 'take, free'), () =>
      reentrant.acquire({ owner }),
    )
    await costs(world, figures.cell('re-entry', 'renew'), () => again.verify())
    await costs(world, figures.cell('re-entry', 'release'), () => again.release())
    await first.release()
    await reentrant.use(() =>
      costs(world, figures.cell('re-entry', 'take, free'), () => reentrant.use(() => {})),
    )
  })

  test('no figure of the table is without a test', () => expect(figures.left).toEqual([]))
})
