import { HoldfastError, invalid } from '../base/errors.js'
import { events } from '../base/events.js'
import { isWellFormed } from '../kernel/names.js'

/** Zero comes before every lock: the tokens of Holdfast are larger. */
export function checkFence(fence: unknown): asserts fence is number {
  if (!Number.isSafeInteger(fence) || (fence as number) < 0) {
    throw invalid(
      'fence',
      fence,
      'the `fence` of a lock: an integer from 0 to 2^53 - 1, as a number',
    )
  }
}

export function checkText(
  what: string,
  text: unknown,
  expected = 'a string without lone surrogates, such as JSON.stringify makes',
): asserts text is string {
  // It would be stored as U+FFFD where it has lone surrogates.
  if (typeof text !== 'string' || !isWellFormed(text)) throw invalid(what, text, expected)
}

/** The refusal of a token that came too late. It is told, too. */
export function fenced(resource: string, given: number, stands: number): HoldfastError {
  events.fenced({ resource, given, stands })
  return new HoldfastError(
    'ERR_FENCED',
    `${JSON.stringify(resource)}: the fencing token ${given} is refused, because ${stands} was here. ` +
      'Nothing was written. The lock of this token is over: give up what was begun under it, and start again with a new lock.',
    { given, stands },
  )
}
