/** A subscriber connection that its client does not open again must not cost anybody the pushes. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast, type Lock } from '../../src/index.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'

let server: RunningServer
let admin: Redis

beforeAll(async () => {
  server = await startServer()
  admin = new Redis(server.url)
})

afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('a subscription that ended for good is opened again, for whoever waits and for the next', async () => {
  const clients = [0, 1].map(() => new Redis(server.url, { retryStrategy: () => null }))
  const [a, b] = clients.map((client) => new Holdfast(client)) as [Holdfast, Holdfast]
  const handOver = async (during: () => Promise<unknown>): Promise<Lock> => {
    // A minute's lease: only a message brings the next holder in within this test.
    const held = await a.mutex('x', { ttl: '60s' }).acquire()
    const wait = b.mutex('x').acquire({ wait: '60s' })
    await until(async () => (await a.inspect('x')).waiterCount === 1)
    await during()
    await held.release()
    return wait
  }
  await (await handOver(() => Promise.resolve())).release()

  const lost = (): Promise<unknown> => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  const channels = async (): Promise<number> =>
    ((await admin.pubsub('CHANNELS', 'lock:client:*')) as string[]).length
  // While nobody waits: the next one to wait opens it.
  await lost()
  await (await handOver(() => Promise.resolve())).release()
  // While somebody waits: that one does.
  const lock = await handOver(async () => {
    await lost()
    await until(async () => (await channels()) === 1)
  })
  expect(lock.signal.aborted).toBe(false)
  await lock.release()

  await Promise.all([a.close(), b.close()])
  for (const client of clients) client.disconnect()
})
