import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type Leadership } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { serve } from '../src/elect/http.js'
import { Standings } from '../src/elect/standing.js'
import { holdfast, reasonOf, start } from './kit.js'

let server: RunningServer
let env: NodeJS.ProcessEnv
let folder: string
let redis: Redis
let locks: Holdfast
type Running = ReturnType<typeof start>
const open: Running[] = []
beforeAll(async () => {
  server = await startServer()
  env = { REDIS_URL: server.url }
  redis = new Redis(server.url)
  locks = new Holdfast(redis)
  folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
})
afterEach(async () => {
  server.thaw()
  for (const { child, ended } of open.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
})
afterAll(async () => {
  await locks.close()
  redis.disconnect()
  await server.stop()
  rmSync(folder, { recursive: true })
})

const PATIENCE = { timeout: 20_000 }

function elect(...args: readonly string[]): Running {
  const running = start(['elect', ...args], env)
  open.push(running)
  return running
}

const waits = (name: string): Promise<void> =>
  expect.poll(() => locks.inspect(name), PATIENCE).toMatchObject({ waiterCount: 1 })

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function get(url: string, method = 'GET'): Promise<Answer> {
  const response = await fetch(url, { method })
  const text = await response.text()
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  return { status: response.status, body }
}

const urlOf = async (running: Running): Promise<string> =>
  (await running.said(/listening .*?(http:\/\/[^\s"]+)/))[1]!

describe('elect', () => {
  test('one leads, others hear of it, and HTTP tells; who is ended resigns', async () => {
    const one = elect('a', '--http', ':0', '--label', 'one')
    await one.said(/elected {2}fence=\d{16}/)
    const two = elect('a', '--http', '127.0.0.1:0', '--label', 'two')
    await two.said(/leader {2}leader=one {2}fence=\d{16}/)
    const [here, there] = [await urlOf(one), await urlOf(two)]
    expect(here).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect.poll(() => get(here), PATIENCE).toMatchObject({ body: { since: /Z$/ as unknown } })
    const { body } = await get(`${here}/leader`)
    expect(body).toEqual({
      name: 'a',
      leader: 'one',
      isLeader: true,
      fence: expect.stringMatching(/^\d{16}$/) as string,
      since: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    })
    const told = { ...body, isLeader: false }
    expect(await get(`${here}/leader`)).toEqual({ status: 200, body })
    expect(await get(`${there}/leader`)).toEqual({ status: 503, body: told })
    expect(await get(`${there}/`)).toEqual({ status: 200, body: told })
    expect(await get(`${there}/readyz?x`)).toEqual({ status: 200, body: told })
    expect(await get(`${there}/healthz`)).toEqual({ status: 200, body: { ok: true } })
    expect(await get(`${there}/nothing`)).toMatchObject({ status: 404 })
    expect(await get(`${there}/`, 'POST')).toMatchObject({ status: 405 })
    expect(await get(`${there}/leader`, 'HEAD')).toEqual({ status: 503, body: {} })

    one.child.kill('SIGTERM')
    expect(await one.ended).toMatchObject({ code: 143, stderr: '' })
    await two.said(/elected/)
    expect(await get(`${there}/leader`)).toMatchObject({ status: 200, body: { leader: 'two' } })
  })

  test('--json; who is asked to let go stands again, behind the others', async () => {
    const one = elect('b', '--json', '--ttl', '3s')
    // By its next renewal it hears that somebody asks.
    await one.said(/"event":"elected".*"fence":"\d{16}"/)
    const two = elect('b', '--json', '--ttl', '3s')
    await two.said(/"event":"leader".*"leader":/)
    await waits('b')
    await locks.revoke('b')
    await one.said(/"event":"resigned".*"reason":"revoked"/)
    await two.said(/"event":"elected"/)
  })

  test('whoever read it has gone: it ends, though it does not lead', async () => {
    const leader = await locks.election('unread').campaign()
    const two = elect('unread')
    two.child.stdout!.destroy()
    expect(await two.ended).toMatchObject({ code: 141, stderr: '' })
    expect(await locks.inspect('unread')).toMatchObject({ waiterCount: 0, holderCount: 1 })
    await leader.resign()
  })

  test('the server away: not healthy, and no leader any more', async () => {
    const one = elect('c', '--http', ':0', '--ttl', '1s')
    await one.said(/elected/)
    const url = await urlOf(one)
    server.freeze()
    await one.said(/resigned {2}reason=lost/)
    expect(await get(`${url}/leader`)).toMatchObject({ status: 503, body: { leader: null } })
    expect(await get(`${url}/healthz`)).toEqual({ status: 503, body: { ok: false } })
    server.thaw()
    await expect.poll(() => get(`${url}/leader`), PATIENCE).toMatchObject({ status: 200 })
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200 })
  })

  test('not ready before it knows who leads, or that nobody does', async () => {
    const standings = new Standings('x', 'me')
    await using http = await serve({ host: '127.0.0.1', port: 0 }, async () => true, standings)
    expect(await get(`${http.url}/readyz`)).toMatchObject({ status: 503 })
    standings.tell(null)
    expect(await get(`${http.url}/readyz`)).toMatchObject({ status: 200, body: { leader: null } })
    standings.tell({ owner: 'o', host: 'h', pid: 1, fence: null, since: null })
    const body = { leader: 'h:1', isLeader: false, fence: null, since: null }
    expect(await get(`${http.url}/`)).toMatchObject({ status: 200, body })
    // What was told of an own leadership that has ended is older than what its clock says.
    const own = { owner: 'mine', fence: 7, isLeader: true }
    standings.elected(own as Leadership)
    standings.tell({ owner: 'mine', fence: 7, since: 0 })
    expect(standings.now).toMatchObject({ leader: 'me', fence: '7', isLeader: true })
    own.isLeader = false
    expect(standings.now).toMatchObject({ leader: null, fence: null, isLeader: false })
  })

  test('addresses', async () => {
    const one = elect('d', '--http', '0.0.0.0:0')
    const url = await urlOf(one)
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:/)
    for (const http of ['a:b', ':99999', 'http://a:1']) {
      const ended = await holdfast(['elect', 'd', '--http', http], env)
      expect(reasonOf(ended)).toMatchObject({ reason: 'usage', exit: '64' })
    }
    const taken = await holdfast(['elect', 'd', '--http', `0.0.0.0:${new URL(url).port}`], env)
    expect(reasonOf(taken)).toMatchObject({
      reason: 'usage',
      exit: '64',
      msg: expect.stringMatching(/cannot listen on 0\.0\.0\.0:\d+: .*EADDRINUSE/) as string,
    })
  })
})

describe('elect with a command', () => {
  /** A command that writes when it starts and when it is told to end. */
  const writes = (who: string, file: string, ending = ''): readonly string[] => [
    '--',
    'sh',
    '-c',
    `trap '${ending} echo "${who} stops" >> ${file}; exit 0' TERM
    echo "${who} starts $HOLDFAST_FENCE" >> ${file}; while :; do sleep 0.1; done`,
  ]
  const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n')

  test('runs on the leader only, and on the next when that has stopped', async () => {
    const file = join(folder, 'turns')
    const one = elect('e', '-v', '--ttl', '3s', ...writes('one', file))
    await one.said(/event=started/)
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(1)
    const two = elect('e', ...writes('two', file))
    await waits('e')
    await locks.revoke('e')
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(3)
    const [first, second, third] = linesOf(file)
    expect([first, second, third]).toEqual([
      expect.stringMatching(/^one starts \d{16}$/),
      'one stops',
      expect.stringMatching(/^two starts \d{16}$/),
    ])
    // What it was handed was short, and it has a whole lease before its command starts.
    const { fence, holders } = await locks.inspect('e')
    expect(third).toBe(`two starts ${fence}`)
    expect(holders[0]!.remaining).toBeGreaterThan(5000)
    // Who was stopped stands again.
    await locks.revoke('e')
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(5)
    expect(linesOf(file)[4]).toMatch(/^one starts/)
    // Its command has ended: the signal is its own again.
    two.child.kill('SIGTERM')
    expect(await two.ended).toMatchObject({ code: 143 })
  })

  test('though its end was forced, has ended before the next one leads', async () => {
    const file = join(folder, 'forced')
    elect('i', '--ttl', '6s', ...writes('one', file, 'sleep 1;'))
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(1)
    elect('i', ...writes('two', file))
    await waits('i')
    await locks.forceRelease('i')
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(3)
    expect(linesOf(file).map((line) => line.replace(/ \d+$/, ''))).toEqual([
      'one starts',
      'one stops',
      'two starts',
    ])
  })

  test('is stopped before leadership is lost, and starts again with a larger fence', async () => {
    const file = join(folder, 'lost')
    const one = elect('f', '--ttl', '2s', '-v', ...writes('one', file))
    await one.said(/event=started/)
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(1)
    server.freeze()
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(2)
    await one.said(/event=resigned .*reason=lost/)
    server.thaw()
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(3)
    const [before, , after] = linesOf(file).map((line) => Number(line.split(' ')[2]))
    expect(after).toBeGreaterThan(before!)
  })

  test('that ends by itself ends it, with its code, and the lock is free', async () => {
    const ended = await holdfast(
      ['elect', 'g', '--', 'sh', '-c', 'echo "$HOLDFAST_NAME"; exit 7'],
      env,
    )
    expect(ended).toMatchObject({ code: 7, stdout: 'g\n', stderr: '' })
    expect(await locks.inspect('g')).toMatchObject({ holderCount: 0 })
    const missing = await holdfast(['elect', 'g', 'no-such-command-here'], env)
    expect(missing.code).toBe(127)
  })

  test('a signal is for the command, and then for elect', async () => {
    const file = join(folder, 'signal')
    const one = elect('h', ...writes('one', file))
    await expect.poll(() => linesOf(file), PATIENCE).toHaveLength(1)
    one.child.kill('SIGTERM')
    expect((await one.ended).code).toBe(0)
    expect(linesOf(file)[1]).toBe('one stops')
  })
})
