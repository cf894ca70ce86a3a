import type { Lock, LockOptions } from '../../src/index.js'
import type { Outcome, SimClient, World } from '../kit/world.js'

export { world } from '../kit/subscribed.js'

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
