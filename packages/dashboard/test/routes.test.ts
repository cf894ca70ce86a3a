// What the server of the dashboard answers: every page, of locks that are held on a real server.
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Holdfast } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Assets } from '../src/assets.js'
import type {
  Elections,
  Graph,
  Health,
  LockPage,
  Locks,
  Overview,
  Processes,
  Search,
} from '../src/index.js'
import { until, World, type Page } from './kit.js'

const HOSTILE = [
  '<script>alert(1)</script>',
  `"'\`&amp;</textarea><!--`,
  'x'.repeat(1024),
  '🔒 emoji 👩‍👩‍👧',
  '\u202emoc.live\u2066',
  'line\nbreak\r\n\ndata: x\u2028\u2029\0',
  '../../etc/passwd?a=b#c',
]

const TITLE = `Ours $& </title><script>"'`

let world: World
let locks: Holdfast
let other: Holdfast
let page: Page
let folder: string
const stop = new AbortController()
beforeAll(async () => {
  world = await World.start()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-ui-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>{title}</title>')
  await writeFile(join(folder, 'assets/main-abc.js'), 'export {}')
  await writeFile(join(folder, 'secret.txt'), 'no')
  locks = await world.locks({ history: true, label: 'worker-a' })
  other = await world.locks({ history: true, label: HOSTILE[0]! })
  page = await world.page({ elections: ['leader', 'el:*'] }, new Assets(TITLE, folder))
})
afterAll(async () => {
  stop.abort()
  await world.end()
  await rm(folder, { recursive: true })
})

/** Waits in vain until the end of the tests. */
function waits(call: Promise<unknown>): void {
  call.catch(() => undefined)
}

