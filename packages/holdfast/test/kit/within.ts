import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The answer, if it comes in this many ms; else an error. It is a bound that catches calls that wait
 * for something else than their own time limit, not a measure of speed.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  // Whoever rejects after the race is heard by nobody else.
  promise.catch(() => {})
  const controller = new AbortController()
  const late = sleep(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    controller.abort()
  }
}
