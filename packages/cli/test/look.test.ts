// ls, inspect, watch, deadlocks, revoke and release --force: what they say of locks that other processes hold.
import { hostname } from 'node:os'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { startHolder, until, type HolderProcess } from './holder.js'
import { holdfast, reasonOf, start } from './kit.js'

// Each starts processes by the dozen.
vi.setConfig({ testTimeout: 60_000 })

let server: RunningServer
let redis: Redis
let env: NodeJS.ProcessEnv
let holders: HolderProcess[] = []
beforeAll(async () => {
  server = await startServer()
  redis = new Redis(server.url)
  env = { REDIS_URL: server.url }
})
afterEach(async () => {
  await Promise.all(holders.map((one) => one.end()))
  holders = []
  await redis.flushall()
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

function holder(label: string, history = false): HolderProcess {
  const one = startHolder(server.url, label, history)
  holders.push(one)
  return one
}

/** So many stand in the line of a name. */
async function inLine(name: string, count: number): Promise<void> {
  const line = `{lock:${name}}:hf:line:lock:${name}`
  await until(async () => (await redis.zcard(line)) >= count)
}

const objects = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** No control character but the ends of lines, and nothing hidden. */
const HOSTILE = /[^\P{C}\n]/u
const OWNER = /[0-9a-f]{32}\.\d+/
const EVIL = '\x1b[2J\u009b31m\x07\u202e\r'

describe('ls', () => {
  test('one line for each name, with who, how, since when, and how many wait; no owner ids', async () => {
    const [a, b] = [holder('worker-a'), holder('worker-b')]
    await a.tell(['take', 'x:1'], 'holds x:1')
    await a.tell(['permits', 'x:2', 5, 2], 'holds x:2')
    await b.tell(['permits', 'x:2', 5, 3], 'holds x:2')
    await b.tell(['take', 'y'], 'holds y')
    await b.tell(['take', 'x:1'])
    await inLine('x:1', 1)
    await redis.set('lock:x:0', 'theirs', 'PX', 60_000)
    const { code, stdout, stderr } = await holdfast(['ls', 'x:*'], env)
    expect([code, stderr]).toEqual([0, ''])
    const rows = stdout.trim().split('\n')
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      ['NAME', 'HELD BY', 'MODE', 'SINCE', 'LEFT', 'WAITING'],
      [
        'x:0',
        '(another library)',
        'foreign',
        '-',
        expect.stringMatching(/^(60|59|5\d)s|1m00s$/),
        '0',
      ],
      [
        'x:1',
        `worker-a (${hostname()}:${a.pid})`,
        'exclusive',
        expect.stringMatching(/s$/),
        expect.stringMatching(/s$/),
        '1',
      ],
      [
        'x:2',
        expect.stringMatching(/^worker-[ab] \(.*\) \+1$/),
        expect.stringMatching(/^[23] permits$/),
        expect.stringMatching(/s$/),
        expect.stringMatching(/s$/),
        '0',
      ],
    ])
    expect(stdout).not.toMatch(OWNER)
    const more = await holdfast(['ls', 'x:1', '-v'], env)
    expect(more.stdout).toMatch(OWNER)
    const owner = await redis.get('lock:x:1')
    expect(more.stdout).toContain(owner)
  })

  test('--json: an object for each, with everything', async () => {
    const a = holder('worker-a')
    await a.tell(['take', 'x'], 'holds x')
    const { stdout } = await holdfast(['ls', '--json'], env)
    const holds = {
      label: 'worker-a',
      pid: a.pid,
      mode: 'exclusive',
      owner: await redis.get('lock:x'),
    }
    expect(objects(stdout)).toMatchObject([
      { name: 'x', holders: [holds], holderCount: 1, waiterCount: 0 },
    ])
    expect(objects(stdout)[0]).toMatchObject({ fence: expect.stringMatching(/^\d{16}$/) as string })
  })

  test('hostile names and labels reach no terminal as they are', async () => {
    const a = holder(EVIL)
    await a.tell(['take', `n${EVIL}`])
    await a.tell(['take', 'last'], 'holds last')
    for (const args of [
      ['ls', '-v'],
      ['ls', '--json'],
      ['inspect', `n${EVIL}`],
    ]) {
      const { code, stdout } = await holdfast(args, env)
      expect([code, HOSTILE.exec(stdout)]).toEqual([0, null])
      expect(stdout).toMatch(/\\x1b\[2J|\\u001b\[2J/)
    }
    const bad = await holdfast(['ls', '--url', `redis://127.0.0.1:1/${EVIL}`], env)
    expect(bad.code).toBeGreaterThan(0)
    expect(HOSTILE.exec(bad.stderr)).toBeNull()
  })

  test('it stops when its budget is used up, and says so; 0 is all', async () => {
    await redis.mset(...Array.from({ length: 1000 }, (_, i) => [`session:${i}`, '1']).flat())
    await holder('a').tell(['take', 'x'], undefined)
    await holders[0]!.said('holds x')
    const some = await holdfast(['ls', 'nobody*', '--budget', '200', '--json'], env)
    expect([some.code, some.stdout]).toEqual([0, ''])
    expect(objects(some.stderr)).toMatchObject([{ event: 'note', reason: 'incomplete' }])
    const all = await holdfast(['ls', '--budget', '0', '--json'], env)
    expect([objects(all.stdout).length, all.stderr]).toEqual([1, ''])
    // The names alone: no SCAN where there is no glob.
    await redis.config('RESETSTAT')
    await holdfast(['ls', 'x'], env)
    const info = await redis.info('commandstats')
    expect(info).not.toMatch(/cmdstat_(scan|keys):/)
  })

  test('a reader that goes away ends it, as SIGPIPE does', async () => {
    const ls = start(['watch', '--interval', '100ms'], env)
    ls.child.stdout!.destroy()
    await holder('a').tell(['take', 'x'], 'holds x')
    expect(await ls.ended).toMatchObject({ code: 141, stderr: '' })
  })
})

test('inspect: holders, and the line in its order', async () => {
  const [a, b, c] = [holder('a'), holder('b'), holder('c')]
  await a.tell(['take', 'x'], 'holds x')
  await b.tell(['take', 'x'])
  await inLine('x', 1)
  await c.tell(['take', 'x'])
  await inLine('x', 2)
  const { code, stdout } = await holdfast(['inspect', 'x'], env)
  expect(code).toBe(0)
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toBe('x')
  expect(lines[1]).toMatch(/^ {2}fence \d{16}$/)
  expect(lines[2]).toMatch(/^ {2}held for \S+ by a \(.*:\d+\): exclusive, \S+ left$/)
  expect(lines[3]).toMatch(/^ {2}1\. in line for \S+: b \(.*\), exclusive$/)
  expect(lines[4]).toMatch(/^ {2}2\. in line for \S+: c \(.*\), exclusive$/)
  expect(stdout).not.toMatch(OWNER)
  expect(
    (await holdfast(['inspect', 'x', '-v'], env)).stdout.match(new RegExp(OWNER, 'g')),
  ).toHaveLength(3)
  const json = objects((await holdfast(['inspect', 'x', '--json'], env)).stdout)
  expect(json).toMatchObject([{ name: 'x', waiters: [{ label: 'b' }, { label: 'c' }] }])
  expect((await holdfast(['inspect', 'free'], env)).stdout).toBe('free\n  nobody holds it\n')
})

describe('watch', () => {
  test('who comes and goes, as lines and as objects, until somebody ends it', async () => {
    const [a, b] = [holder('a'), holder('b')]
    await a.tell(['take', 'x'], 'holds x')
    const lines = start(['watch', 'x', '--interval', '100ms'], env)
    const json = start(['watch', '--interval', '100ms', '--json'], env)
    await Promise.all([lines.said(/held by a/), json.said(/"holds"/)])
    await b.tell(['take', 'x'])
    await Promise.all([lines.said(/x {2}waited for by b \(.*\), exclusive/), json.said(/"waits"/)])
    await a.tell(['release', 'x'], 'released x')
    await Promise.all([lines.said(/x {2}held by b/), json.said(/"holds".*"b"/)])
    await b.tell(['release', 'x'], 'released x')
    await Promise.all([lines.said(/no longer held by b/), json.said(/"ended".*"b"/)])
    for (const one of [lines, json]) one.child.kill('SIGINT')
    const [text, data] = await Promise.all([lines.ended, json.ended])
    expect([text.code, data.code]).toEqual([130, 130])
    expect(text.stdout.trim().split('\n')[0]).toMatch(
      /^\d\d:\d\d:\d\d {2}x {2}held by a \(.*:\d+\), exclusive, for \S+$/,
    )
    expect(text.stdout).not.toMatch(OWNER)
    const events = objects(data.stdout).map(
      ({ event, label }) => `${String(event)} ${String(label)}`,
    )
    expect(events).toEqual(['holds a', 'waits b', 'ended a', 'holds b', 'ended b'])
    expect(objects(data.stdout)[0]).toMatchObject({ name: 'x', at: expect.any(String) as string })
  })

  test('goes on when the server was away', async () => {
    const own = await startServer()
    const watch = start(['watch', '--interval', '100ms', '--url', own.url])
    try {
      const a = startHolder(own.url, 'a')
      await a.tell(['take', 'x'])
      await watch.said(/held by a/)
      const client = new Redis(own.url)
      // Too long for a command, and no end of a connection.
      await client.call('CLIENT', 'PAUSE', '1200', 'ALL')
      await watch.said(/reason=unavailable msg=".*trying again"/)
      await a.tell(['take', 'y'])
      await watch.said(/y {2}held by a/)
      await a.end()
      client.disconnect()
      watch.child.kill('SIGTERM')
      const { code, stderr } = await watch.ended
      expect([code, stderr.match(/unavailable/g)!.length]).toEqual([143, 1])
    } finally {
      watch.child.kill('SIGKILL')
      await own.stop()
    }
  })
})

test('history: what happened, oldest first, and what goes on; and the index that comes with it', async () => {
  await redis.set('lock:x', 'of nobody who keeps a history', 'PX', 60_000)
  for (const args of [['history', 'x'], ['history'], ['ls', '--from', 'index']]) {
    const none = await holdfast(args, env)
    expect(none).toMatchObject({ code: 0, stdout: '' })
    expect(reasonOf(none)).toMatchObject({
      reason: 'no-history',
      msg: expect.stringMatching(/the prefix lock:.*the option history/) as string,
    })
  }
  const noted = await holdfast(['ls', '--from', 'index', '--json'], env)
  expect(objects(noted.stderr)).toMatchObject([{ event: 'note', reason: 'no-history' }])
  await redis.del('lock:x')
  const [a, b] = [holder('a', true), holder(`b${EVIL}`, true)]
  await a.tell(['take', 'x'], 'holds x')
  await b.tell(['take', 'x'])
  await inLine('x', 1)
  await a.tell(['take', 'y'], 'holds y')
  const follow = start(['history', 'x', '--follow', '--interval', '100ms', '--json'], env)
  await Promise.all([follow.said(/"granted"/), follow.said(/"waiting"/)])
  await a.tell(['release', 'x'], 'released x')
  await Promise.all([follow.said(/"released"/), follow.said(/"granted".*"b/)])
  follow.child.kill('SIGTERM')
  const { code, stdout } = await follow.ended
  const events = objects(stdout).map(({ event, label }) => `${String(event)} ${String(label)[0]}`)
  // On a slow machine the first grant takes so long that it counts as a wait.
  const told = events.filter((event) => event !== 'waiting a').toSorted()
  expect([code, told]).toEqual([143, ['granted a', 'granted b', 'released a', 'waiting b']])
  const text = await holdfast(['history', 'x'], env)
  expect(HOSTILE.exec(text.stdout)).toBeNull()
  expect(text.stdout).not.toMatch(OWNER)
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}`
  for (const line of [
    String.raw`granted to a \(.*\) after \S+, exclusive, fence \d{16}`,
    String.raw`waited for by b\\x1b.*`,
    String.raw`released by a \(.*\) after \S+`,
    String.raw`granted to b\\x1b.* after \S+, by a hand-over, exclusive, fence \d{16}`,
  ]) {
    expect(text.stdout).toMatch(new RegExp(`^${time}${line}$`, 'm'))
  }
  const last = await holdfast(['history', '-n', '1', '--json'], env)
  const whole = objects((await holdfast(['history', '--json'], env)).stdout)
  expect(whole.map(({ name }) => name)).toContain('y')
  expect(objects(last.stdout)).toEqual(whole.slice(-1))
  await redis.set('lock:other', 'of nobody who keeps a history')
  const indexed = await holdfast(['ls', '--from', 'index', '--json'], env)
  const names = objects(indexed.stdout).map(({ name }) => String(name))
  expect(names.toSorted()).toEqual(['x', 'y'])
  for (const args of [
    ['history', 'z'],
    ['ls', 'z*', '--from', 'index'],
  ]) {
    expect(await holdfast(args, env)).toMatchObject({ code: 0, stdout: '', stderr: '' })
  }
})

test('deadlocks: all circles, and an exit code that says whether there are any', async () => {
  expect(await holdfast(['deadlocks'], env)).toMatchObject({ code: 0, stdout: 'no deadlock\n' })
  const [a, b] = [holder('a'), holder('b')]
  await Promise.all([a.tell(['nest', 'x', 'y'], 'holds x'), b.tell(['nest', 'y', 'x'], 'holds y')])
  for (const one of [a, b]) await one.tell(['go'])
  let found = await holdfast(['deadlocks'], env)
  // The waits are noted after a second.
  while (found.code === 0) found = await holdfast(['deadlocks'], env)
  expect(found.code).toBe(1)
  const lines = found.stdout.trim().split('\n')
  expect(lines[0]).toBe('deadlock of 2')
  expect(lines.slice(1).toSorted()).toEqual([
    expect.stringMatching(/^ {2}a \(.*\) holds x and has waited \S+ for y/),
    expect.stringMatching(/^ {2}b \(.*\) holds y and has waited \S+ for x/),
  ])
  expect(lines[1]).toMatch(/it came last/)
  expect(found.stdout).not.toMatch(OWNER)
  const json = await holdfast(['deadlocks', '--json'], env)
  expect(json.code).toBe(1)
  expect(objects(json.stdout)).toMatchObject([
    { cycle: [{ owner: expect.stringMatching(OWNER) as string }, {}] },
  ])
})

/** A lease that is renewed each second: so soon who never waited hears that it is to let go. */
const SOON = '3s'

test('revoke asks the holder, with who and why; and says if nobody could be asked', async () => {
  const a = holder('a')
  await a.tell(['take', 'x', SOON], 'holds x')
  const asked = await holdfast(['revoke', 'x', '--reason', 'a deploy', '--label', 'ops'], env)
  expect(asked).toMatchObject({ code: 0, stdout: 'asked the holder of x to let go\n' })
  await a.said('revoked x ops a deploy')
  await until(async () => (await redis.exists('lock:x')) === 0)
  const nobody = await holdfast(['revoke', 'x', '--json'], env)
  expect([nobody.code, objects(nobody.stdout)]).toEqual([0, [{ name: 'x', asked: 0 }]])
})

test('release --force: the holder is told, or with --now the name is given away at once', async () => {
  const [a, b] = [holder('a'), holder('b')]
  await a.tell(['take', 'x', SOON], 'holds x')
  await b.tell(['take', 'x', SOON])
  await inLine('x', 1)
  const told = await holdfast(['release', '--force', 'x'], env)
  expect(told.code).toBe(0)
  expect(told.stdout).toMatch(
    /^told its holder to stop: x is free when that is done, \S+ from now at the latest\n$/,
  )
  await a.said('lost x forced')
  await b.said('holds x')
  const now = await holdfast(['release', '--force', '--now', '--json', 'x'], env)
  expect([now.code, objects(now.stdout)]).toEqual([
    0,
    [{ name: 'x', freed: true, asked: 1, remaining: 0 }],
  ])
  await b.said('lost x forced')
  await redis.set('lock:foreign', 'theirs')
  const foreign = await holdfast(['release', '--force', 'foreign'], env)
  expect(foreign.code).toBe(1)
  expect(foreign.stdout).toContain('another library')
  expect((await holdfast(['release', '--force', '--now', 'foreign'], env)).code).toBe(0)
  expect(await redis.exists('lock:foreign')).toBe(0)
})
