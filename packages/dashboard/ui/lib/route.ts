import { computed, signal } from '@preact/signals-core'

export const pages = [
  { id: 'overview', key: 'o', title: 'Overview' },
  { id: 'locks', key: 'l', title: 'Locks' },
  { id: 'graph', key: 'w', title: 'Waits' },
  { id: 'processes', key: 'p', title: 'Processes' },
  { id: 'elections', key: 'e', title: 'Elections' },
  { id: 'health', key: 'h', title: 'Health' },
] as const

export type PageId = (typeof pages)[number]['id'] | 'lock'

export interface Route {
  readonly page: PageId
  readonly params: Readonly<Record<string, string>>
}

/** `#/locks?filter=a`: behind the `#`, so that the page works below any path and needs nothing of the server. */
export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s)
  const params = Object.fromEntries(new URLSearchParams(query))
  if (path === 'lock' && params['name'] !== undefined) return { page: 'lock', params }
  const page = pages.find(({ id }) => id === path)
  return { page: page?.id ?? 'overview', params: page ? params : {} }
}

export function href(page: PageId, params: Record<string, string | undefined> = {}): string {
  const said = Object.entries(params).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  )
  // A lone half of a surrogate pair cannot be in an address: it would be another name.
  const query = new URLSearchParams(said).toString()
  return `#/${page}${query === '' ? '' : `?${query}`}`
}

export const lockHref = (name: string): string => `#/lock?${new URLSearchParams({ name })}`

const hash = signal('')
export const route = computed(() => parse(hash.value))

export function go(to: string): void {
  location.hash = to
}

/** In place: a filter that is being typed should not be a dozen steps back. */
export function replace(to: string): void {
  history.replaceState(null, '', to)
  hash.value = to
}

export function startRouting(): void {
  const read = (): void => {
    hash.value = location.hash
  }
  addEventListener('hashchange', read)
  read()
}
