import { milliseconds, type Duration } from '../../base/duration.js'
import { checkName } from '../../kernel/names.js'
import { known, type HoldfastOptions } from '../options.js'

/** Options of doctor. */
export interface DoctorOptions {
  /** Time limit of each command. Default: `nodeTimeout` of the Holdfast, or 500 ms. */
  readonly timeout?: Duration | undefined
  /** For how long round trips and clocks are measured. Default 1 s. Below that the clocks' rate is hard to see. */
  readonly over?: Duration | undefined
  /**
   * The name, and the beginning of one more, that it locks for a moment. Nobody else may use it. Default one
   * of its own; give one where the user's rights are for certain names only.
   */
  readonly name?: string | undefined
}

/** Reads the options of doctor. @throws ERR_INVALID_ARGUMENT */
export function checkDoctor(
  all: HoldfastOptions,
  options: DoctorOptions,
  prefix: string,
): { readonly timeout: number; readonly over: number; readonly name: string | undefined } {
  known('options', options, ['timeout', 'over', 'name'])
  const { timeout = all.nodeTimeout ?? 500, over = 1000, name } = options
  if (name !== undefined) checkName(name, prefix)
  return {
    timeout: milliseconds('options.timeout', timeout, 1),
    over: milliseconds('options.over', over, 0),
    name,
  }
}
