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
