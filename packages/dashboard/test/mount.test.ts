// Below a path of other frameworks, with what they have done to the request before: docs/dashboard.md has these lines.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { Holdfast, type Lock } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDashboard, toNodeListener, type Dashboard, type Locks } from '../src/index.js'
import { Stream } from './kit.js'

let locks: Holdfast
let lock: Lock
let dashboard: Dashboard
const ends: (() => unknown)[] = []
beforeAll(async () => {
  locks = Holdfast.inMemory()
  lock = await locks.mutex('job').acquire({ ttl: '60s' })
  dashboard = createDashboard(locks, { actions: ['revoke'], audit: () => undefined })
})
afterAll(async () => {
  dashboard.close()
  for (const end of ends) await end()
  await lock.release()
  await locks.close()
})

/** How each of them is asked. */
type Ask = (path: string, init?: RequestInit) => Promise<Response>

async function listening(server: Server): Promise<Ask> {
  if (!server.listening)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init })
}

const frameworks: readonly [name: string, path: string, make: () => Promise<Ask>][] = [
  [
    'express',
    '/admin/locks',
    async () => {
      const app = express()
      app.use('/admin/locks', toNodeListener(dashboard))
      return listening(createServer(app))
    },
  ],
  [
    'express behind its parser, as in Nest',
    '/locks',
    async () => {
      const app = express()
      app.use(express.json())
      app.use('/locks', toNodeListener(dashboard))
      return listening(createServer(app))
    },
  ],
  [
    'fastify',
    '/locks',
    async () => {
      const app = fastify()
      await app.register(async (scope) => {
        // The body is the dashboard's to read.
        scope.removeAllContentTypeParsers()
        scope.addContentTypeParser('*', (_request, _body, done) => done(null))
        const listener = toNodeListener(dashboard)
        for (const url of ['/locks', '/locks/*']) {
          scope.all(url, (request, reply) => {
            reply.hijack()
            listener(request.raw, reply.raw)
          })
        }
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      ends.push(() => app.close())
      return listening(app.server)
    },
  ],
  [
    'hono',
    '/locks',
    async () => {
      const app = new Hono()
      app.all('/locks/*', (c) => dashboard.fetch(c.req.raw))
      return async (path, init) => app.request(path, init)
    },
  ],
  [
    'fetch alone, as of Bun, Deno and Next',
    '/a/b/c',
    async () => async (path, init) => dashboard.fetch(new Request(`http://localhost${path}`, init)),
  ],
  ['node:http', '', async () => listening(createServer(toNodeListener(dashboard)))],
]

describe.each(frameworks)('%s', (_, path, make) => {
  let ask: Ask
  beforeAll(async () => {
    ask = await make()
  })

  test('the page, where it is with a slash', async () => {
    const index = await ask(`${path}/`)
    // 503 where the page was not built: its own answer all the same.
    expect([200, 503]).toContain(index.status)
    expect(index.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    if (path === '') return
    const bare = await ask(`${path}?filter=x`)
    expect(bare.status).toBe(308)
    const to = new URL(bare.headers.get('location')!, `http://localhost${path}`)
    expect(to.pathname + to.search).toBe(`${path}/?filter=x`)
  })

  test('its data, and live', async () => {
    const all = (await (await ask(`${path}/api/locks?filter=job`)).json()) as Locks
    expect(all.rows.map(({ name }) => name)).toEqual(['job'])
    const end = new AbortController()
    const live = await ask(`${path}/api/live?page=lock&name=job`, { signal: end.signal })
    expect(live.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(live.headers.get('cache-control')).toBe('no-store, no-transform')
    const stream = new Stream(live.body!.getReader())
    expect((await stream.page()).row).toMatchObject({ name: 'job', mode: 'exclusive' })
    await stream.end()
    end.abort()
  })

  test('its actions, and their refusal', async () => {
    const post = (headers: Record<string, string>): Promise<Response> =>
      ask(`${path}/api/revoke`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ name: 'nobody', reason: 'ünï' }),
      })
    expect((await post({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const done = await post({ 'sec-fetch-site': 'same-origin' })
    expect([done.status, await done.json()]).toEqual([200, { asked: 0 }])
    expect((await ask(`${path}/api/overview`, { method: 'PUT' })).status).toBe(405)
  })
})

test('to Next, which takes the encoding of an answer away, nothing is compressed', async () => {
  const headers = { 'accept-encoding': 'gzip' }
  const ask = async (of: object): Promise<string | null> => {
    const request = Object.assign(new Request('http://localhost/', { headers }), of)
    const { status, headers: said } = await dashboard.fetch(request)
    // The page was not built.
    return status === 503 ? null : (said.get('content-encoding') ?? 'none')
  }
  const usual = await ask({})
  expect(await ask({ nextUrl: new URL('http://localhost/') })).toBe(usual === null ? null : 'none')
  expect([null, 'gzip']).toContain(usual)
})
