// What pages of other sites, and people without a right, may try: docs/dashboard.md has this table.
import { once } from 'node:events'
import { connect } from 'node:net'
import { Holdfast, type Lock } from 'holdfast'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDashboard, serve, type AuditEntry, type Served, type Wish } from '../src/index.js'
import { until } from './kit.js'

let locks: Holdfast
let lock: Lock
let open: Served
let readOnly: Served
let guarded: Served
let audited: AuditEntry[] = []
let wishes: Wish[] = []
beforeAll(async () => {
  locks = Holdfast.inMemory()
  const actions = ['revoke', 'force'] as const
  const audit = (entry: AuditEntry): void => void audited.push(entry)
  open = await serve(createDashboard(locks, { actions, audit }), { port: 0 })
  readOnly = await serve(createDashboard(locks, { audit }), { port: 0 })
  guarded = await serve(
    createDashboard(locks, {
      actions,
      audit,
      authorize: (request, wish) => {
        wishes.push(wish)
        const who = request.headers.get('authorization')
        if (who === null) return new Response('who are you?', { status: 401 })
        if (who === 'broken') throw new Error('the directory is away')
        if (who === 'odd') return { yes: true } as unknown as boolean
        return who === 'reader' ? wish.action === 'look' : who
      },
    }),
    { port: 0, host: '0.0.0.0' },
  )
})
beforeEach(async () => {
  audited = []
  wishes = []
  if (!lock?.isHeld) lock = await locks.mutex('job').acquire({ ttl: '60s' })
})
afterAll(async () => {
  await Promise.all([open, readOnly, guarded].map((one) => one.close()))
  await locks.close()
})

const JSON_TYPE = { 'content-type': 'application/json' }
const SAME = { 'sec-fetch-site': 'same-origin' }
const FORCE = { name: 'job', now: true, confirm: 'job' }

interface Try {
  readonly to?: () => Served
  readonly action?: 'force' | 'revoke'
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly status: number
}

/** Bytes as they are: a client would set headers of its own. */
async function send({
  to = () => open,
  action = 'force',
  headers = {},
  body = FORCE,
}: Try): Promise<string> {
  const { port } = to()
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const socket = connect(port, '127.0.0.1')
  const all = {
    host: `127.0.0.1:${port}`,
    connection: 'close',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`POST /api/${action} HTTP/1.1\r\n${lines.join('')}\r\n${text}`)
  let answer = ''
  socket.setEncoding('utf8').on('data', (more: string) => (answer += more))
  await once(socket, 'close')
  return answer
}

