import { constants } from 'node:os'
import { Silent } from './exit.js'

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What a process exits with that a signal has ended. */
export const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/**
 * Somebody asks this process to end: `signal` aborts, with an end of that code as its reason.
 *
 * @param more signals that mean the same
 */
export function interruptible(more: readonly NodeJS.Signals[] = []): {
  readonly signal: AbortSignal
  stop(): void
} {
  const names = [...ENDING, ...more]
  const controller = new AbortController()
  const end = (signal: NodeJS.Signals): void => controller.abort(new Silent(codeOf(signal)))
  for (const name of names) process.on(name, end)
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of names) process.off(name, end)
    },
  }
}

/** What comes of the work; or the signal's reason, as soon as it aborts. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let end: () => void = () => undefined
  const over = new Promise<never>((_, reject) => {
    end = () => reject(signal.reason as Error)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
  try {
    return await Promise.race([over, work])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
