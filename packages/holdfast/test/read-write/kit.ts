import type { AcquireOptions, Lock } from '../../src/index.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

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
