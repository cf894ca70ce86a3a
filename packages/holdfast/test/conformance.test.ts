import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { memoryPort } from '../src/kernel/memory/port.js'
import { MemoryServer } from '../src/kernel/memory/server.js'
import {
  conformance,
  findServer,
  startServer,
  type ConformanceTarget,
  type RunningServer,
} from '../src/testing/index.js'

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

for (const engine of ['redis', 'valkey'] as const) {
  const found = await findServer({ engine })
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

    const flushScripts = (): Promise<unknown> => admin.script('FLUSH')

    describe('ioredis', () => {
      suite({
        flushScripts,
        open: () => {
          const client = new Redis(server.url)
          return Promise.resolve({ client, close: () => client.quit() })
        },
      })
    })
    describe('node-redis', () => {
      suite({
        flushScripts,
        async open() {
          const client = createClient({ url: server.url })
          await client.connect()
          return { client, close: () => client.close() }
        },
      })
    })
  })
}