describe('pages', () => {
  beforeAll(async () => {
    const { signal } = stop
    await locks.mutex('orders').acquire()
    waits(other.mutex('orders').acquire({ wait: Infinity, signal }))
    await locks.semaphore('pool', { limit: 5 }).acquire({ permits: 2 })
    await other.readWrite('catalog').read().acquire()
    await locks.readWrite('catalog').read().acquire()
    await locks.election('leader').campaign()
    waits(other.election('leader').campaign({ signal }))
    await other.election('el:1').campaign()
    await locks.mutex('short').use(() => undefined)
    for (const name of HOSTILE) await other.mutex(name, { label: name.slice(0, 50) }).acquire()
    await world.admin.set('lock:theirs', 'foreign', 'PX', 60_000)
    // What happened is told a quarter of a second later.
    await until(async () => (await locks.history(undefined, { limit: 100 })).entries.length >= 14)
    await until(async () => {
      const { waiting, held } = await page.json<Overview>('overview')
      return waiting === 2 && held === 12
    })
  })

  test('overview', async () => {
    const all = await page.json<Overview>('overview')
    expect(all).toMatchObject({
      prefix: 'lock:',
      // Those of another library are in no index.
      held: 12,
      waiting: 2,
      contended: 2,
      deadlocks: 0,
      lost: 0,
      history: true,
      complete: true,
    })
    expect(all.top.map(({ name, waiting }) => [name, waiting])).toEqual([
      ['leader', 1],
      ['orders', 1],
    ])
    expect(all.oldest?.name).toBe('orders')
    expect(all.series!.held).toHaveLength(120)
    expect(all.series!.held.at(-1)).toBeGreaterThanOrEqual(12)
    expect(all.series!.waitingCount.at(-1)).toBe(2)
    const holds = all.series!.hold.p50.filter((value) => value !== null)
    expect(holds).toHaveLength(1)
  })

  test('locks: filter, order and part of the table', async () => {
    const names = async (query: string): Promise<string[]> =>
      (await page.json<Locks>(`locks?${query}`)).rows.map(({ name }) => name)
    const all = await page.json<Locks>('locks')
    expect(all).toMatchObject({ total: 12, names: 12, offset: 0, complete: true, history: true })
    expect(
      all.rows
        .slice(0, 2)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['leader', 'orders'])
    const catalog = all.rows.find(({ name }) => name === 'catalog')!
    expect(catalog).toMatchObject({ mode: 'shared', holders: 2, waiting: 0, longest: null })
    const pool = all.rows.find(({ name }) => name === 'pool')!
    expect(pool).toMatchObject({ mode: 'permits', permits: { limit: 5, used: 2 } })
    expect(pool.holder).toMatchObject({ label: 'worker-a', pid: process.pid })
    expect(pool.remaining! <= pool.ttlOf! && pool.ttlOf! <= 10_000).toBe(true)
    expect(await names('filter=ORD')).toEqual(['orders'])
    expect(await names('filter=worker-a&sort=name')).toEqual(['leader', 'orders', 'pool'])
    expect(await names(`filter=${encodeURIComponent(HOSTILE[1]!)}`)).toEqual([HOSTILE[1]])
    const sorted = await names('sort=name')
    expect(sorted).toEqual(sorted.toSorted())
    expect(await names('sort=name&reverse=1')).toEqual(sorted.toReversed())
    expect(await names('sort=name&offset=3&limit=2')).toEqual(sorted.slice(3, 5))
    expect((await names('sort=held'))[0]).toBe('orders')
    expect(await names('sort=left&offset=100')).toEqual([])
  })

  test('lock: holders, line, history and histograms', async () => {
    const orders = await page.json<LockPage>('lock?name=orders')
    expect(orders.row).toMatchObject({ name: 'orders', mode: 'exclusive', waiting: 1 })
    expect(orders.holders).toHaveLength(1)
    expect(orders.line).toMatchObject([{ rank: 1, label: HOSTILE[0], mode: 'exclusive' }])
    expect(orders.waiterCount).toBe(1)
    // Where there is much to do the holder has waited for more than 50 ms too.
    const events = new Set(orders.history!.map(({ event }) => event))
    expect([...events].toSorted()).toEqual(['granted', 'waiting'])
    // Who waits has no owner id yet, and is the same process all the same.
    expect(orders.history![0]!.who.id).toBe(orders.line[0]!.id)
    expect(orders.actions).toEqual([])
    const short = await page.json<LockPage>('lock?name=short')
    expect(short.row).toMatchObject({ name: 'short', mode: null, holder: null, holders: 0 })
    expect(short.history!.map(({ event }) => event)).toEqual(['released', 'granted'])
    expect(short.holds!.counts.reduce((sum, count) => sum + count)).toBe(1)
    expect(short.holds!.counts).toHaveLength(short.holds!.bounds.length + 1)
    const theirs = await page.json<LockPage>('lock?name=theirs')
    expect(theirs.row).toMatchObject({ mode: 'foreign', heldFor: null, holder: { id: 'foreign' } })
  })

  test('a process is the same on all pages, and its name is only text', async () => {
    const { processes, partial } = await page.json<Processes>('processes')
    expect(partial).toBe(false)
    const [first, second] = processes.map(({ id, label, holds, waits }) => ({
      id,
      label,
      holds,
      waits,
    }))
    expect([first, second]).toMatchObject([
      { holds: 9, waits: 2 },
      { label: 'worker-a', holds: 4, waits: 0 },
    ])
    const orders = await page.json<LockPage>('lock?name=orders')
    expect(orders.line[0]!.id).toBe(first!.id)
    expect(orders.holders[0]!.id).toBe(second!.id)
  })

  test('elections', async () => {
    const { elections } = await page.json<Elections>('elections')
    expect(elections).toMatchObject([
      { name: 'leader', leader: { label: 'worker-a' }, candidates: 1 },
      { name: 'el:1', leader: { label: HOSTILE[0] }, candidates: 0 },
    ])
    expect(Math.abs(elections[0]!.since! - Date.now())).toBeLessThan(60_000)
  })

  test('graph', async () => {
    const graph = await page.json<Graph>('graph')
    expect(
      graph.nodes
        .filter(({ kind }) => kind === 'lock')
        .map(({ name, waiting }) => `${name} ${waiting}`)
        .toSorted(),
    ).toEqual(['leader 1', 'orders 1'])
    expect(graph.edges).toHaveLength(4)
    expect(graph).toMatchObject({ deadlocks: [], complete: true })
  })

  test('health, once for all who ask', async () => {
    const [one, two] = await Promise.all([page.json<Health>('health'), page.json<Health>('health')])
    expect(one!.nodes).toMatchObject([{ name: 'server', state: 'up' }])
    expect(one!.nodes[0]!.latency).toBeGreaterThan(0)
    expect(one!.findings.find(({ id }) => id === 'reachable')).toMatchObject({ severity: 'ok' })
    expect({ ...two, at: 0 }).toEqual({ ...one, at: 0 })
    // The page says how long ago that was, by what `at` is now.
    expect(one!.lookedAt!).toBeLessThanOrEqual(one!.at)
    const later = await page.json<Health>('health')
    expect(later.lookedAt).toBe(one!.lookedAt)
    expect(later.at).toBeGreaterThan(one!.lookedAt!)
  })

  test('search', async () => {
    const found = async (text: string): Promise<readonly string[]> =>
      (await page.json<Search>(`search?q=${encodeURIComponent(text)}`)).names
    expect(await found('o')).toContain('orders')
    expect((await found('o'))[0]).toBe('orders')
    expect(await found('<SCRIPT>')).toEqual(expect.arrayContaining([HOSTILE[0]]))
    expect(await found('')).toEqual([])
  })

  test('hostile names and labels come through as they are, in JSON and in events', async () => {
    for (const name of HOSTILE) {
      const path = `lock?name=${encodeURIComponent(name)}`
      const one = await page.json<LockPage>(path)
      expect(one.row.name).toBe(name)
      expect(one.holders[0]!.label).toBe(name.slice(0, 50))
      const live = await page.live(path.replace('?', '&'))
      expect((await live.page()).row.name).toBe(name)
      await live.end()
    }
  })

  test('a deadlock is shown, and gone when it is broken', async () => {
    const [a, b] = [
      locks.mutex('d1', { deadlock: 'report' }),
      other.mutex('d2', { deadlock: 'report' }),
    ]
    const end = new AbortController()
    let go = (): void => undefined
    const both = new Promise<void>((resolve) => {
      let count = 0
      go = () => ++count === 2 && resolve()
    })
    const nest = async (outer: typeof a, inner: typeof a): Promise<void> => {
      await outer.use(async () => {
        go()
        await both
        await inner.use(() => undefined, { wait: Infinity, signal: end.signal })
      })
    }
    const calls = [
      nest(a, locks.mutex('d2', { deadlock: 'report' })),
      nest(b, other.mutex('d1', { deadlock: 'report' })),
    ]
    const live = await page.live('graph')
    const { data } = await live.until((event) => event.data.deadlocks.length > 0)
    expect(data.deadlocks[0].toSorted()).toEqual(['d1', 'd2'])
    const marked = (data as Graph).edges.filter(({ deadlock }) => deadlock)
    expect(marked.map(({ kind }) => kind).toSorted()).toEqual(['holds', 'holds', 'waits', 'waits'])
    page.bodies.push(JSON.stringify(data))
    end.abort()
    await Promise.allSettled(calls)
    await live.until((event) => event.data.deadlocks.length === 0)
    await live.end()
  })

  test('no answer has an owner id, or the client id in it', () => {
    expect(page.bodies.length).toBeGreaterThan(20)
    for (const body of page.bodies) expect(body).not.toMatch(/[0-9a-f]{32}/)
  })
})

