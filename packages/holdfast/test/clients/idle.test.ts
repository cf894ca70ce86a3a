/** A time limit for sockets is the user's for commands; a subscriber is idle when all is well. */
import { createClient, createCluster, createSentinel } from 'redis'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emitter } from '../../src/clients/common.js'
import { recognise, type Client } from '../../src/clients/recognise.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { TestCluster } from '../kit/cluster.js'
import { TestSentinel } from '../kit/sentinel.js'
import { until } from '../real/kit.js'
import { listener } from './kinds.js'

type Connectable = Client & Emitter & { connect(): Promise<unknown>; destroy(): void }

let server: RunningServer
let cluster: TestCluster
let sentinel: TestSentinel
beforeAll(async () => {
  const one = { replicas: 0, sentinels: 1 }
  ;[server, cluster, sentinel] = await Promise.all([
    startServer(),
    TestCluster.start({ primaries: 1 }),
    TestSentinel.start(one),
  ])
})
afterAll(() => Promise.all([server.stop(), cluster.stop(), sentinel.stop()]))

describe.each([
  ['6', createClient, createCluster, createSentinel],
  [
    '5',
    createClient5 as unknown as typeof createClient,
    createCluster5 as unknown as typeof createCluster,
    createSentinel5 as unknown as typeof createSentinel,
  ],
])('node-redis %s', (_version, one, many, watched) => {
  const socket = { socketTimeout: 100 }
  test.concurrent.each<[string, () => Connectable]>([
    ['one server', () => one({ url: server.url, socket: { ...socket } })],
    [
      'a cluster',
      () => many({ rootNodes: cluster.seeds.map((at) => ({ socket: at })), defaults: { socket } }),
    ],
    [
      'Sentinel',
      () =>
        watched({
          name: sentinel.name,
          sentinelRootNodes: sentinel.addresses,
          nodeClientOptions: { socket },
        }),
    ],
  ])('%s: the subscription outlives the time limit', async (_what, make) => {
    const client = make()
    client.on('error', () => {})
    // A busy machine may keep it from answering within the time limit.
    await until(() => client.connect())
    const port = recognise(client)
    const seen = listener()
    await port.subscribe('a', seen)
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(seen).toMatchObject({ gaps: 0, ends: 0 })
    await port.close()
    try {
      client.destroy()
    } catch {
      // It was idle too: version 5 has closed it.
    }
  })
})
