import type { Runtime } from './runtime.js'

/**
 * A promise with a time limit: when it passes first, `late` says what comes of it (a value, or the
 * error that it throws). The timer keeps the process alive, and goes with the promise.
 */
export function inTime<T>(
  runtime: Runtime,
  promise: Promise<T>,
  ms: number,
  late: () => T,
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
      true,
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
