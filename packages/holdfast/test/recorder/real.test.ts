// The history on real servers: what is written, read, followed and listed, and what is left.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { HistoryEntry, Holdfast } from '../../src/index.js'
import { engines, Events, until, World } from '../real/kit.js'

const PREFIX = '{lock:}:hf:prefix-history:lock:'
const INDEX = '{lock:}:hf:prefix-index:lock:'

async function all(locks: Holdfast, name?: string): Promise<readonly HistoryEntry[]> {
  return (await locks.history(name)).entries
}

const events = (entries: readonly HistoryEntry[]): string[] => entries.map(({ event }) => event)

async function names(locks: Holdfast, pattern?: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of locks.list(pattern)) found.push(name)
  return found.toSorted()
}

describe.each(engines)('history, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('what two processes do with a name, newest first, page by page', async () => {
    const a = world.locks({ history: true, label: 'a' })
    const b = world.locks({ history: true, label: 'b' })
    const held = await a.mutex('x').acquire()
    const waiting = b.mutex('x').acquire()
    await until(async () => expect(events(await all(b))).toContain('waiting'))
    expect(await names(a)).toEqual(['x'])
    await held.release()
    const next = await waiting
    await next.release()
    await all(a)
    // On a slow machine the first call, too, is seen to wait for its answer.
    const entries = (await all(b)).filter(
      ({ event, who }) => event !== 'waiting' || who.label === 'b',
    )
    expect(events(entries).toSorted()).toEqual([
      'granted',
      'granted',
      'released',
      'released',
      'waiting',
    ])
    const [granted] = entries.filter((one) => one.event === 'granted' && one.who.label === 'b')
    expect(granted).toMatchObject({
      name: 'x',
      mode: 'exclusive',
      fence: next.fence,
      owner: next.owner,
      pushed: true,
    })
    expect(granted).toMatchObject({ who: { label: 'b', pid: process.pid } })
    const paged: HistoryEntry[] = []
    for (let before: string | undefined; ;) {
      const page = await a.history('x', { limit: 2, ...(before ? { before } : {}) })
      paged.push(...page.entries)
      if (page.next === null) break
      before = page.next
    }
    expect(paged).toEqual(await all(b))
    expect(await all(a, 'y')).toEqual([])
    // Nothing is held or waited for: the index is gone, and the stream goes by itself.
    expect(await names(a)).toEqual([])
    expect(await world.admin.exists(INDEX)).toBe(0)
    const left = await world.admin.pttl(PREFIX)
    expect(left).toBeGreaterThan(80_000_000)
    expect(left).toBeLessThanOrEqual(86_400_000)
  })

  test('a name that wants a stream of its own', async () => {
    const locks = world.locks({ history: { entries: 3, keep: '1m' } })
    const own = locks.mutex('own', { history: { entries: 4, keep: 1000 } })
    for (let i = 0; i < 5; i++) {
      await own.use(async () => {})
      await locks.mutex('other').use(async () => {})
    }
    expect(await all(locks, 'own')).toHaveLength(4)
    expect(await all(locks)).toHaveLength(3)
    expect(await world.admin.xlen('{lock:own}:hf:history:lock:own')).toBe(4)
    await until(async () =>
      expect(await world.admin.exists('{lock:own}:hf:history:lock:own')).toBe(0),
    )
  })

  test('follow', async () => {
    const locks = world.locks({ history: true })
    // Another client, which keeps none itself.
    const reader = world.locks()
    const seen: string[] = []
    const stop = new AbortController()
    const following = (async (): Promise<void> => {
      for await (const entry of reader.follow('x', {
        every: 100,
        after: '0-0',
        signal: stop.signal,
      })) {
        if (entry.event !== 'waiting') seen.push(entry.event)
      }
    })()
    await locks.mutex('x').use(async () => {})
    await locks.mutex('y').use(async () => {})
    await until(() => expect(seen).toHaveLength(2))
    await locks.mutex('x').use(async () => {})
    await until(() => expect(seen).toHaveLength(4))
    stop.abort()
    await following
    expect(seen).toEqual(['granted', 'released', 'granted', 'released'])
  })

  test('lists many names by the index, and no SCAN', async () => {
    const locks = world.locks({ history: true })
    const held = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        locks.mutex(`n:${String(i).padStart(70, '0')}`).acquire(),
      ),
    )
    await world.locks().mutex('elsewhere').acquire()
    await world.admin.config('RESETSTAT')
    expect(await names(locks, 'n:*')).toHaveLength(300)
    const stats = await world.admin.info('commandstats')
    expect(stats).not.toContain('cmdstat_scan:')
    expect(await names(locks)).toHaveLength(300)
    const scanned: string[] = []
    for await (const { name } of locks.list('*', { from: 'scan' })) scanned.push(name)
    expect(scanned).toHaveLength(301)
    await Promise.all(held.map((lock) => lock.release()))
    expect(await names(locks)).toEqual([])
  })

  test('what cannot be written is told once, and no lock is the worse for it', async () => {
    await world.admin.set(PREFIX, 'text')
    const told = new Events()
    const locks = world.locks({ history: true })
    for (let i = 0; i < 3; i++) {
      await locks.mutex('x').use(async () => {})
      await all(locks).catch(() => {})
    }
    expect(told.of('holdfast:history-failed').map(({ missed }) => missed)).toHaveLength(1)
    told.stop()
    await world.admin.del(PREFIX)
    await locks.mutex('x').use(async () => {})
    const missed = (await all(locks)).flatMap((one) => (one.event === 'missed' ? [one.count] : []))
    expect(missed.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(6)
  })
})
