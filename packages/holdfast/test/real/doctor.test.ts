import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemRuntime, type Runtime } from '../../src/base/runtime.js'
import { recognise } from '../../src/clients/recognise.js'
import { Holdfast, type Finding, type Port } from '../../src/index.js'
import { startServer } from '../../src/testing/index.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds } from '../kit/cluster-clients.js'
import { kinds, otherKinds } from '../clients/kinds.js'
import { bad, examined, finding, is } from './doctor-kit.js'
import { engines, refusal, until, World } from './kit.js'

/** A port that does something else in places. */
const changed = (port: Port, changes: Partial<Port>): Port =>
  Object.assign(Object.create(port) as Port, changes)

describe.each(engines)('doctor, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(async () => {
    for (const [name, value] of changes.splice(0)) await world.admin.config('SET', name, value)
    await world.clean()
  })
  afterAll(() => world.stop())

  // What takes its time and is the same on both.
  const once = test.skipIf(engine === 'any' || engine !== engines[0])

  const changes: [string, string][] = []
  async function config(name: string, value: string): Promise<void> {
    const [, was] = (await world.admin.config('GET', name)) as [string, string]
    changes.unshift([name, was])
    await world.admin.config('SET', name, value)
  }

  test('all is well, and nothing is left', async () => {
    await config('appendonly', 'yes')
    await config('appendfsync', 'always')
    const locks = world.locks()
    await locks.ping()
    const connections = await world.connections()
    // A busy machine may stand still meanwhile.
    const findings = await until(async () => {
      const all = await locks.doctor({ timeout: 2000 })
      expect(all.filter(({ severity }) => severity !== 'ok')).toEqual([])
      return all
    }, 20_000)
    expect(findings.map(({ id }) => id)).toEqual([
      'reachable',
      'version',
      'role',
      'cluster',
      'eviction',
      'memory',
      'persistence',
      'disk',
      'replicas',
      'min-replicas',
      'timeout',
      'output-buffer',
      'latency',
      'clock-offset',
      'clock-rate',
      'rights',
      'message',
      'lock',
    ])
    expect(findings.every(({ server }) => server === null)).toBe(true)
    expect(finding(findings, 'version').values).toEqual({
      engine: world.server.engine,
      version: world.server.version,
    })
    expect(finding(findings, 'latency').values['count']).toBeGreaterThan(1)
    expect(await world.keys()).toEqual([])
    // The subscription's own, for the next one.
    expect(await world.connections()).toBe(connections + 1)
    await locks.doctor({ over: 0 })
    expect(await world.connections()).toBe(connections + 1)
    expect(await world.admin.call('PUBSUB', 'CHANNELS')).toEqual([])
  })

  test('eviction', async () => {
    const locks = world.locks({ checkEviction: false })
    await config('maxmemory-policy', 'allkeys-lru')
    expect(is(await examined(locks), 'eviction', 'note')).toContain('no limit')
    await config('maxmemory', '1gb')
    expect(is(await examined(locks), 'eviction', 'warning')).toContain('allkeys-lru')
    await config('maxmemory', '3mb')
    const big = 'x'.repeat(100_000)
    await until(async () => {
      for (let i = 0; i < 50; i++) await world.admin.set(`big:${i}`, big)
      const stats = await world.admin.info('stats')
      expect(Number(/evicted_keys:(\d+)/.exec(stats)![1])).toBeGreaterThan(0)
    })
    is(await examined(locks), 'eviction', 'error')
    await world.admin.config('RESETSTAT')
  })

  test('memory', async () => {
    const locks = world.locks()
    await world.admin.set('big', 'x'.repeat(50_000_000))
    const used = Number(/used_memory:(\d+)/.exec(await world.admin.info('memory'))![1])
    await config('maxmemory', String(Math.round(used * 1.05)))
    expect(is(await examined(locks), 'memory', 'warning')).toMatch(/9\d %/)
    await config('maxmemory', String(Math.round(used * 0.5)))
    const findings = await examined(locks)
    is(findings, 'memory', 'error')
    expect(is(findings, 'lock', 'error')).toContain('OOM')
  })

  test('persistence', async () => {
    const locks = world.locks()
    expect(is(await examined(locks), 'persistence', 'warning')).toContain('all locks')
    await config('save', '3600 1')
    expect(is(await examined(locks), 'persistence', 'warning')).toContain('save 3600 1')
    await config('appendonly', 'yes')
    expect(is(await examined(locks), 'persistence', 'note')).toContain('second')
    await config('appendfsync', 'no')
    expect(is(await examined(locks), 'persistence', 'warning')).toContain('fsync no')
    await config('appendfsync', 'always')
    is(await examined(locks), 'persistence', 'ok')
    // It is in quarantine after each restart.
    await config('appendonly', 'no')
    is(await examined(world.locks({ strictFailover: true })), 'persistence', 'ok')
  })

  test('timeout, and the buffer of subscribers', async () => {
    await config('timeout', '100')
    const findings = await examined(world.locks())
    expect(is(findings, 'timeout', 'note')).toContain('100 s')
    await config('timeout', '3')
    await config('client-output-buffer-limit', 'pubsub 10000 0 0')
    const worse = await examined(world.locks())
    is(worse, 'timeout', 'warning')
    is(worse, 'output-buffer', 'warning')
  })

  once("the server's clock, its rate, and round trips", async () => {
    const away: Runtime = { ...systemRuntime, wall: () => systemRuntime.wall() - 3_600_000 }
    expect(is(await examined(world.locks({ runtime: away })), 'clock-offset', 'note')).toMatch(
      /3600000 ms|3\.6e\+6 ms/,
    )
    const zero = systemRuntime.wall()
    /** Clocks here that run at another rate. */
    const clocks = (rate: number): Runtime => ({
      ...systemRuntime,
      monotonic: () => systemRuntime.monotonic() * rate,
      wall: () => zero + (systemRuntime.wall() - zero) * rate,
    })
    const rate = async (own: number, drift: number): Promise<Finding> => {
      const locks = world.locks({ runtime: clocks(own), drift })
      return finding(await examined(locks, { over: 400 }), 'clock-rate')
    }
    await until(async () => expect(await rate(1.1, 0.01)).toMatchObject({ severity: 'error' }))
    await until(async () => expect(await rate(0.9, 0.01)).toMatchObject({ severity: 'error' }))
    await until(async () => expect(await rate(1.1, 0.2)).toMatchObject({ severity: 'ok' }))
    const port = recognise(world.client())
    const slow = changed(port, {
      run: async (...call) => {
        await new Promise((resolve) => setTimeout(resolve, 60))
        return port.run(...call)
      },
    })
    const findings = await examined(world.locks({}, slow), { over: 300, timeout: 100 })
    is(findings, 'latency', 'warning')
    expect(is(findings, 'clock-rate', 'note')).toContain('cannot be seen')
  })

  once('a message that does not arrive', async () => {
    await using other = await startServer(engine === 'any' ? {} : { engine })
    const elsewhere = recognise(world.client({ port: other.port }))
    const port = changed(recognise(world.client()), {
      subscribe: (...call) => elsewhere.subscribe(...call),
    })
    const locks = world.locks({}, port)
    is(await examined(locks, { timeout: 300 }), 'message', 'warning')
    await elsewhere.close()
  })

  test('an old server', async () => {
    const port = recognise(world.client())
    const old = changed(port, {
      command: async (words) => {
        const reply = await port.command!(words)
        if (words[0] !== 'INFO') return reply
        return String(reply)
          .replaceAll(/(redis|valkey)_version:.*/g, '')
          .concat('redis_version:6.0.16\r\n')
      },
    })
    expect(is(await examined(world.locks({}, old)), 'version', 'error')).toBe('redis 6.0.16')
  })

  test('what INFO and CONFIG would say, where they are forbidden', async () => {
    await world.admin.call(
      'ACL',
      'SETUSER',
      'u',
      'reset',
      'on',
      '>p',
      '~*',
      '&*',
      '+@all',
      '-config',
    )
    const locks = (): Holdfast =>
      world.locks({}, world.client({ username: 'u', password: 'p', enableReadyCheck: false }))
    const without = await examined(locks())
    for (const id of ['timeout', 'output-buffer', 'min-replicas'] as const) {
      expect(is(without, id, 'note')).toMatch(/^cannot be seen: CONFIG GET was refused .*NOPERM/)
    }
    expect(is(without, 'persistence', 'warning')).toContain('cannot be seen')
    is(without, 'eviction', 'ok')
    await world.admin.call('ACL', 'SETUSER', 'u', '-info')
    const less = await examined(locks())
    for (const id of ['version', 'role', 'eviction', 'memory', 'replicas'] as const) {
      expect(is(less, id, 'note')).toMatch(/^cannot be seen: INFO was refused .*NOPERM/)
    }
    expect(bad(less)).toEqual(['rights warning'])
    await world.admin.call('ACL', 'SETUSER', 'u', 'off')
  })

  test.skipIf(engine === 'any')('away, and no login', async () => {
    const args = ['--requirepass', 'secret']
    await using server = await startServer({ engine: world.server.engine, args })
    const locks = world.locks({}, world.client({ port: server.port, password: 'secret' }))
    is(await examined(locks), 'reachable', 'ok')
    await server.kill()
    const findings = await examined(locks, { timeout: 100 })
    expect(findings.map(({ id }) => id)).toEqual(['reachable', 'lock'])
    is(findings, 'reachable', 'error')
    is(findings, 'lock', 'error')
  })

  once('a replica, and what its primary says of it', async () => {
    const { host, port } = world.server
    await config('repl-diskless-sync-delay', '0')
    const args = ['--replicaof', `${host} ${port}`]
    await using replica = await startServer({ engine: world.server.engine, args })
    const locks = world.locks()
    await until(async () => {
      const { measured } = finding(await examined(locks), 'replicas')
      expect(measured).toContain('online')
    })
    const findings = await examined(locks)
    is(findings, 'replicas', 'ok')
    is(findings, 'min-replicas', 'note')
    is(await examined(world.locks({ strictFailover: true })), 'min-replicas', 'warning')
    is(await examined(world.locks({ replicas: 2, nodeTimeout: 100 })), 'replicas', 'error')
    await config('min-replicas-to-write', '1')
    is(await examined(locks), 'min-replicas', 'ok')
    await config('min-replicas-to-write', '2')
    const refusing = await examined(locks)
    is(refusing, 'min-replicas', 'error')
    expect(is(refusing, 'lock', 'error')).toContain('NOREPLICAS')

    const there = await examined(world.locks({}, world.client({ port: replica.port })))
    expect(is(there, 'role', 'error')).toContain(`${host}:${port}`)
    is(there, 'lock', 'error')

    replica.freeze()
    await until(async () => is(await examined(locks), 'replicas', 'warning'), 30_000)
    replica.thaw()
  })

  test.skipIf(engine !== engines[0] || process.platform !== 'linux')(
    'a disk that fails',
    async () => {
      // Not even root writes there.
      await using server = await startServer({
        engine: world.server.engine,
        args: ['--dir', '/proc'],
      })
      const admin = world.client({ port: server.port })
      await admin.call('BGSAVE')
      const locks = world.locks({}, world.client({ port: server.port }))
      await until(async () => is(await examined(locks), 'disk', 'error'))
    },
  )

  once('a server of a Cluster, and a client that is none', async () => {
    const args = ['--cluster-enabled', 'yes']
    await using server = await startServer({ engine: world.server.engine, args })
    const locks = world.locks({}, world.client({ port: server.port }))
    const findings = await examined(locks)
    is(findings, 'cluster', 'error')
    is(findings, 'lock', 'error')
  })

  test('closed, and options that cannot be right', async () => {
    const locks = world.locks()
    const wrong = { code: 'ERR_INVALID_ARGUMENT' }
    for (const options of [{ timeout: 0 }, { over: -1 }, { name: '' }, { wait: 5 }, null]) {
      expect(await refusal(locks.doctor(options as object))).toMatchObject(wrong)
    }
    await locks.close()
    expect(await refusal(locks.doctor())).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('a name of its own that somebody has: a note', async () => {
    const held = await world.locks().mutex('mine').acquire()
    const findings = await examined(world.locks(), { name: 'mine' })
    expect(is(findings, 'lock', 'note')).toContain('"mine"')
    expect(held.isHeld).toBe(true)
    await held.release()
  })
})