const tries: readonly [what: string, given: Try][] = [
  [
    'a form of another site',
    {
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
      },
      body: 'name=job&now=true&confirm=job',
      status: 403,
    },
  ],
  [
    'a form whose text is JSON, of a browser without Sec-Fetch-Site',
    {
      headers: { 'content-type': 'text/plain', origin: 'https://evil.example' },
      body: '{"name":"job","now":true,"confirm":"job","x":"="}',
      status: 403,
    },
  ],
  [
    'fetch with JSON from another origin',
    {
      headers: { ...JSON_TYPE, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      status: 403,
    },
  ],
  [
    'the same of a browser without Sec-Fetch-Site',
    { headers: { ...JSON_TYPE, origin: 'https://evil.example' }, status: 403 },
  ],
  [
    'from a page in a sandbox (Origin: null)',
    { headers: { ...JSON_TYPE, origin: 'null' }, status: 403 },
  ],
  [
    'sendBeacon and fetch with a simple content type from our own page',
    { headers: { 'content-type': 'text/plain', ...SAME }, status: 415 },
  ],
  ['without a content type', { headers: SAME, status: 415 }],
  [
    'from another port of this machine',
    {
      headers: { ...JSON_TYPE, origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
      status: 403,
    },
  ],
  [
    'the same of a browser without Sec-Fetch-Site',
    { headers: { ...JSON_TYPE, origin: 'http://127.0.0.1:1' }, status: 403 },
  ],
  [
    'typed as an address (Sec-Fetch-Site: none)',
    { headers: { ...JSON_TYPE, 'sec-fetch-site': 'none' }, status: 403 },
  ],
  [
    'with an Origin that is ours, and a Sec-Fetch-Site that is not',
    {
      headers: {
        ...JSON_TYPE,
        host: '127.0.0.1:4041',
        origin: 'http://127.0.0.1:4041',
        'sec-fetch-site': 'same-site',
      },
      status: 403,
    },
  ],
  ['without any of the headers', { headers: JSON_TYPE, status: 403 }],
  [
    'by a name of another site that leads here (DNS rebinding)',
    { headers: { ...JSON_TYPE, ...SAME, host: 'evil.example' }, status: 403 },
  ],
  ['actions that are off', { to: () => readOnly, headers: { ...JSON_TYPE, ...SAME }, status: 403 }],
  ['without authorisation', { to: () => guarded, headers: { ...JSON_TYPE, ...SAME }, status: 401 }],
  [
    'by one who may only look',
    { to: () => guarded, headers: { ...JSON_TYPE, ...SAME, authorization: 'reader' }, status: 403 },
  ],
  [
    'where `authorize` fails',
    { to: () => guarded, headers: { ...JSON_TYPE, ...SAME, authorization: 'broken' }, status: 500 },
  ],
  [
    'where `authorize` gives neither true nor a name',
    { to: () => guarded, headers: { ...JSON_TYPE, ...SAME, authorization: 'odd' }, status: 403 },
  ],
  [
    'with another name as confirmation',
    { headers: { ...JSON_TYPE, ...SAME }, body: { ...FORCE, confirm: 'jab' }, status: 400 },
  ],
  [
    'without a confirmation',
    { headers: { ...JSON_TYPE, ...SAME }, body: { name: 'job', now: true }, status: 400 },
  ],
  [
    'with `now` as a text',
    { headers: { ...JSON_TYPE, ...SAME }, body: { ...FORCE, now: 'false' }, status: 400 },
  ],
  ['with a body that is no JSON', { headers: { ...JSON_TYPE, ...SAME }, body: '{', status: 400 }],
  ['with a list as a body', { headers: { ...JSON_TYPE, ...SAME }, body: [FORCE], status: 400 }],
  [
    'with a body of 17 KiB',
    { headers: { ...JSON_TYPE, ...SAME }, body: { ...FORCE, x: 'x'.repeat(17_000) }, status: 413 },
  ],
  [
    'with a reason of 300 characters',
    {
      action: 'revoke',
      headers: { ...JSON_TYPE, ...SAME },
      body: { name: 'job', reason: 'x'.repeat(300) },
      status: 400,
    },
  ],
]

describe('none of these acts', () => {
  test.each(tries)('%s', async (_, given) => {
    const answer = await send(given)
    expect(answer.split('\r\n', 1)[0]).toMatch(new RegExp(`^HTTP/1.1 ${given.status} `))
    expect(answer.toLowerCase()).toContain('\r\nx-content-type-options: nosniff\r\n')
    expect(answer.toLowerCase()).not.toContain('access-control-allow')
    await lock.verify()
    expect([lock.isHeld, lock.revoked.aborted]).toEqual([true, false])
    expect(audited.filter(({ result }) => !('refused' in result))).toEqual([])
  })

  test('a body in pieces, without a length, that does not end', async () => {
    const socket = connect(open.port, '127.0.0.1')
    const head = { host: '127.0.0.1', 'transfer-encoding': 'chunked', ...JSON_TYPE, ...SAME }
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`POST /api/force HTTP/1.1\r\n${lines.join('')}\r\n`)
    const [answer] = (await Promise.race([
      once(socket, 'data'),
      (async (): Promise<never> => {
        for (;;) {
          socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`)
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      })(),
    ])) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /)
    socket.destroy()
  })

  test('a WebSocket is not opened', async () => {
    for (const path of ['/api/force', '/api/live?page=locks', '/']) {
      const socket = connect(open.port, '127.0.0.1')
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
          'origin: https://evil.example\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: websocket\r\n' +
          'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      )
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(String(answer)).toMatch(/^HTTP\/1.1 (403|405|200|503) /)
      expect(String(answer).toLowerCase()).not.toContain('sec-websocket-accept')
      socket.destroy()
    }
  })
})

describe('reading from elsewhere', () => {
  test.each(['cross-site', 'same-site'])('data is refused to a %s page', async (site) => {
    for (const path of ['api/overview', 'api/live?page=locks', 'api/search?q=j']) {
      const answer = await fetch(open.url + path, { headers: { 'sec-fetch-site': site } })
      expect([path, answer.status]).toEqual([path, 403])
    }
  })

  test('a link of another site leads to the page', async () => {
    const answer = await fetch(open.url, { headers: { 'sec-fetch-site': 'cross-site' } })
    // 503 where it was not built: it is not refused.
    expect([200, 503]).toContain(answer.status)
  })

  test('a name of another site that leads here sees nothing', async () => {
    const socket = connect(open.port, '127.0.0.1')
    socket.write('GET /api/overview HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1.1 403 /)
    socket.destroy()
  })

  test('nothing is told without authorisation', async () => {
    for (const path of [
      '',
      'api/overview',
      'api/live?page=locks',
      'api/search?q=j',
      'assets/x.js',
    ]) {
      const answer = await fetch(`http://127.0.0.1:${guarded.port}/${path}`)
      expect([path, answer.status]).toEqual([path, 401])
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
    expect(wishes.every(({ action }) => action === 'look')).toBe(true)
  })
})

describe('what acts', () => {
  const post = async (to: Served, action: string, body: object, headers = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${to.port}/api/${action}`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...SAME, ...headers },
      body: JSON.stringify(body),
    })

  test('revoke asks, and is told to audit with its reason', async () => {
    const answer = await post(open, 'revoke', { name: 'job', reason: 'a deploy' })
    expect(await answer.json()).toEqual({ asked: 1 })
    // By message, or by the answer to a renewal.
    await until(async () => {
      await lock.verify()
      return lock.revoked.aborted
    })
    expect(audited).toEqual([
      {
        at: expect.any(Number) as number,
        action: 'revoke',
        name: 'job',
        reason: 'a deploy',
        result: { asked: 1 },
      },
    ])
    await lock.release()
  })

  test('force with now ends it, and audit knows who did it', async () => {
    const answer = await post(guarded, 'force', FORCE, { authorization: 'ada' })
    expect(await answer.json()).toEqual({ freed: true, asked: 1, remaining: 0 })
    await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_LOST' })
    expect(lock.isHeld).toBe(false)
    expect(wishes).toEqual([{ action: 'force', name: 'job' }])
    expect(audited).toMatchObject([{ by: 'ada', now: true, result: { freed: true } }])
  })

  test('force without now withholds the name; an old browser is known by its Origin', async () => {
    const headers = { ...JSON_TYPE, origin: `http://127.0.0.1:${open.port}` }
    const answer = await send({ headers, body: { ...FORCE, now: false }, status: 200 })
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(answer).toMatch(/\{"freed":false,"asked":1,"remaining":\d+\}/)
    await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_LOST' })
    expect(lock.isHeld).toBe(false)
  })

  test('who was refused is told to audit', async () => {
    await post(guarded, 'force', FORCE, { authorization: 'reader' })
    await post(guarded, 'force', FORCE, { authorization: 'broken' })
    expect(audited.map(({ name, result }) => [name, result])).toEqual([
      ['job', { refused: 'ERR_FORBIDDEN' }],
      ['job', { refused: 'ERR_INTERNAL' }],
    ])
  })

  test('where audit fails, what was done is answered as done, and what was refused as refused', async () => {
    const warnings: Error[] = []
    const hear = (warning: Error): void => void warnings.push(warning)
    process.on('warning', hear)
    const authorize = (_: Request, { name }: Wish): boolean => name === 'job'
    const audit = async (): Promise<never> => Promise.reject(new Error('the disk is full'))
    const dashboard = createDashboard(locks, { actions: ['force'], authorize, audit })
    const one = await serve(dashboard, { port: 0 })
    const done = await post(one, 'force', FORCE)
    expect([done.status, await done.json()]).toMatchObject([200, { freed: true }])
    expect((await post(one, 'force', { ...FORCE, name: 'b', confirm: 'b' })).status).toBe(403)
    await until(() => warnings.length === 2)
    expect(warnings.map(({ message }) => message)).toEqual(Array(2).fill('the disk is full'))
    process.off('warning', hear)
    await one.close()
  })
})

test('authorize fails without a reason', async () => {
  for (const reason of [undefined, null, {}]) {
    // eslint-disable-next-line typescript/prefer-promise-reject-errors
    const dashboard = createDashboard(locks, { authorize: () => Promise.reject(reason) })
    const answer = await dashboard.fetch(new Request('http://localhost/api/overview'))
    expect([answer.status, await answer.json()]).toMatchObject([
      500,
      { error: { code: 'ERR_INTERNAL' } },
    ])
  }
})

describe('serve', () => {
  test.each([
    '0.0.0.0',
    '::',
    '192.0.2.1',
    'example.com',
    'localhost.evil.example',
    '1270.0.0.1',
    '',
  ])('does not listen on %j without authorize', async (host) => {
    const dashboard = createDashboard(locks)
    await expect(serve(dashboard, { port: 0, host })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
  })

  test('says when a port is taken', async () => {
    const dashboard = createDashboard(locks)
    await expect(serve(dashboard, { port: open.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
  })

  test('closes with live pages open', async () => {
    const served = await serve(createDashboard(locks), { port: 0, host: 'localhost' })
    const live = await fetch(`${served.url}api/live?page=locks`)
    const reader = live.body!.getReader()
    await reader.read()
    await served.close()
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })().catch(() => 'ended'),
    ).resolves.not.toBe('open')
    await expect(fetch(served.url)).rejects.toThrow()
  })
})
