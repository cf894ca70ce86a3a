// What looking costs the server, and what becomes of it when the server goes away.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { startServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Locks, Overview } from '../src/index.js'
import { Live } from '../src/live.js'
import { settingsOf } from '../src/options.js'
import { Handler } from '../src/handler.js'
import { Source } from '../src/source.js'
import { Page, until, World, type Stream } from './kit.js'

/** How often the source has looked: each time it reads what is new in the history. Where the machine stands still, a page may be told of several. */
const looks = (counts: Map<string, number>): number => {
  const count = (counts.get('xrange') ?? 0) + (counts.get('xrevrange') ?? 0)
  expect(count).toBeGreaterThan(0)
  return count
}

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world.end())

test('without a history a few keys are scanned every five seconds', async () => {
  const locks = await world.locks({ prefix: 'plain:' })
  await using _ = await locks.mutex('a').acquire()
  const page = await world.page({}, undefined, 'plain:')
  const counts = await world.during(async () => {
    const stream = await page.live('locks')
    const { data } = await stream.until((event) => event.data.total === 1)
    expect(data).toMatchObject({ history: false, complete: true })
    for (let i = 0; i < 2; i++) await stream.next()
    await stream.end()
  })
  expect(counts.get('scan')).toBe(1)
  const overview = await page.json<Overview>('overview')
  expect(overview).toMatchObject({ held: 1, history: false, series: null, lost: null })
})

// A machine that has more to do takes a while to take them all, and to look at them.
describe('ten thousand locks', { timeout: 60_000 }, () => {
  const COUNT = 10_000
  let locks: Holdfast
  let page: Page
  beforeAll(async () => {
    locks = await world.locks({ history: { entries: 100_000 } })
    const names = Array.from({ length: COUNT }, (_, i) => `n:${String(i).padStart(5, '0')}`)
    // A slow machine has to answer each of them in time.
    for (let i = 0; i < COUNT; i += 200) {
      const some = names.slice(i, i + 200)
      await Promise.all(some.map((name) => locks.mutex(name, { ttl: '10m' }).acquire()))
    }
    // All of it is in the index.
    const index = '{lock:}:hf:prefix-index:lock:'
    await until(async () => (await world.admin.zcard(index)) === COUNT)
    page = await world.page()
  }, 60_000)

  test('are found in the index, without a SCAN', async () => {
    const counts = await world.during(async () => {
      await until(async () => {
        const { total, complete } = await page.json<Locks>('locks?limit=10&sort=name')
        return total === COUNT && complete
      })
    })
    expect(counts.get('scan') ?? 0).toBe(0)
    const last = await page.json<Locks>(`locks?limit=500&sort=name&offset=${COUNT - 3}`)
    expect(last.rows.map(({ name }) => name)).toEqual(['n:09997', 'n:09998', 'n:09999'])
    const { held, oldest } = await page.json<Overview>('overview')
    expect(held).toBe(COUNT)
    expect(oldest).not.toBeNull()
  })

  test('with nobody looking nothing is asked', async () => {
    // The leases of ten minutes are not renewed yet, and the page has been told.
    await page.json('locks?limit=500')
    // Gone before the first look is over.
    await sleep(1000)
    await (await page.live('locks&limit=500')).end()
    await sleep(500)
    const counts = await world.during(() => sleep(2500))
    expect(Object.fromEntries(counts)).toEqual({})
  })

  test('ten viewers cost as much as one', async () => {
    /** The calls of a look, of which there is one a second. */
    const calls = async (streams: Stream[], turns: number): Promise<number> => {
      await Promise.all(streams.map((stream) => stream.page()))
      const counts = await world.during(async () => {
        for (let i = 0; i < turns; i++) await streams[0]!.page()
      })
      await Promise.all(streams.map((stream) => stream.end()))
      expect(counts.get('scan') ?? 0).toBe(0)
      // Some of a look that had begun before may be among them.
      return (counts.get('evalsha') ?? 0) / (looks(counts) + 1)
    }
    const one = await calls([await page.live('locks&limit=50')], 2)
    const ten = await calls(
      await Promise.all(Array.from({ length: 10 }, () => page.live('locks&limit=50'))),
      2,
    )
    // What is new in the history; two or three steps of the index, with the states of their names; the rows.
    expect(one).toBeLessThanOrEqual(9)
    // Steps of the index are not all of one size.
    expect(ten).toBeLessThan(2 * one)
  })

  test('what changes shows, also where nobody looked at it before', async () => {
    const stream = await page.live('locks&limit=1&sort=name&reverse=1')
    expect(await stream.page()).toMatchObject({ total: COUNT })
    const lock = await locks.mutex('zz').acquire()
    const came = await stream.until(({ data }) => data.total === COUNT + 1)
    expect(came.data.rows[0].name).toBe('zz')
    await lock.release()
    await stream.until(({ data }) => data.total === COUNT)
    await stream.end()
  })
})

test('of a few names looking costs three calls a second', async () => {
  const locks = await world.locks({ history: true, prefix: 'few:' })
  for (const name of ['a', 'b', 'c']) await locks.mutex(name, { ttl: '10m' }).acquire()
  const page = await world.page({}, undefined, 'few:')
  const stream = await page.live('locks')
  await stream.until(({ data }) => data.total === 3)
  await stream.page()
  const counts = await world.during(async () => {
    for (let i = 0; i < 2; i++) await stream.page()
  })
  await stream.end()
  // What is new in the history; the index; the states.
  expect(counts.get('evalsha')).toBe(3 * looks(counts))
  expect(counts.get('scan')).toBeUndefined()
})

