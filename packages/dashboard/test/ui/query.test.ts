import { expect, it } from 'vitest'
import { queryOf } from '../../ui/lib/query.js'
import { parse } from '../../ui/lib/route.js'

it.each([
  ['', 'page=overview'],
  ['#/nowhere?name=a', 'page=overview'],
  ['#/graph', 'page=graph'],
  ['#/lock?name=a%26b', 'page=lock&name=a%26b'],
  ['#/locks', 'page=locks&filter=&sort=waiting&reverse=0&offset=0&limit=50'],
  [
    '#/locks?filter=a%20b&sort=name&reverse=1',
    'page=locks&filter=a+b&sort=name&reverse=1&offset=0&limit=50',
  ],
  ['#/locks?sort=no', 'page=locks&filter=&sort=waiting&reverse=0&offset=0&limit=50'],
])('what %j asks the server for', (hash, query) => {
  expect(queryOf(parse(hash))).toBe(query)
})

it('asks for the rows of a long table that are in view', () => {
  expect(queryOf(parse('#/locks'), { first: 120, end: 210 })).toContain('offset=100&limit=150')
})
