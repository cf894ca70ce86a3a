import { GlideClusterClient } from '@valkey/valkey-glide'
import { createCluster } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { Holdfast } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { startServer } from '../../src/testing/index.js'
import { clusterKinds, type ClusterKind } from '../kit/cluster-clients.js'
import { TestCluster } from '../kit/cluster.js'
import { engines, refusal, until, World } from './kit.js'

const number = expect.any(Number) as number

describe.each(engines)('ping, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  async function user(...rights: string[]): Promise<Holdfast> {
    await world.admin.call('ACL', 'SETUSER', 'u', 'reset', 'on', '>p', '~*', '&*', ...rights)
    return world.locks({}, world.client({ username: 'u', password: 'p' }))
  }

  test('says what the server is, with one command, and writes nothing', async () => {
    const locks = world.locks()
    await locks.ping()
    let pong!: Awaited<ReturnType<Holdfast['ping']>>
    const cost = await world.during(async () => {
      pong = await locks.ping()
    })
    expect(cost).toMatchObject({ evalsha: 1, eval: 0, subscribe: 0 })
    expect(pong).toEqual({
      latency: number,
      server: {
        engine: world.server.engine,
        version: world.server.version,
        run: /run_id:(\w{16})/.exec(await world.admin.info('server'))![1],
        evictionPolicy: 'noeviction',
      },
      clockOffset: { least: number, most: number },
      subscribed: null,
    })
    expect(pong.latency).toBeGreaterThan(0)
    expect(await world.admin.dbsize()).toBe(0)
  })

  test("how far the server's clock is from the wall clock here", async () => {
    const behind = { ...systemRuntime, wall: () => systemRuntime.wall() - 3_600_000 }
    const { clockOffset, latency } = await world.locks({ runtime: behind }).ping()
    expect(clockOffset.most - clockOffset.least).toBeCloseTo(latency, 3)
    // Both clocks are of this machine: but for the hour, and what a slow machine adds.
    expect(Math.round(clockOffset.least / 60_000)).toBe(60)
    expect(Math.round(clockOffset.most / 60_000)).toBe(60)
  })

  test('subscribed: none yet, then seen by the server, then broken', async () => {
    const client = world.client({ retryStrategy: () => 60_000 })
    const locks = world.locks({}, client)
    const held = await world.locks().mutex('a').acquire()
    const waiting = locks.mutex('a').acquire()
    await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
    expect((await locks.ping()).subscribed).toBe(true)
    await world.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(async () => expect((await locks.ping()).subscribed).toBe(false))
    await held.release()
    const abandoned = refusal(waiting)
    await locks.close()
    expect(await abandoned).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test.skipIf(engine === 'any')('frozen: ERR_UNAVAILABLE within its limit', async () => {
    const [locks, hasty] = [world.locks(), world.locks({ nodeTimeout: 50 })]
    await Promise.all([locks.ping(), hasty.ping()])
    world.server.freeze()
    const errors = await Promise.all([
      refusal(locks.ping({ timeout: 50 })),
      refusal(hasty.ping()),
      refusal(hasty.ping({ timeout: '70ms' })),
    ])
    world.server.thaw()
    const code = 'ERR_UNAVAILABLE'
    expect(errors).toMatchObject([{ code }, { code }, { code }])
    // What is left for the answer, after everything before it.
    const limits = errors.map((error) => Number(/within (\d+) ms/.exec(String(error))![1]))
    for (const [i, most] of [50, 50, 70].entries()) expect(limits[i]).toBeLessThanOrEqual(most)
    await locks.ping({ timeout: 5000 })
  })

  test.skipIf(engine === 'any')('away: ERR_UNAVAILABLE; back: another run', async () => {
    const locks = world.locks()
    const before = await locks.ping()
    await world.server.kill()
    expect(await refusal(locks.ping({ timeout: 100 }))).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await world.server.restart()
    const { server } = await until(() => locks.ping())
    expect(server.run).not.toBe(before.server.run)
    expect(server.version).toBe(before.server.version)
  })

  test.skipIf(engine === 'any')('a replica: ERR_UNAVAILABLE, as for every lock there', async () => {
    const { host, port } = world.server
    const args = ['--replicaof', `${host} ${port}`]
    await using replica = await startServer({ engine: world.server.engine, args })
    const locks = world.locks({}, world.client({ port: replica.port }))
    const error = await until(async () => {
      const seen = await refusal(locks.ping())
      expect(seen).toMatchObject({ message: expect.stringContaining('replica') as string })
      return seen
    })
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    const taken = await refusal(locks.mutex('a').tryAcquire())
    expect(taken).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await locks.close()
  })

  test('refused: ERR_CONFIG with the missing right', async () => {
    for (const right of ['evalsha', 'time']) {
      const locks = await user('+@all', `-${right}`)
      expect(await refusal(locks.ping())).toMatchObject({
        code: 'ERR_CONFIG',
        message: expect.stringContaining('ACL LOG') as string,
      })
    }
  })

  test('null is what the ACL keeps back', async () => {
    const unknown = { engine: null, version: null, run: null, evictionPolicy: null }
    expect((await (await user('+@all', '-info')).ping()).server).toEqual(unknown)
    const locks = await user('+@all', '-pubsub|numsub')
    const held = await world.locks().mutex('a').acquire()
    const waiting = locks.mutex('a').acquire()
    await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
    expect((await locks.ping()).subscribed).toBeNull()
    await held.release()
    await (await waiting).release()
  })

  test('closed, and options that cannot be right', async () => {
    const locks = world.locks()
    const wrong = { code: 'ERR_INVALID_ARGUMENT' }
    expect(await refusal(locks.ping({ timeout: 0 }))).toMatchObject(wrong)
    expect(await refusal(locks.ping({ limit: 5 } as object))).toMatchObject(wrong)
    await locks.close()
    expect(await refusal(locks.ping())).toMatchObject({ code: 'ERR_CLOSED' })
  })
})

