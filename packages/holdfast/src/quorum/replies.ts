import { HoldfastError } from '../base/errors.js'

// Refusals that no retry mends (safety.md H21). In a script, a missing right reads "can't run".
const CONFIG =
  /NOPERM|NOAUTH|WRONGPASS|CROSSSLOT|WRONGTYPE|non local key|can't run this command|can't access|No permissions|unknown command|protocol version|ballot|semaphore's limit|the (epoch|quarantine) of this node|protected mode/i

/** Whether the server refused because of a set-up that cannot work. */
export function isConfig(message: string): boolean {
  return CONFIG.test(message)
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What went wrong with a command, as one of our errors; the client's own is the cause. */
export function classify(error: unknown, kind: string, lock?: string): HoldfastError {
  if (error instanceof HoldfastError) {
    if (lock === undefined || error.lock !== undefined) return error
    // Made for a whole call, of which this name was a part.
    const { code, message, cause, nodes } = error
    return new HoldfastError(code, message + about(lock), {
      lock,
      ...(cause === undefined ? {} : { cause }),
      ...(nodes === undefined ? {} : { nodes }),
    })
  }
  const message = text(error)
  const facts = { cause: error, ...(lock === undefined ? {} : { lock }) }
  if (isConfig(message)) {
    return new HoldfastError(
      'ERR_CONFIG',
      `the server refused, and will again${about(lock)}: ${message}${hint(message)}`,
      facts,
    )
  }
  return new HoldfastError(
    'ERR_UNAVAILABLE',
    `the server could not be used through ${kind}${about(lock)}: ${message}`,
    facts,
  )
}

/** What helps whoever has to mend it. */
function hint(message: string): string {
  const versions = /protocol version (\d+) is not (\d+)/.exec(message)
  if (versions) {
    const [asked, known] = [Number(versions[1]), Number(versions[2])]
    return ` (this client is ${asked > known ? 'newer' : 'older'} than what answered it)`
  }
  // The name's own key; a side key of a wrong type is nobody's lock.
  const hash = /WRONGTYPE the key (.*) is a hash and not a string/s.exec(message)
  if (hash && !hash[1]!.includes(':hf:')) {
    return '. Redisson keeps its locks in hashes, and cannot share a key with Holdfast: see docs/interop.md'
  }
  if (message.includes("semaphore's limit")) {
    return '. All who use it at the same time give the same limit; resize() changes it for all.'
  }
  // Redis 7.0 does not say which command a script was not allowed to call.
  return /NOPERM|no permissions|can't (run|access)/i.test(message)
    ? '. A right is missing: ACL LOG on the server names it, docs/clients.md lists all.'
    : ''
}

function about(lock: string | undefined): string {
  return lock === undefined ? '' : ` (lock ${JSON.stringify(lock)})`
}
