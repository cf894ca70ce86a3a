import { Cluster } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis5'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Port } from '../../src/clients/port.js'
import { recognise, type Client } from '../../src/clients/recognise.js'
import { TestCluster, type ClusterNode } from '../kit/cluster.js'
import { clusterKinds, type ClusterKind } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { engines, refusal, until } from '../real/kit.js'
import { later, listener } from './kinds.js'

const [engine = 'any'] = engines

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start(engine === 'any' ? {} : { engine })
})
afterAll(() => cluster.stop())

let undo: (() => unknown)[] = []
afterEach(async () => {
  for (const each of undo.toReversed()) await each()
  undo = []
})

async function portOf(client: Client, end: () => unknown): Promise<Port> {
  undo.push(end)
  const port = recognise(client)
  undo.push(() => port.close())
  return port
}

async function open(kind: ClusterKind): Promise<Port> {
  const connected = await kind.open(cluster.seeds)
  return portOf(connected.client, () => connected.end())
}

/** Which nodes have a subscriber of the channel. */
async function where(channel: string): Promise<ClusterNode[]> {
  const live = cluster.nodes.filter(({ admin }) => admin.status === 'ready')
  const counts = await Promise.all(live.map(({ admin }) => admin.pubsub('NUMSUB', channel)))
  return live.filter((_node, i) => counts[i]?.[1] === 1)
}

describe.each(clusterKinds)('a cluster through $name', (kind) => {
  test('tells a gap after each break, when messages are sure to arrive again', async () => {
    const port = await open(kind)
    expect(port.cluster).toBe(true)
    const seen = listener()
    await port.subscribe('a', seen)
    for (let round = 1; round <= 3; round++) {
      const [node] = await where('a')
      await node!.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => expect(seen.gaps).toBe(round))
      const [now, ...others] = await where('a')
      expect(others).toEqual([])
      await now!.admin.publish('a', `${round}`)
      await until(() => expect(seen.messages).toHaveLength(round))
    }
    expect(seen).toMatchObject({ gaps: 3, ends: 0, messages: ['1', '2', '3'] })
  })

  test('goes to another node when its own dies, and back to none when it is closed', async () => {
    const port = await open(kind)
    const seen = listener()
    const subscription = await port.subscribe('a', seen)
    const [dead] = await where('a')
    await dead!.server.kill()
    undo.push(async () => {
      await dead!.server.restart()
      await cluster.settled()
    })
    await until(() => expect(seen.gaps).toBeGreaterThan(0), 15_000)
    const [now] = await until(async () => {
      const nodes = await where('a')
      expect(nodes).toHaveLength(1)
      return nodes
    })
    await now!.admin.publish('a', 'x')
    await until(() => expect(seen.messages).toEqual(['x']))
    await subscription.close()
    await until(async () => expect(await where('a')).toEqual([]))
    await port.close()
    expect(seen.ends).toBe(0)
  })
})

/** Ends the client's own connections to a node, as it does when the node has left the cluster. */
const leaving: [
  string,
  () => Promise<[client: Client, leave: (port: number) => void, end: () => void]>,
][] = [
  [
    'ioredis',
    async () => {
      const client = new Cluster(cluster.seeds, { lazyConnect: true })
      await client.connect()
      undo.push(() => client.disconnect())
      return [
        client,
        (port) =>
          client
            .nodes('master')
            .find((node) => node.options.port === port)!
            .disconnect(),
        () => client.disconnect(),
      ]
    },
  ],
  [
    'node-redis',
    async () => {
      const client = createCluster({ rootNodes: cluster.seeds.map((socket) => ({ socket })) })
      await client.connect()
      undo.push(() => client.destroy())
      return [
        client,
        (port) => {
          const node = client.masters.find((each) => each.port === port)!
          node.client!.destroy()
          Object.assign(node, { client: undefined })
        },
        () => client.destroy(),
      ]
    },
  ],
]

test.each(leaving)('%s: leaves a node that its client leaves', async (_name, make) => {
  const [client, leave] = await make()
  const port = await portOf(client, () => {})
  const seen = listener()
  await port.subscribe('a', seen)
  const [left] = await where('a')
  leave(left!.server.port)
  await until(() => expect(seen.gaps).toBe(1))
  const [now] = await where('a')
  expect(now).not.toBe(left)
  await left!.admin.publish('a', 'x')
  await until(() => expect(seen.messages).toEqual(['x']))
})

test.each(leaving)('%s: closed, it leaves no connection and no listener', async (_name, make) => {
  const [client] = await make()
  const counts = (): number[] => {
    const sources =
      client instanceof Cluster
        ? client.nodes('master')
        : (client as ReturnType<typeof createCluster>).masters.map((node) => node.client!)
    return [client as Cluster, ...sources].map((one) =>
      one.eventNames().reduce((sum, event) => sum + one.listenerCount(event), 0),
    )
  }
  const connected = async (): Promise<number> => {
    const lists = cluster.nodes.map(({ admin }) => admin.client('LIST'))
    return String((await Promise.all(lists)).join('')).split('\n').length
  }
  const before = counts()
  const port = await portOf(client, () => {})
  const connections = await connected()
  await port.subscribe('a', listener())
  await until(async () => expect(await connected()).toBe(connections + 1))
  expect(counts()).not.toEqual(before)
  await port.close()
  expect(counts()).toEqual(before)
  await until(async () => expect(await connected()).toBe(connections))
})

