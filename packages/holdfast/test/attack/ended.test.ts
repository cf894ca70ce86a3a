import { expect, test, vi } from 'vitest'
import { Holdfast, type Port } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'

test('a subscription that ends in the moment in which it is confirmed is not taken for a live one', async () => {
  const server = new MemoryServer()
  const port = memoryPort(server)
  const subscribe = vi.fn<Port['subscribe']>(port.subscribe.bind(port))
  subscribe.mockImplementationOnce(async (channel, events) => {
    const subscription = await port.subscribe(channel, events)
    await subscription.close()
    // Runs before whoever waits for the subscription.
    queueMicrotask(() => events.onEnd?.())
    return subscription
  })
  const locks = new Holdfast({ ...port, subscribe }, { checkEviction: false })
  const other = new Holdfast(memoryPort(server), { checkEviction: false })
  const held = await other.mutex('a', { ttl: '60s' }).acquire()
  const wait = locks.mutex('a').acquire()
  await vi.waitFor(async () => expect((await other.inspect('a')).waiterCount).toBe(1))
  expect(subscribe).toHaveBeenCalledTimes(2)
  await held.release()
  await (await wait).release()
  await Promise.all([locks.close(), other.close()])
})
