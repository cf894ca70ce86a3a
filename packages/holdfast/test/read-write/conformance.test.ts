// The write side of a read/write lock is a mutex: the suite of the mutex holds for it, word for word.
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { Holdfast } from '../../src/index.js'
import {
  conformance,
  findServer,
  startServer,
  type ConformanceTarget,
  type RunningServer,
} from '../../src/testing/index.js'

vi.spyOn(Holdfast.prototype, 'mutex').mockImplementation(function (this: Holdfast, name, options) {
  return this.readWrite(name, options).write()
})

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
  if (!(await findServer({ engine }))) {
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
    suite({
      flushScripts: () => admin.script('FLUSH'),
      open: async () => {
        const client = new Redis(server.url)
        return { client, close: () => client.quit() }
      },
    })
  })
}
