import { HoldfastError, type ErrorFacts } from '../base/errors.js'

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
  const who = holder?.mode === 'foreign' ? 'another library' : (holder?.label ?? holder?.owner)
  const by = who ? ` by ${who}` : ''
  const left = remaining === null || remaining === undefined ? '' : `, for ${remaining} ms more`
  const message =
    code === 'ERR_TAKEN'
      ? `the lock ${name} is taken${by}${left}`
      : `the lock ${name} was not free within ${wish.wait} ms: held${by}${left}`
  return new HoldfastError(code, message, contention)
}
