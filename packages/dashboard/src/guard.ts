import { guarded, Refused } from './answers.js'
import type { Settings, Wish } from './options.js'

/** Whose request it is, if `authorize` says so. @throws Refused; Denied with the answer that is to be given */
export async function authorized(
  { authorize }: Settings,
  request: Request,
  wish: Wish,
): Promise<string | undefined> {
  if (!authorize) return undefined
  const verdict = await authorize(request, wish)
  if (verdict instanceof Response) throw new Denied(guarded(verdict))
  if (typeof verdict === 'string' && verdict !== '') return verdict
  // Nothing but true is a yes: not an object, nor a promise that was forgotten.
  if (verdict === true) return undefined
  throw new Refused(403, 'ERR_FORBIDDEN', 'you may not do that here')
}

/** An answer of `authorize` in place of ours. */
export class Denied extends Error {
  readonly response: Response

  constructor(response: Response) {
    super('denied')
    this.response = response
  }
}

const elsewhere = (why: string): Refused => new Refused(403, 'ERR_CROSS_SITE', why)

/** What browsers send for pages of other sites is refused; what no page has sent (curl, a monitor) is not. */
export function refuseOtherSites(request: Request): void {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    throw elsewhere(`requests from other sites are refused (Sec-Fetch-Site: ${site.slice(0, 20)})`)
  }
}

/**
 * An action comes from this page: a browser says so by `Sec-Fetch-Site: same-origin`, which no script can set. One that
 * is too old for that sends `Origin`, which has to be the host that was asked. Neither: no page.
 */
export function onlyOwnPage(request: Request): void {
  const site = request.headers.get('sec-fetch-site')
  if (site === 'same-origin') return
  if (site !== null) {
    throw elsewhere(`actions are for the page itself (Sec-Fetch-Site: ${site.slice(0, 20)})`)
  }
  const origin = request.headers.get('origin')
  const host = request.headers.get('host') ?? new URL(request.url).host
  if (origin === null || !URL.canParse(origin) || new URL(origin).host !== host) {
    throw elsewhere(
      'actions are for the page itself: neither Sec-Fetch-Site nor Origin says that it is',
    )
  }
}

/** So much of a body is read: a name twice, and a reason. */
const MOST_BYTES = 16 * 1024

/** @throws Refused */
export async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Refused(415, 'ERR_INVALID_ARGUMENT', 'the body must be application/json')
  }
  const large = new Refused(
    413,
    'ERR_INVALID_ARGUMENT',
    `the body has more than ${MOST_BYTES} bytes`,
  )
  if (Number(request.headers.get('content-length') ?? 0) > MOST_BYTES) throw large
  const parts: Uint8Array[] = []
  let size = 0
  // Not `for await`: where a request was made by another library its body may not be iterable.
  const reader = request.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > MOST_BYTES) {
      await reader.cancel()
      throw large
    }
    parts.push(value)
  }
  let data: unknown
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)))
  } catch {
    throw new Refused(400, 'ERR_INVALID_ARGUMENT', 'the body is no JSON')
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) {
    return data as Record<string, unknown>
  }
  throw new Refused(400, 'ERR_INVALID_ARGUMENT', 'the body is no JSON object')
}
