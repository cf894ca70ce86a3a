// Acquire and release, again and again, on one name or on many of which nobody else wants any.
import { now } from '../lib/clock.mjs'
import { ascending, quantile } from '../lib/stats.mjs'

const most = 1_000_000

/**
 * @param {{ prefix: string, loops: number, ms: number }} args each loop has a name of its own
 */
export async function cycles(open, { prefix, loops, ms }) {
  const times = new Float64Array(most)
  let count = 0
  let failures = 0
  let firstError = null
  const start = now()
  const until = start + ms
  const loop = async (lock) => {
    for (let begun = now(); begun < until;) {
      try {
        await lock.release(await lock.acquire())
      } catch (error) {
        failures++
        firstError ??= String(error?.message ?? error)
        // A subject that fails at once must not spin without a turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve))
      }
      const ended = now()
      if (count < most) times[count] = ended - begun
      count++
      begun = ended
    }
  }
  await Promise.all(Array.from({ length: loops }, (_, i) => loop(open.lock(`${prefix}:${i}`))))
  const ms1 = now() - start
  const sorted = ascending(times.subarray(0, Math.min(count, most)))
  return {
    count: count - failures,
    perSecond: ((count - failures) / ms1) * 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    failures,
    firstError,
  }
}
