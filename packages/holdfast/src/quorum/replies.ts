import { HoldfastError } from '../base/errors.js'

// Refusals that no retry mends (safety.md H21). In a script, a missing right reads "can't run".
const CONFIG =
  /NOPERM|NOAUTH|WRONGPASS|CROSSSLOT|WRONGTYPE|non local key|can't run this command|can't access|No permissions|unknown command|protocol version|ballot/i

/** Whether the server refused because of a set-up that cannot work. */
export function isConfig(message: string): boolean {
  return CONFIG.test(message)
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What went wrong with a command, as one of our errors; the client's own is the cause. */
export function classify(error: unknown, kind: string, lock?: string): HoldfastError {
  if (error instanceof HoldfastError) return error
  const message = text(error)
  const facts = { cause: error, ...(lock === undefined ? {} : { lock }) }
  if (isConfig(message)) {
    return new HoldfastError(
      'ERR_CONFIG',
      `the server refused, and will again${about(lock)}: ${message}`,
      facts,
    )
  }
  return new HoldfastError(
    'ERR_UNAVAILABLE',
    `the server could not be used through ${kind}${about(lock)}: ${message}`,
    facts,
  )
}

function about(lock: string | undefined): string {
  return lock === undefined ? '' : ` (lock ${JSON.stringify(lock)})`
}