test('ping, in memory, where INFO is forbidden', async () => {
  const server = new MemoryServer()
  server.infoFails = true
  const locks = new Holdfast(memoryPort(server))
  const unknown = { engine: null, version: null, run: null, evictionPolicy: null }
  expect((await locks.ping()).server).toEqual(unknown)
})

test('ping, in memory', async () => {
  const locks = Holdfast.inMemory({ localHandovers: 0 })
  const server = { engine: 'memory', version: null, evictionPolicy: 'noeviction' }
  expect(await locks.ping()).toMatchObject({ server, subscribed: null })
  const held = await locks.mutex('a').acquire()
  const waiting = locks.mutex('a').acquire()
  await until(async () => expect((await locks.ping()).subscribed).toBe(true))
  await held.release()
  await (await waiting).release()
  await locks.close()
  expect(await refusal(locks.ping())).toMatchObject({ code: 'ERR_CLOSED' })
})

const readers: ClusterKind[] = [
  {
    name: 'node-redis that reads from replicas',
    open: async (seeds) => {
      const rootNodes = seeds.map((socket) => ({ socket }))
      const client = createCluster({ rootNodes, useReplicas: true })
      await client.connect()
      return { client, end: () => client.destroy() }
    },
  },
  {
    name: 'Valkey GLIDE that reads from replicas',
    open: async (seeds) => {
      const addresses = [...seeds]
      const client = await GlideClusterClient.createClient({ addresses, readFrom: 'preferReplica' })
      return { client, end: () => client.close() }
    },
  },
]

describe('ping, on a cluster with a replica', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await TestCluster.start({ primaries: 1, replicas: 1 })
    // A client that connects earlier does not hear of the replica.
    for (const { admin } of cluster.nodes) {
      await until(async () => {
        const [[, , ...servers]] = (await admin.call('CLUSTER', 'SLOTS')) as [unknown[]]
        expect(servers).toHaveLength(2)
      })
    }
  })
  afterAll(() => cluster.stop())

  test.each([...clusterKinds, ...readers])('$name: asks no replica', async (kind) => {
    const { client, end } = await kind.open(cluster.seeds)
    const locks = new Holdfast(client)
    for (let i = 0; i < 20; i++) {
      const { server, subscribed } = await locks.ping({ timeout: 5000 })
      expect(server.evictionPolicy).toBe('noeviction')
      expect(subscribed).toBeNull()
    }
    await locks.close()
    end()
  })
})