test.each(leaving)(
  '%s: has one listener on each node, however many subscribe',
  async (_name, make) => {
    const [client] = await make()
    const sources =
      client instanceof Cluster
        ? client.nodes('master')
        : (client as ReturnType<typeof createCluster>).masters.map((node) => node.client!)
    const listeners = (): number[] => sources.map((one) => one.listenerCount('end'))
    const before = listeners()
    // Each begins with a random node: with fifty of them none is left out.
    const ports = await Promise.all(Array.from({ length: 50 }, () => portOf(client, () => {})))
    await Promise.all(ports.map((port) => port.subscribe('a', listener())))
    expect(listeners()).toEqual(before.map((count) => count + 1))
    await Promise.all(ports.slice(1).map((port) => port.close()))
    expect(listeners().filter((count, i) => count > before[i]!)).toHaveLength(1)
    await ports[0]!.close()
    expect(listeners()).toEqual(before)
  },
)

test('says when it is connected', async () => {
  const clients = [
    createCluster({ rootNodes: cluster.seeds.map((socket) => ({ socket })) }),
    createCluster5({ rootNodes: cluster.seeds.map((socket) => ({ socket })) }),
  ]
  for (const client of clients) {
    const port = await portOf(client, () => client.destroy())
    const before = client.listenerCount('connect')
    const [ready, never] = [later(), vi.fn<() => void>()]
    port.onReady(never)()
    port.onReady(ready.resolve)
    expect([port.ready, client.listenerCount('connect')]).toEqual([false, before + 1])
    await client.connect()
    await ready.promise
    expect([port.ready, client.listenerCount('connect')]).toEqual([true, before])
    expect(never).not.toHaveBeenCalled()
  }
})

test.each(leaving)('%s: ends with its client, and begins anew with it', async (_name, make) => {
  const [client, , end] = await make()
  const port = await portOf(client, () => {})
  const seen = listener()
  await port.subscribe('a', seen)
  end()
  await until(() => expect(seen.ends).toBe(1))
  expect(await where('a')).toEqual([])
  await (client as Cluster).connect() // So do both.
  const again = listener()
  await port.subscribe('a', again)
  await cluster.nodes[0]!.admin.publish('a', 'x')
  await until(() => expect(again.messages).toEqual(['x']))
  expect(seen).toMatchObject({ gaps: 0, ends: 1, messages: [] })
})

test('rejects without the right to the channel, and without a password', async () => {
  for (const { admin } of cluster.nodes) {
    await admin.acl('SETUSER', 'guest', 'on', '>pw', '~*', '+@all', 'resetchannels', '&mine')
  }
  const redisOptions = { username: 'guest', password: 'pw' }
  const client = new Cluster(cluster.seeds, { lazyConnect: true, redisOptions })
  const port = await portOf(client, () => client.disconnect())
  const early = refusal(port.subscribe('yours', listener()))
  await client.connect()
  expect(String(await early)).toMatch('NOPERM')
  const seen = listener()
  await port.subscribe('mine', seen)
  await cluster.nodes[0]!.admin.publish('mine', 'x')
  await until(() => expect(seen.messages).toEqual(['x']))
  for (const { admin } of cluster.nodes) await admin.acl('SETUSER', 'guest', '>other', '<pw')
  for (const { admin } of cluster.nodes) await admin.acl('DELUSER', 'guest')
  await until(() => expect(seen.ends).toBe(1))
})

test.each([
  ['6', createSentinel],
  ['5', createSentinel5 as unknown as typeof createSentinel],
])('node-redis %s tells when a Sentinel client is connected', async (_version, create) => {
  const sentinel = await TestSentinel.start({
    engine: engine as 'redis',
    replicas: 0,
    sentinels: 1,
  })
  undo.push(() => sentinel.stop())
  const client = create({ name: sentinel.name, sentinelRootNodes: sentinel.addresses })
  client.on('error', () => {})
  const port = await portOf(client, () => client.destroy())
  expect([port.kind, port.cluster, port.ready]).toEqual(['node-redis sentinel', false, false])
  const ready = later()
  const never = vi.fn<() => void>()
  port.onReady(never)()
  port.onReady(ready.resolve)
  await client.connect()
  await ready.promise
  expect(port.ready).toBe(true)
  expect(never).not.toHaveBeenCalled()
  const seen = listener()
  await port.subscribe('a', seen)
  const primary = sentinel.admin(await sentinel.primary())
  for (let round = 1; round <= 2; round++) {
    await primary.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => expect(seen.gaps).toBe(round))
  }
  await primary.publish('a', 'x')
  await until(() => expect(seen.messages).toEqual(['x']))
})
