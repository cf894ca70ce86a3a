import { invalid } from './options.js'
import type { PageName, Sort } from './model.js'
import type { Wanted } from './known.js'

/** What a viewer looks at. */
export type View =
  | ({ readonly page: 'locks' } & Wanted)
  | { readonly page: 'lock'; readonly name: string }
  | { readonly page: Exclude<PageName, 'locks' | 'lock'> }

const PAGES: readonly string[] = [
  'overview',
  'locks',
  'lock',
  'graph',
  'processes',
  'elections',
  'health',
] satisfies PageName[]
const SORTS: readonly string[] = ['waiting', 'held', 'left', 'name'] satisfies Sort[]
const LIMIT = 100
const MOST_ROWS = 500
/** As of names in the kernel. */
const MOST_BYTES = 1024

export function isPage(text: string): text is PageName {
  return PAGES.includes(text)
}

/** Reads the parameters of a page. @throws ERR_INVALID_ARGUMENT */
export function viewOf(page: PageName, params: URLSearchParams): View {
  switch (page) {
    case 'lock':
      return { page, name: nameOf('name', params.get('name')) }
    case 'locks': {
      const sort = params.get('sort') ?? 'waiting'
      if (!SORTS.includes(sort)) throw invalid('sort', sort, SORTS.join(', '))
      const reverse = params.get('reverse') ?? '0'
      if (reverse !== '0' && reverse !== '1') throw invalid('reverse', reverse, '0 or 1')
      return {
        page,
        filter: textOf('filter', params.get('filter')),
        sort: sort as Sort,
        reverse: reverse === '1',
        offset: whole('offset', params.get('offset'), 0, 0, 1e9),
        limit: whole('limit', params.get('limit'), LIMIT, 1, MOST_ROWS),
      }
    }
    case 'overview':
    case 'graph':
    case 'processes':
    case 'elections':
    case 'health':
      return { page }
  }
}

/** @throws ERR_INVALID_ARGUMENT */
export function textOf(what: string, given: string | null): string {
  const text = given ?? ''
  if (text.length <= MOST_BYTES) return text
  throw invalid(what, text.slice(0, 20), `at most ${MOST_BYTES} characters`)
}

/** @throws ERR_INVALID_ARGUMENT */
export function nameOf(what: string, given: unknown): string {
  const fits = typeof given === 'string' && given !== '' && Buffer.byteLength(given) <= MOST_BYTES
  if (fits) return given
  throw invalid(what, given, `the name of a lock, of 1 to ${MOST_BYTES} bytes`)
}

function whole(
  what: string,
  given: string | null,
  usual: number,
  least: number,
  most: number,
): number {
  if (given === null) return usual
  const number = Number(given)
  if (/^\d{1,10}$/.test(given) && number >= least && number <= most) return number
  throw invalid(what, given, `a whole number from ${least} to ${most}`)
}
