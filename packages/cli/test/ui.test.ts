// holdfast ui: a page on this machine, and elsewhere by a password.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer, type RunningServer } from 'holdfast/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHolder } from './holder.js'
import { holdfast, reasonOf, start } from './kit.js'

let server: RunningServer
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  server = await startServer()
  env = { REDIS_URL: server.url }
})
afterAll(() => server.stop())

const force = (name: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
  body: JSON.stringify({ name, now: true, confirm: name }),
})

test('it gives out the page and what it shows, and only looks', async () => {
  const holder = startHolder(server.url, 'worker')
  await holder.tell(['take', 'job'], 'holds job')
  const ui = start(['ui', '--port', '0'], env)
  const [, url = ''] = await ui.said(/at (http:\/\/127\.0\.0\.1:\d+\/)/)
  const page = await fetch(url)
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  const [, script] = /src="(assets\/main[^"]+)"/.exec(await page.text())!
  expect((await fetch(url + script)).status).toBe(200)
  const { row } = (await (await fetch(`${url}api/lock?name=job`)).json()) as { row: object }
  expect(row).toMatchObject({ name: 'job', holder: { label: 'worker', pid: holder.pid } })
  expect((await fetch(`${url}api/force`, force('job'))).status).toBe(403)
  ui.child.kill('SIGTERM')
  expect(await ui.ended).toMatchObject({ code: 143 })
  await holder.end()
})

test('actions and a password: with the right one only, and audit says who', async () => {
  const args = ['ui', '--port', '0', '--host', '0.0.0.0', '--actions', 'revoke,force']
  const ui = start(args, { ...env, HOLDFAST_UI_PASSWORD: 'open:sesame' })
  const [, port = ''] = await ui.said(/at http:\/\/0\.0\.0\.0:(\d+)\//)
  const url = `http://127.0.0.1:${port}/`
  const as = (user: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(user).toString('base64')}`,
  })
  const bare = await fetch(url)
  expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="holdfast", charset="UTF-8"',
  ])
  for (const user of ['ada:open', 'open:sesame', ':', 'ada']) {
    expect((await fetch(url, { headers: as(user) })).status).toBe(401)
  }
  const act = force('job')
  expect((await fetch(`${url}api/force`, act)).status).toBe(401)
  const headers = { ...(act.headers as object), ...as('ada:open:sesame') } as Record<string, string>
  expect((await fetch(`${url}api/force`, { ...act, headers })).status).toBe(200)
  ui.child.kill('SIGINT')
  const { code, stderr } = await ui.ended
  expect(code).toBe(130)
  expect(stderr).toContain('"by":"ada"')
  expect(stderr).not.toContain('sesame')
})

/** What is refused is no answer, and what is not there neither. */
async function statusOf(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

test('without a server it starts, says so, and goes on when there is one', async () => {
  const own = await startServer()
  await own.kill()
  const ui = start(['ui', '--port', '0'], { REDIS_URL: own.url })
  await ui.said(/reason=away msg=".*ECONNREFUSED.*"/)
  const [, url = ''] = await ui.said(/at (http:\/\/127\.0\.0\.1:\d+\/)/)
  expect((await statusOf(url)).status).toBe(200)
  const away = await statusOf(`${url}api/overview`)
  expect(away.status).toBe(503)
  expect(JSON.parse(away.text)).toMatchObject({ error: { code: 'ERR_UNAVAILABLE' } })
  await own.restart()
  await ui.said(/reason=back/)
  const holder = startHolder(own.url, 'worker')
  await holder.tell(['take', 'job'], 'holds job')
  while (!(await statusOf(`${url}api/overview`)).text.includes('"held":1')) await sleep(50)
  await holder.end()
  ui.child.kill('SIGTERM')
  expect(await ui.ended).toMatchObject({ code: 143 })
  await own.stop()
})

test('of several servers a majority is enough; a password that is wrong is an error', async () => {
  const [one, two, three] = await Promise.all([startServer(), startServer(), startServer()])
  await Promise.all([one, two, three].map((server) => server.kill()))
  const urls = [one, two, three].flatMap(({ url }) => ['--url', url])
  const ui = start(['ui', '--port', '0', ...urls])
  await ui.said(/reason=away msg="cannot reach a majority of 3 servers/)
  const [, url = ''] = await ui.said(/at (http:\/\/127\.0\.0\.1:\d+\/)/)
  const away = await statusOf(`${url}api/overview`)
  expect(JSON.parse(away.text)).toMatchObject({ error: { code: 'ERR_NO_QUORUM' } })
  await Promise.all([one.restart(), three.restart()])
  await ui.said(/reason=back/)
  while ((await statusOf(`${url}api/overview`)).status !== 200) await sleep(50)
  ui.child.kill('SIGTERM')
  expect((await ui.ended).stderr.match(/reason=away/g)).toHaveLength(1)

  const wrong = await holdfast(['ui', '--port', '0'], {
    REDIS_URL: one.url.replace('//', '//nobody:sesame@'),
  })
  expect(wrong.code).toBe(69)
  expect(wrong.stderr).toContain('WRONGPASS')
  expect(wrong.stderr).not.toContain('sesame')
  const bad = await holdfast(['ui', '--port', '0'], { REDIS_URL: 'localhost:6379' })
  expect(bad.code).toBe(64)
  await Promise.all([one, two, three].map((server) => server.stop()))
})

test.each([
  [['--host', '0.0.0.0'], {}],
  [['--host', '192.0.2.1'], {}],
  [['--host', '0.0.0.0'], { HOLDFAST_UI_PASSWORD: '' }],
  [['--actions', 'delete'], {}],
  [['--port', '70000'], {}],
])('%j is a mistake of the caller', async (args, more) => {
  const ended = await holdfast(['ui', '--port', '0', ...args], { ...env, ...more })
  expect(ended.code).toBe(64)
  expect(reasonOf(ended)).toMatchObject({ reason: 'usage' })
})

test('a signal ends it also while it connects', async () => {
  // It accepts, and says nothing: for five seconds nobody knows what it is.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const ui = start(['ui', '--port', '0'], { REDIS_URL: `redis://127.0.0.1:${port}` })
  const [socket] = (await once(silent, 'connection')) as [Socket]
  ui.child.kill('SIGTERM')
  expect(await ui.ended).toMatchObject({ code: 143 })
  socket.destroy()
  silent.close()
})
