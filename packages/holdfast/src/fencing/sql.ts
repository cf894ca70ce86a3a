import { invalid } from '../base/errors.js'
import { checkFence, checkText, fenced } from './token.js'

/** What drivers give for a statement that returns rows: the rows, or an object that has them. */
export type SqlRows = readonly unknown[] | { readonly rows: readonly unknown[] }

/**
 * Claims a resource. It has to be the **first statement of the transaction** in which you read and
 * write: whoever has an earlier token and is in its transaction is waited for, whoever comes later with
 * one is refused.
 *
 * @param query runs a statement in this transaction: `(sql, values) => client.query(sql, values)`. If it
 * gives the rows at once and no promise, so is the claim done at once, for drivers whose transactions are
 * synchronous.
 * @param resource what is claimed, in your own words
 * @param fence the `fence` of the lock
 * @throws `ERR_FENCED`: a later token was here (`stands`); roll back.
 * `ERR_INVALID_ARGUMENT`: a token that cannot be right, or a `query` that does not give the row.
 * Errors of the database pass through.
 */
export interface SqlClaim {
  (
    query: (sql: string, values: [resource: string, fence: number]) => PromiseLike<SqlRows>,
    resource: string,
    fence: number,
  ): Promise<void>
  (
    query: (sql: string, values: [resource: string, fence: number]) => SqlRows,
    resource: string,
    fence: number,
  ): void
}

/** Refuses a stale fencing token in the database's own transaction. */
export interface FencedSql {
  /** Creates the table of fences, for your migration: the highest token by resource. */
  readonly table: string
  /**
   * The claim: gives one row with the `token` that stands, which is the larger of the two. If it is not
   * the one that was given, roll back.
   */
  readonly statement: string
  /** Runs the claim, and throws if it is refused. */
  readonly claim: SqlClaim
}

const dialects = {
  postgresql: { integer: 'BIGINT', first: '$1', second: '$2', larger: 'greatest' },
  sqlite: { integer: 'INTEGER', first: '?', second: '?', larger: 'max' },
}

const QUERY =
  'a function that runs a statement in this transaction: (sql, values) => client.query(sql, values)'
const RESOURCE = 'what is claimed, in your own words: a string without lone surrogates'
const GIVEN = 'what query gives'
const ROW = 'the row of the statement with its token, as [{ token }] or { rows: [{ token }] }'

/**
 * The statements for a database, and a helper that runs them.
 *
 * @throws `ERR_INVALID_ARGUMENT` for another database.
 */
export function fencedSql(dialect: 'postgresql' | 'sqlite'): FencedSql {
  if (!Object.hasOwn(dialects, dialect)) {
    throw invalid('dialect', dialect, Object.keys(dialects).join(' or '))
  }
  const { integer, first, second, larger } = dialects[dialect]
  const table = `CREATE TABLE IF NOT EXISTS fences (resource TEXT PRIMARY KEY, token ${integer} NOT NULL)`
  // It writes even where it refuses: so it is the row's lock that makes them wait for each other.
  const statement = `INSERT INTO fences AS f (resource, token) VALUES (${first}, ${second})
ON CONFLICT (resource) DO UPDATE SET token = ${larger}(f.token, excluded.token)
RETURNING token`

  const claim = (
    query: (sql: string, values: [string, number]) => SqlRows | PromiseLike<SqlRows>,
    resource: string,
    fence: number,
  ): void | Promise<void> => {
    if (typeof query !== 'function') throw invalid('query', query, QUERY)
    checkText('resource', resource, RESOURCE)
    checkFence(fence)
    const judge = (result: SqlRows): void => {
      const stands = standing(result)
      // A claim that was not carried out must never pass for one that was.
      if (Number.isNaN(stands)) throw invalid(GIVEN, result, ROW)
      if (stands < fence) {
        const expected = `a token that is ${fence} or later, as the statement leaves it`
        throw invalid(GIVEN, stands, expected)
      }
      if (stands > fence) throw fenced(resource, fence, stands)
    }
    const result = query(statement, [resource, fence])
    if (isPromise(result)) return Promise.resolve(result).then(judge)
    return judge(result)
  }
  return { table, statement, claim: claim as SqlClaim }
}

function isPromise(result: SqlRows | PromiseLike<SqlRows>): result is PromiseLike<SqlRows> {
  return typeof (result as { then?: unknown } | null)?.then === 'function'
}

/** The token of the one row: drivers give a number, a bigint, or a string. NaN if it is not there. */
function standing(result: SqlRows): number {
  const rows = Array.isArray(result) ? result : (result as { rows?: unknown } | null)?.rows
  const row = Array.isArray(rows) ? (rows[0] as { token?: unknown } | undefined) : undefined
  return Number(row?.token ?? Number.NaN)
}
