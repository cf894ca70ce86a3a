import type { HoldfastError } from 'holdfast'
import { withoutOwners } from './people.js'
import { troubleOf, warn } from './trouble.js'

/** Of every answer. Nothing is inline, and nothing comes from elsewhere. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export function answer(
  body: ConstructorParameters<typeof Response>[0],
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...HEADERS, ...headers } })
}

/** Of answers of others, such as a log-in: it may have forms, styles and scripts, and checks where its form was sent from. */
const FOR_OTHERS: Readonly<Record<string, string>> = {
  'content-security-policy': "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** An answer of somebody else's, with what does no harm to it, where it has none of its own. */
export function guarded(response: Response): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(FOR_OTHERS)) {
    if (!headers.has(name)) headers.set(name, value)
  }
  return new Response(response.body, { status: response.status, headers })
}

export function json(
  data: object,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answer(JSON.stringify(data), status, { 'content-type': 'application/json', ...headers })
}

/** What ends a request: an answer that is no success. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export function failure(error: unknown): Response {
  if (error instanceof Refused) {
    const { status, code, message, headers } = error
    return json({ error: { code, message } }, status, headers)
  }
  const { code, message } = (error ?? {}) as Partial<HoldfastError>
  if (code === 'ERR_INVALID_ARGUMENT') {
    return json({ error: { code, message: withoutOwners(message ?? '') } }, 400)
  }
  const trouble = troubleOf(error)
  const internal = trouble.code === 'ERR_INTERNAL'
  if (internal) warn(error)
  return json({ error: trouble }, internal ? 500 : 503)
}
