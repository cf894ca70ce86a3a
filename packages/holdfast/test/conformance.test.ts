import { GlideClient, Logger } from '@valkey/valkey-glide'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { Holdfast } from '../src/index.js'
import { memoryPort } from '../src/kernel/memory/port.js'
import { MemoryServer } from '../src/kernel/memory/server.js'
import {
  conformance,
  findServer,
  startServer,
  type ConformanceTarget,
  type RunningServer,
} from '../src/testing/index.js'

// It writes warnings to stderr else.
Logger.init('off')

function suite(target: ConformanceTarget): void {
  for (const { name, run } of conformance(target)) it.concurrent(name, run)
}

describe('memory', () => {
  const server = new MemoryServer()
  suite({
    open: () => {
      const client = memoryPort(server)
      return Promise.resolve({ client, close: () => client.close() })
    },
  })
})

describe('a quorum in memory', () => {
  const servers = [new MemoryServer(), new MemoryServer(), new MemoryServer()]
  beforeAll(() => new Holdfast(servers.map(memoryPort)).bootstrap())
  suite({
    open: () => {
      const client = servers.map(memoryPort)
      return Promise.resolve({ client, close: () => Promise.all(client.map((one) => one.close())) })
    },
  })
})

type Open = (server: RunningServer) => ReturnType<ConformanceTarget['open']>

const both: Record<string, Open> = {
  ioredis: async ({ url }) => {
    const client = new Redis(url)
    return { client, close: () => client.quit() }
  },
  'node-redis': async ({ url }) => {
    const client = createClient({ url })
    await client.connect()
    return { client, close: () => client.close() }
  },
}

const others: Record<string, Open> = {
  'ioredis 5': async ({ url }) => {
    const client = new Redis5(url)
    return { client, close: () => client.quit() }
  },
  iovalkey: async ({ url }) => {
    const client = new Valkey(url)
    return { client, close: () => client.quit() }
  },
  'node-redis 5': async ({ url }) => {
    const client = createClient5({ url })
    await client.connect()
    return { client, close: () => client.close() }
  },
  'Valkey GLIDE': async ({ host, port }) => {
    // All cases run at the same time: then the usual quarter of a second may pass.
    const client = await GlideClient.createClient({
      addresses: [{ host, port }],
      requestTimeout: 5000,
    })
    return { client, close: async () => client.close() }
  },
}

const engines = await Promise.all(
  (['redis', 'valkey'] as const).map(async (engine) => ({
    engine,
    found: await findServer({ engine }),
  })),
)
// One server is enough for what differs in the client only.
const first = engines.find(({ found }) => found)?.engine

for (const { engine, found } of engines) {
  if (!found) {
    it.skip(`${engine}: no ${engine}-server was found on this machine`)
    continue
  }
  describe(engine, () => {
    let server: RunningServer
    let admin: Redis
    beforeAll(async () => {
      server = await startServer({ engine })
      admin = new Redis(server.url)
    })
    afterAll(async () => {
      admin.disconnect()
      await server.stop()
    })

    const clients = Object.entries(engine === first ? { ...both, ...others } : both)
    describe.each(clients)('%s', (_name, open) => {
      suite({ flushScripts: () => admin.script('FLUSH'), open: () => open(server) })
    })
  })
}

describe('a quorum of both engines, by both clients', () => {
  const kinds = engines.flatMap(({ engine, found }) => (found ? [engine] : []))
  if (kinds.length === 0) {
    it.skip('no server was found on this machine')
    return
  }
  let servers: RunningServer[]
  let admins: Redis[]
  beforeAll(async () => {
    const of = [0, 1, 2].map((i) => startServer({ engine: kinds[i % kinds.length]! }))
    servers = await Promise.all(of)
    admins = servers.map(({ url }) => new Redis(url))
    await using locks = new Holdfast(admins)
    await locks.bootstrap()
  })
  afterAll(async () => {
    for (const admin of admins) admin.disconnect()
    await Promise.all(servers.map((server) => server.stop()))
  })
  suite({
    flushScripts: () => Promise.all(admins.map((admin) => admin.script('FLUSH'))),
    open: async () => {
      const opened = await Promise.all(
        servers.map((server, i) => (i === 1 ? both['node-redis']! : both['ioredis']!)(server)),
      )
      return {
        client: opened.map(({ client }) => client as Redis),
        close: () => Promise.all(opened.map(({ close }) => close())),
      }
    },
  })
})