test('elections that nobody named: by a leader, a candidate, or the history', async () => {
  const { signal } = stop
  const prefix = 'elections:'
  const ours = await world.locks({ prefix, history: true, label: 'ours' })
  const silent = await world.locks({ prefix, label: 'silent' })
  await ours.mutex('job').acquire()
  await ours.election('led').campaign()
  await (await ours.election('left').campaign()).resign()
  // As an older process would.
  await ours.mutex('stood for').acquire()
  waits(silent.election('stood for').campaign({ signal }))
  const looks = await world.page({ elections: ['named'] }, undefined, prefix)
  const rows = [
    { name: 'named', leader: null, candidates: 0 },
    { name: 'led', leader: { label: 'ours' }, candidates: 0 },
    { name: 'left', leader: null, candidates: 0 },
    { name: 'stood for', leader: { label: 'ours' }, candidates: 1 },
  ]
  await until(async () => {
    const { elections } = await looks.json<Elections>('elections')
    return elections.length === rows.length && elections[3]!.candidates === 1
  })
  // Of the wrong ones there is none at the end either.
  expect((await looks.json<Elections>('elections')).elections).toMatchObject(rows)

  // Without a history there are those that are led or stood for.
  const bare = await world.locks({ prefix: 'bare:', label: 'bare' })
  await bare.election('led').campaign()
  await bare.mutex('job').acquire()
  const scans = await world.page({}, undefined, 'bare:')
  const found = (await scans.json<Elections>('elections')).elections
  expect(found).toMatchObject([{ name: 'led', leader: { label: 'bare' } }])
})

