// --strict-failover, --quarantine and --epoch: what the programs of a server have, the command line has to have too.
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf } from './kit.js'

describe('--strict-failover', () => {
  let server: RunningServer
  let redis: Redis
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    server = await startServer()
    redis = new Redis(server.url)
    env = { REDIS_URL: server.url }
  })
  afterEach(() => redis.flushall())
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  test.each([
    ['the option', ['--strict-failover'], {}],
    ['the environment', [], { HOLDFAST_STRICT_FAILOVER: '1' }],
  ])('by %s run keeps out while leases may live that the server forgot', async (_, args, more) => {
    await using locks = new Holdfast(redis, { strictFailover: true })
    expect(await locks.bootstrap()).toBe(true)
    await using held = await locks.mutex('a').acquire()
    await redis.flushall()
    // The program believes in its lease, and may.
    expect(held.signal.aborted).toBe(false)
    const ran = await holdfast(['run', '-n', ...args, 'a', 'echo', 'ran'], { ...env, ...more })
    expect(ran).toMatchObject({ code: 69, stdout: '' })
    expect(reasonOf(ran)['msg']).toMatch(/quarantine/)
    const first = await holdfast(['bootstrap', ...args, '--json'], { ...env, ...more })
    expect(JSON.parse(first.stdout)).toEqual({ ended: true })
    expect(
      await holdfast(['run', '-n', ...args, 'b', 'echo', 'ran'], { ...env, ...more }),
    ).toMatchObject({ code: 0, stdout: 'ran\n', stderr: '' })
  })

  test('HOLDFAST_STRICT_FAILOVER=0 is none, and the doctor judges by what is given', async () => {
    const off = { ...env, HOLDFAST_STRICT_FAILOVER: '0' }
    expect((await holdfast(['run', '-n', 'a', 'echo', 'ran'], off)).stdout).toBe('ran\n')
    const doctor = ['doctor', '--over', '0s', '--timeout', '5s', '--json']
    const quarantine = /"id":"quarantine"/
    expect((await holdfast(doctor, off)).stdout).not.toMatch(quarantine)
    expect((await holdfast([...doctor, '--strict-failover'], off)).stdout).toMatch(quarantine)
    const on = { ...env, HOLDFAST_STRICT_FAILOVER: '1' }
    expect((await holdfast(doctor, on)).stdout).toMatch(quarantine)
  })
})

describe('--quarantine and --epoch', () => {
  let servers: RunningServer[]
  let env: NodeJS.ProcessEnv
  const clients: Redis[] = []
  const PROGRAMS = { quarantine: '30s', epoch: 1 } as const
  let locks: Holdfast
  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => startServer()))
    env = { REDIS_URL: servers.map(({ url }) => url).join(',') }
    clients.push(...servers.map(({ url }) => new Redis(url)))
    locks = new Holdfast(clients, PROGRAMS)
    await locks.bootstrap()
  })
  afterAll(async () => {
    await locks.close()
    for (const client of clients) client.disconnect()
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('without them it says which is missing', async () => {
    await locks.mutex('x').use(() => undefined)
    const run = ['run', '-n', '--ttl', '5s', 'x', 'true']
    const none = await holdfast(run, env)
    expect(none.code).toBe(69)
    expect(reasonOf(none)['msg']).toMatch(/the epoch of this node is 1, and not 0/)
    expect(reasonOf(none)['msg']).toMatch(/--epoch/)
    const one = await holdfast(run, { ...env, HOLDFAST_EPOCH: '1' })
    expect(one.code).toBe(69)
    expect(reasonOf(one)['msg']).toMatch(/the quarantine of this node is 30000 ms, and not 60000/)
    expect(reasonOf(one)['msg']).toMatch(/--quarantine/)
  })

  test('release says so too, and the lock is still held', async () => {
    await using lock = await locks.mutex('y').acquire()
    const ended = await holdfast(['release', 'y', '--owner', lock.owner], env)
    expect(ended.code).toBe(69)
    expect(reasonOf(ended)).toMatchObject({
      reason: 'config',
      msg: expect.stringMatching(/the epoch of this node is 1.*--epoch/) as string,
    })
    await lock.verify()
  })

  test.each([
    ['options', ['--quarantine', '30s', '--epoch', '1'], {}],
    ['the environment', [], { HOLDFAST_QUARANTINE: '30s', HOLDFAST_EPOCH: '1' }],
  ])('with %s run, release --force and bootstrap work', async (_, args, more) => {
    const run = ['run', '-n', '--ttl', '5s', ...args, 'a']
    expect(await holdfast([...run, 'echo', 'ran'], { ...env, ...more })).toMatchObject({
      code: 0,
      stdout: 'ran\n',
      stderr: '',
    })
    await using lock = await locks.mutex('a').acquire()
    const taken = await holdfast([...run, 'true'], { ...env, ...more })
    expect(reasonOf(taken)).toMatchObject({ reason: 'taken', owner: lock.owner })
    const forced = await holdfast(['release', '--force', '--now', ...args, 'a'], {
      ...env,
      ...more,
    })
    expect(forced).toMatchObject({ code: 0, stderr: '' })
    const again = await holdfast(['bootstrap', ...args], { ...env, ...more })
    expect(again.stdout).toBe('there was no quarantine to end\n')
  })
})

const ONE = { REDIS_URL: 'redis://127.0.0.1:1' }
const TWO = { REDIS_URL: 'redis://127.0.0.1:1,redis://127.0.0.1:2' }
test.each([
  [['--epoch', '-1'], ONE, /--epoch/],
  [['--epoch', '1.5'], ONE, /--epoch/],
  [['--quarantine', 'soon'], ONE, /--quarantine/],
  [[], { ...ONE, HOLDFAST_EPOCH: 'two' }, /HOLDFAST_EPOCH/],
  [[], { ...ONE, HOLDFAST_QUARANTINE: '' }, /HOLDFAST_QUARANTINE/],
  [[], { ...ONE, HOLDFAST_STRICT_FAILOVER: 'yes' }, /HOLDFAST_STRICT_FAILOVER is 1 or 0/],
  [['--epoch', '1'], ONE, /--epoch .*of several servers, or of --strict-failover/],
  [['--quarantine', '10s'], ONE, /--quarantine .*of several servers, or of --strict-failover/],
  [['--strict-failover'], TWO, /--strict-failover .*one primary/],
  [['--strict-failover', '--cluster'], ONE, /--strict-failover .*one primary/],
  [[], { ...TWO, HOLDFAST_STRICT_FAILOVER: '1' }, /HOLDFAST_STRICT_FAILOVER.*one primary/],
] as const)('%j with %j is refused before anything is connected', async (args, env, message) => {
  const ended = await holdfast(['run', '-n', ...args, 'a', 'true'], env)
  expect(ended.code).toBe(64)
  expect(reasonOf(ended)['reason']).toBe('usage')
  expect(ended.stderr).toMatch(message)
})
