import { World, type SimClient } from './world.js'

/** `n` clients of one simulated world, each subscribed to its messages already. */
export async function world(n: number): Promise<{ w: World; clients: readonly SimClient[] }> {
  const w = new World()
  const clients = Array.from({ length: n }, () => w.client())
  // Who has waited once is subscribed, and stands in line by the first question from then on.
  const first = await clients[0]!.locks.mutex('warm-up').acquire()
  for (const { locks } of clients) {
    const waiting = w.watch(locks.mutex('warm-up').acquire({ wait: 1 }))
    await w.advance(50)
    if (waiting.state !== 'failed') throw new Error('it was to wait')
  }
  await first.release()
  await w.advance()
  return { w, clients }
}
