import type { AcquireOptions, Lock } from '../../src/index.js'
import type { Outcome, SimClient, World } from '../kit/world.js'

export { world } from '../kit/subscribed.js'

/** Asks for one side of x, and gives the request the time to arrive. */
export async function ask(
  w: World,
  { locks }: SimClient,
  side: 'read' | 'write',
  options: AcquireOptions = {},
): Promise<Outcome<Lock>> {
  const outcome = w.watch(
    locks
      .readWrite('x')
      [side]()
      .acquire({ wait: Infinity, ...options }),
  )
  await w.advance(5)
  return outcome
}

/** Which of them have the lock, by their place in the list. */
export const served = (...all: readonly Outcome<Lock>[]): number[] =>
  all.flatMap(({ state, value }, i) => (state === 'done' && value.validFor > 0 ? [i] : []))

/** No writer beside anybody, as they believe it themselves. */
export function conflicts(readers: readonly Lock[], writers: readonly Lock[]): boolean {
  const live = (locks: readonly Lock[]): number =>
    locks.filter((lock) => lock.validFor > 0 && !lock.signal.aborted).length
  return live(writers) > 1 || (live(writers) === 1 && live(readers) > 0)
}
