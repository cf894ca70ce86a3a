import type { Lock, LockOptions } from '../../src/index.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

/** `n` clients of one simulated world, each subscribed to its messages already. */
export async function world(n: number): Promise<{ w: World; clients: readonly SimClient[] }> {
  const w = new World()
  const clients = Array.from({ length: n }, () => w.client())
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

/** Waits for the mutex x, and gives the request the time to arrive. */
export async function ask(
  w: World,
  { locks }: SimClient,
  options: LockOptions = {},
): Promise<Outcome<Lock>> {
  const outcome = w.watch(locks.mutex('x', options).acquire({ wait: Infinity }))
  await w.advance(5)
  return outcome
}
