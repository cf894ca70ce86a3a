import { setTimeout as sleep } from 'node:timers/promises'
import { within } from './within.js'

/** Looks until it holds: for what happens in its own time, such as a closed connection. */
export async function until<T>(check: () => T, timeout = 10_000): Promise<Awaited<T>> {
  const end = performance.now() + timeout
  let last: unknown
  for (;;) {
    try {
      return await within(Promise.resolve(check()), Math.max(end - performance.now(), 0))
    } catch (error) {
      // A look that was cut short says nothing of what was seen.
      if (performance.now() >= end) throw last ?? error
      last = error
    }
    await sleep(5)
  }
}