describe('what is refused', () => {
  test.each([
    ['api/nothing', 404],
    ['favicon.ico', 404],
    ['assets/none.js', 404],
    ['assets/..%2fsecret.txt', 404],
    ['assets/../secret.txt', 404],
    ['secret.txt', 404],
    ['api/lock', 400],
    ['api/lock?name=', 400],
    [`api/lock?name=${'🔒'.repeat(257)}`, 400],
    ['api/locks?sort=size', 400],
    ['api/locks?reverse=yes', 400],
    ['api/locks?limit=501', 400],
    ['api/locks?limit=0', 400],
    ['api/locks?offset=-1', 400],
    ['api/locks?offset=1e3', 400],
    ['api/live', 400],
    ['api/live?page=secret', 400],
    ['api/live?page=lock', 400],
  ])('GET %.30s: %i', async (path, status) => {
    const response = await page.get(path)
    expect(response.status).toBe(status)
    if (status === 404) expect(await response.clone().text()).not.toContain('secret')
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    expect(error.code).toMatch(/^ERR_/)
    expect(error.message).not.toBe('')
  })

  test.each([
    ['DELETE', 'api/lock?name=a', 'GET, HEAD'],
    ['POST', 'api/overview', 'GET, HEAD'],
    ['POST', '', 'GET, HEAD'],
    ['GET', 'api/force', 'POST'],
    ['OPTIONS', 'api/revoke', 'POST'],
  ])('%s %s: 405', async (method, path, allow) => {
    const response = await page.handler.fetch(new Request(`http://localhost/${path}`, { method }))
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
  })
})

describe('files', () => {
  test('the page, its files, and a slash where one lacks', async () => {
    const index = await page.get('')
    expect(index.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(index.headers.get('cache-control')).toBe('no-store')
    expect(await index.text()).toBe(
      `<!doctype html><title>Ours $&amp; &lt;/title>&lt;script>&quot;'</title>`,
    )
    const file = await page.get('any/where/assets/main-abc.js', { 'accept-encoding': 'gzip, br' })
    expect(file.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(file.headers.get('content-encoding')).toBe('gzip')
    expect(file.headers.get('cache-control')).toContain('immutable')
    const plain = { 'accept-encoding': 'gzip;q=0, *' }
    expect((await page.get('', plain)).headers.get('content-encoding')).toBeNull()
    const unzipped = file.body!.pipeThrough(new DecompressionStream('gzip'))
    expect(await new Response(unzipped).text()).toBe('export {}')
    const bare = await page.get('below/locks?filter=a%20b')
    expect(bare.status).toBe(308)
    expect(bare.headers.get('location')).toBe('./locks/?filter=a%20b')
    // Where it is mounted below such a path, which is not one of its own.
    for (const path of ['api/holdfast', 'v1/assets/locks']) {
      const last = path.split('/').at(-1)
      const { headers } = await page.get(path, { accept: 'text/html,*/*;q=0.8' })
      expect(headers.get('location')).toBe(`./${last}/`)
    }
    // Mounted below `/api` itself.
    expect(await (await page.get('api/')).text()).toContain('<!doctype html>')
    const scheme = await page.get('javascript:alert(1)')
    expect(scheme.headers.get('location')).toBe('./javascript:alert(1)/')
  })

  test('HEAD is GET without a body', async () => {
    for (const path of ['', 'api/overview', 'api/live?page=locks']) {
      const request = new Request(`http://localhost/${path}`, { method: 'HEAD' })
      const response = await page.handler.fetch(request)
      expect([response.status, response.body]).toEqual([200, null])
    }
  })

  test('without a build it says so', async () => {
    const bare = await world.page({}, new Assets(TITLE, join(folder, 'nowhere')))
    expect((await bare.get('')).status).toBe(503)
  })
})

test('every answer has the headers', async () => {
  const answers = [
    await page.get(''),
    await page.get('assets/main-abc.js'),
    await page.get('below'),
    await page.get('api/overview'),
    await page.get('api/live?page=overview'),
    await page.get('api/none'),
    await page.get('api/lock'),
    await page.get('api/overview', { 'sec-fetch-site': 'cross-site' }),
    await page.post('force', {}, {}),
    await page.post('overview', {}),
  ]
  for (const { headers, body } of answers) {
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toMatch(
      /^no-store(, no-transform)?$|^private, .*immutable$/,
    )
    expect(headers.get('access-control-allow-origin')).toBeNull()
    await body?.cancel()
  }
})