describe('doctor, with every client', () => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engines[0]!)
  })
  afterAll(() => world.stop())

  test.each([...kinds, ...otherKinds])('$name', async (kind) => {
    const { port, connect, end } = await kind.make(world.server.url, { odd: true })
    await connect()
    const locks = new Holdfast(port)
    const findings = await examined(locks)
    // The server of the tests has no persistence.
    expect(bad(findings)).toEqual(['persistence warning'])
    expect(finding(findings, 'timeout').values['timeout']).toBe(0)
    expect(finding(findings, 'output-buffer').values['hard']).toBe(33_554_432)
    await locks.close()
    end()
  })
})

describe('doctor, on a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await TestCluster.start()
  })
  afterAll(() => cluster.stop())

  test.each(clusterKinds)('$name: each primary', async (kind) => {
    const { client, end } = await kind.open(cluster.seeds)
    const locks = new Holdfast(client)
    const findings = await examined(locks)
    const servers = findings.flatMap(({ id, server }) => (id === 'reachable' ? [server] : []))
    expect(servers).toEqual(cluster.primaries.map((_, i) => i))
    const runs = new Set(findings.map(({ values }) => values['run']).filter(Boolean))
    expect(runs.size).toBe(cluster.primaries.length)
    expect(new Set(bad(findings))).toEqual(new Set(['persistence warning']))
    expect(is(findings, 'cluster', 'ok')).toContain('a Cluster')
    expect(is(findings, 'lock', 'ok')).toContain('acquired')
    await locks.close()
    end()
  })
})

test('doctor, in memory', async () => {
  const locks = Holdfast.inMemory()
  const findings = await examined(locks, { over: 20, timeout: 100 })
  expect(bad(findings)).toEqual([])
  is(findings, 'lock', 'ok')
  for (const id of ['version', 'eviction', 'timeout', 'rights', 'message'] as const) {
    expect(is(findings, id, 'note')).toContain('cannot be seen')
  }
  await locks.close()
})
