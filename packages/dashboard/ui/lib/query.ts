import type { PageName, Sort } from '../../src/model.js'
import type { Route } from './route.js'
import { pageFor, type Window } from './window.js'

const sorts: readonly Sort[] = ['waiting', 'held', 'left', 'name']

/** Which names the address asks for, and in which order. */
export function wanted({ filter = '', sort, reverse }: Route['params']) {
  const known = sorts.find((one) => one === sort) ?? 'waiting'
  return { filter, sort: known, reverse: reverse === '1' }
}

/** What to ask the server for, to draw a page; of the long table the rows of a window. */
export function queryOf({ page, params }: Route, window: Window = { first: 0, end: 50 }): string {
  if (page === 'lock') return query(page, { name: params['name'] ?? '' })
  if (page !== 'locks') return query(page, {})
  const { filter, sort, reverse } = wanted(params)
  const { offset, limit } = pageFor(window)
  return query(page, { filter, sort, reverse: reverse ? '1' : '0', offset, limit })
}

function query(page: PageName, params: Record<string, string | number>): string {
  const said = Object.entries(params).map(([key, value]) => [key, String(value)])
  return new URLSearchParams([['page', page], ...said]).toString()
}