test('a holder that died without a word is gone from all pages', async () => {
  const locks = await world.locks({ history: true, prefix: 'dies:' })
  await locks.mutex('stays').acquire()
  await locks.mutex('dies', { ttl: '60s' }).acquire()
  const page = await world.page({}, undefined, 'dies:')
  // Which shows the state of the oldest alone.
  const stream = await page.live('overview')
  await stream.until(({ data }) => data.held === 2)
  // As if its lease had ended.
  await world.admin.del('dies:dies')
  await stream.until(({ data }) => data.held === 1)
  await stream.end()
})

test('Redis goes away and comes back: it is told, and the page goes on by itself', async () => {
  const server = await startServer()
  const redis = new Redis(server.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  })
  redis.on('error', () => undefined)
  await new Promise((resolve) => redis.once('ready', resolve))
  const locks = new Holdfast(redis, { history: true })
  const page = new Page(new Handler(locks, settingsOf({})))
  const stream = await page.live('locks')
  await stream.until(({ event }) => event === 'page')
  await server.kill()
  const trouble = await stream.until(({ event }) => event === 'trouble')
  expect(trouble.data).toEqual({
    code: 'ERR_UNAVAILABLE',
    message: expect.any(String) as string,
    advice: expect.stringContaining('goes on by itself') as string,
  })
  const answer = await page.get('api/overview')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ error: { code: 'ERR_UNAVAILABLE' } })
  // One who comes now is told as well.
  const late = await page.live('overview')
  expect((await late.next())!.event).toBe('trouble')
  await server.restart()
  await stream.until(({ event }) => event === 'page')
  await late.until(({ event }) => event === 'page')
  page.handler.close()
  expect(await stream.next()).toBeNull()
  await locks.close()
  redis.disconnect()
  await server.stop()
})

test('a mistake is told to its process once, and not with each look', async () => {
  const locks = Holdfast.inMemory()
  let asked = 0
  const broken = new Proxy(locks, {
    get: (of, key) => {
      if (key === 'prefix') return of.prefix
      if (key !== 'history') return (Reflect.get(of, key) as () => unknown).bind(of)
      return async () => {
        throw new TypeError(`a mistake, ${++asked > 3 ? 'another' : 'the same'}`)
      }
    },
  })
  const warnings: string[] = []
  const hear = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', hear)
  const page = new Page(new Handler(broken, settingsOf({})))
  const stream = await page.live('overview')
  await until(() => asked > 4)
  process.off('warning', hear)
  expect(warnings).toEqual(['a mistake, the same', 'a mistake, another'])
  await stream.end()
  page.handler.close()
  await locks.close()
})

test('a live page ends when its viewer may not look any more', async () => {
  const locks = Holdfast.inMemory()
  const source = new Source(locks, settingsOf({}))
  const live = new Live(source, 20)
  let may = true
  const answer = live.answer(
    { page: 'locks', ...ALL },
    new Request('http://localhost/'),
    async () => may,
  )
  const reader = answer.body!.getReader()
  await reader.read()
  expect(source.viewers).toBe(1)
  may = false
  while (!(await reader.read()).done);
  expect(source.viewers).toBe(0)
  await locks.close()
})

test('one who has left before a live page begins does not look on', async () => {
  const locks = Holdfast.inMemory()
  const source = new Source(locks, settingsOf({}))
  const live = new Live(source)
  const request = new Request('http://localhost/', { signal: AbortSignal.abort() })
  const answer = live.answer({ page: 'graph' }, request, async () => true)
  expect(source.viewers).toBe(0)
  const reader = answer.body!.getReader()
  while (!(await reader.read()).done);
  await locks.close()
})

test('once it is closed no live page begins, of which nothing new would come', async () => {
  const locks = Holdfast.inMemory()
  const page = new Page(new Handler(locks, settingsOf({})))
  const stream = await page.live('overview')
  page.handler.close()
  while (await stream.next());
  const answer = await page.get('api/live?page=overview')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ error: { code: 'ERR_CLOSED' } })
  await locks.close()
})

test('a name that no lock can have is free, and nobody else is without a page for it', async () => {
  const locks = Holdfast.inMemory({ prefix: '' })
  const page = new Page(new Handler(locks, settingsOf({})))
  const stream = await page.live('overview')
  await stream.page()
  const one = await page.live(`lock&name=${encodeURIComponent('{a}:hf:b')}`)
  expect(await one.next()).toMatchObject({ event: 'page', data: { row: { mode: null } } })
  expect((await page.get('api/overview')).status).toBe(200)
  page.handler.close()
  await locks.close()
})

test('of one who does not read only the newest is kept', async () => {
  const locks = Holdfast.inMemory()
  let hear: ((event: 'page', json: string) => void) | undefined
  const source = {
    watch: (_: unknown, listener: typeof hear) => {
      hear = listener
      return () => undefined
    },
  }
  const live = new Live(source as unknown as Source)
  const answer = live.answer({ page: 'graph' }, new Request('http://localhost/'), async () => true)
  for (let i = 0; i < 1000; i++) hear!('page', String(i))
  const reader = answer.body!.getReader()
  let text = ''
  while (!text.includes('data: 999\n'))
    text += new TextDecoder().decode((await reader.read()).value)
  expect(text.match(/data: /g)!.length).toBeLessThan(8)
  await reader.cancel()
  await locks.close()
})

const ALL = { filter: '', sort: 'waiting', reverse: false, offset: 0, limit: 10 } as const
