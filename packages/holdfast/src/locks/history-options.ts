import { milliseconds, type Duration } from '../base/duration.js'
import { invalid } from '../base/errors.js'
import { historyKey, prefixKeys } from '../kernel/history.js'
import { known } from './options.js'
import type { HistoryStream } from './outbox.js'

const ENTRIES = 10_000
const MOST_ENTRIES = 1_000_000
const KEEP = '24h'

/** How much of a history the server keeps. */
export interface HistoryOptions {
  /** How many entries, the latest. 1 to 1,000,000; default 10,000. */
  readonly entries?: number | undefined
  /** For how long after the last of them. At least 1 s; default 24 h. */
  readonly keep?: Duration | undefined
}

/** The option `history`: true for its defaults. */
export type HistoryOption = boolean | HistoryOptions

/** Of a lock of one name. */
export interface Recorded {
  /**
   * A history of its own, beside that of the prefix (see `HoldfastOptions.history`), with what is done by this
   * lock. All processes should ask for it alike. Default false. `history(name)` reads it.
   */
  readonly history?: HistoryOption | undefined
}

/** Reads the option; null: no history. @throws ERR_INVALID_ARGUMENT */
function checkHistory(given: unknown): Omit<HistoryStream, 'key'> | null {
  if (given === undefined || given === false) return null
  const what = 'options.history'
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw invalid(what, given, 'true, false, or an object of options (entries, keep)')
  }
  const options: HistoryOptions = given === true ? {} : given
  known(what, options, ['entries', 'keep'])
  const { entries = ENTRIES, keep = KEEP } = options
  if (!(Number.isInteger(entries) && entries >= 1 && entries <= MOST_ENTRIES)) {
    throw invalid(`${what}.entries`, entries, `a whole number from 1 to ${MOST_ENTRIES}`)
  }
  return { entries, keep: milliseconds(`${what}.keep`, keep, 1000) }
}

/** Where the history of a prefix goes; null: it keeps none. @throws ERR_INVALID_ARGUMENT */
export function prefixHistory(
  given: HistoryOption | undefined,
  prefix: string,
): (HistoryStream & { readonly index: string }) | null {
  const kept = checkHistory(given)
  const { stream, index } = prefixKeys(prefix)
  return kept && { ...kept, key: stream, index }
}

/** Where that of a name goes; null: it has none of its own. @throws ERR_INVALID_ARGUMENT */
export function ownHistory(
  given: HistoryOption | undefined,
  name: string,
  prefix: string,
): HistoryStream | null {
  const kept = checkHistory(given)
  return kept && { ...kept, key: historyKey(name, prefix) }
}
