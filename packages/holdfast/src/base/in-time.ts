import type { Runtime } from './runtime.js'

/**
 * A promise with a time limit: when it passes first, `late` says what comes of it (a value, or the
 * error that it throws). The timer goes with the promise, and keeps the process alive unless nobody
 * waits for it.
 */
export function inTime<T>(
  runtime: Runtime,
  promise: Promise<T>,
  ms: number,
  late: () => T,
  keepAlive = true,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(
      () => {
        try {
          resolve(late())
        } catch (error) {
          reject(error as Error)
        }
      },
      ms,
      keepAlive,
    )
    promise.then(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error as Error)
      },
    )
  })
}
