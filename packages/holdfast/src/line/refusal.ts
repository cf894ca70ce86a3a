import { HoldfastError, who, type ErrorFacts } from '../base/errors.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import { contention } from '../kernel/protocol.js'
import type { Answer } from '../quorum/node.js'
import type { Wish } from './wish.js'

// How long the answer to "I leave the line" is waited for, which says who holds the name now.
const LEAVE_MS = 50

/** The error of a call that ends without a lock because others hold the name, as it was last told. */
export function refusal(
  code: 'ERR_TAKEN' | 'ERR_TIMEOUT',
  wish: { readonly name: string; readonly wait: number },
  contention: ErrorFacts,
): HoldfastError {
  const name = JSON.stringify(wish.name)
  // Nobody ever said who holds it: then it is not contention that stood in the way.
  if (contention.lock === undefined) {
    const message = `the lock ${name}: the server did not answer within ${wish.wait} ms`
    return new HoldfastError('ERR_UNAVAILABLE', message, { lock: wish.name })
  }
  const { holder, remaining } = contention
  const by = holder ? ` by ${holder.mode === 'foreign' ? 'another library' : who(holder)}` : ''
  const left = remaining === null || remaining === undefined ? '' : `, for ${remaining} ms more`
  const message =
    code === 'ERR_TAKEN'
      ? `the lock ${name} is taken${by}${left}`
      : `the lock ${name} was not free within ${wish.wait} ms: held${by}${left}`
  return new HoldfastError(code, message, contention)
}

/** The error of a call whose wait is over; its time limit does not wait for a slow server. */
export async function timeoutOf(
  runtime: Runtime,
  wish: Wish,
  leaving: Promise<Answer | null>,
  otherwise: unknown,
): Promise<unknown> {
  const answer = await inTime(runtime, leaving, LEAVE_MS, () => null)
  if (!answer) return otherwise
  // Who did not stand in line is told of the permits that end last, and not of those it waited for.
  const known = otherwise instanceof HoldfastError && otherwise.code === 'ERR_TIMEOUT'
  if (known && wish.mode === 'p' && answer.verdict[0] !== 'left') return otherwise
  return refusal('ERR_TIMEOUT', wish, contention(wish.name, answer.verdict.slice(1), answer.now))
}
