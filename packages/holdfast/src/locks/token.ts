import { invalid } from '../base/errors.js'
import { insteadOf, isOwnerId } from '../kernel/names.js'
import type { Mode } from '../kernel/protocol.js'

/** Of this form; another form will have another one. */
const VERSION = 'hf1_'

/** A tenure that was handed over, as the token names it. */
export interface HandedOver {
  readonly prefix: string
  readonly name: string
  readonly mode: Mode
  readonly owner: string
}

/** A string for URLs, headers and messages. It is no secret, and worth what a right to the server is. */
export function encodeToken({ prefix, name, mode, owner }: HandedOver): string {
  const text = JSON.stringify([prefix, name, mode, owner])
  return VERSION + Buffer.from(text).toString('base64url')
}

/** @throws ERR_INVALID_ARGUMENT for what `handOver` did not give, or one of another prefix or release. */
export function decodeToken(token: unknown, ours: string): HandedOver {
  const bad = (expected: string): Error => invalid('token', token, expected)
  const [, version, body = ''] =
    /^(hf\d+_)([\w-]+)$/.exec(typeof token === 'string' ? token : '') ?? []
  if (version === undefined) throw bad('a string that handOver() of a lock gave')
  if (version !== VERSION) throw bad(`one that this release knows, which begins with ${VERSION}`)
  const [prefix, name, mode, owner] = listIn(body)
  if (typeof prefix === 'string' && prefix !== ours) {
    throw bad(
      `one of a lock with the prefix ${JSON.stringify(ours)}, not ${JSON.stringify(prefix)}`,
    )
  }
  const known = mode === 'x' || mode === 's' || mode === 'p'
  const complete = insteadOf(name, ours) === null && isOwnerId(owner)
  if (!known || !complete || prefix === undefined) throw bad('all of a string that handOver() gave')
  return { prefix: ours, name: String(name), mode, owner }
}

function listIn(body: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(Buffer.from(body, 'base64url').toString())
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}
