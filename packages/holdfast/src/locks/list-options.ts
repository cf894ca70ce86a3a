import { invalid } from '../base/errors.js'
import { known } from './options.js'

/** Options of `list` and `watch`. */
export interface ListOptions {
  /**
   * How many keys of each server may be looked through, about, whether or not they match: of `list`
   * before it ends (default Infinity), of `watch` by each look (default 10,000).
   */
  readonly budget?: number | undefined
  /**
   * Where names are looked for. `scan`: among all keys, whoever made them. `index`: in what clients with the option
   * `history` of Holdfast say that they hold or wait for, which takes no SCAN, and lacks the locks of others and
   * what has happened for less than a quarter of a second or so. Default `index` if this Holdfast has that option, else `scan`.
   */
  readonly from?: 'index' | 'scan' | undefined
}

/** How a list ended. */
export interface ListEnd {
  /** Whether all keys were looked through: false where the `budget` was used up before. */
  readonly complete: boolean
}

/** Reads the options of `list` and `watch`: the budget. @throws ERR_INVALID_ARGUMENT */
export function checkList(pattern: string, options: ListOptions, usual: number): number {
  if (typeof pattern !== 'string') throw invalid('pattern', pattern, 'a glob such as "invoice:*"')
  known('options', options, ['budget', 'from'])
  const { budget = usual, from } = options
  if (from !== undefined && from !== 'index' && from !== 'scan') {
    throw invalid('options.from', from, "'index' or 'scan'")
  }
  if (typeof budget === 'number' && budget > 0) return budget
  throw invalid('options.budget', budget, 'a number of keys above 0')
}
