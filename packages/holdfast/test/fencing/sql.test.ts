// The claim in SQL on a real SQLite, in transactions of two connections.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sqlite from 'node-sqlite3-wasm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fencedSql, type SqlRows } from '../../src/fencing/index.js'
import { refusal } from '../real/kit.js'

const { claim, table } = fencedSql('sqlite')

let folder: string
let open: { close(): void }[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'))
  open = []
  const { db } = connect()
  db.exec(table)
  db.exec(table)
  db.exec('CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)')
  db.exec('INSERT INTO accounts VALUES (1, 100)')
})
afterEach(() => {
  for (const db of open) db.close()
  rmSync(folder, { recursive: true })
})

interface Session {
  readonly db: InstanceType<typeof sqlite.Database>
  readonly begin: (fence: number) => void
  readonly read: () => number
  readonly write: (balance: number) => void
}

/** A connection, and the steps of a transaction on it. */
function connect(): Session {
  const db = new sqlite.Database(join(folder, 'test.db'))
  open.push(db)
  const query = (sql: string, values: [string, number]): SqlRows => db.all(sql, values)
  return {
    db,
    begin: (fence) => {
      db.exec('BEGIN')
      try {
        claim(query, 'account:1', fence)
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
    read: () => Number(db.get('SELECT balance FROM accounts WHERE id = 1')!['balance']),
    write: (balance) => void db.run('UPDATE accounts SET balance = ?', [balance]),
  }
}

const fencedBy = (given: number, stands: number): unknown =>
  expect.objectContaining({ code: 'ERR_FENCED', given, stands })

test('a stale token is refused; the same one and a later one may come', () => {
  const { db, begin } = connect()
  // As large as real ones are.
  const fence = 1_764_186_000_000_000
  for (const one of [fence, fence, fence + 1]) {
    begin(one)
    db.exec('COMMIT')
  }
  expect(() => begin(fence)).toThrow(fencedBy(fence, fence + 1) as Error)
  expect(db.all('SELECT * FROM fences')).toEqual([{ resource: 'account:1', token: fence + 1 }])
})

test('resources do not touch each other', () => {
  const { db } = connect()
  const query = (sql: string, values: [string, number]): SqlRows => db.all(sql, values)
  claim(query, 'a', 34)
  claim(query, 'b', 33)
  expect(() => claim(query, 'a', 33)).toThrow(fencedBy(33, 34) as Error)
})

test('a zombie that is inside of its transaction is waited for, and its update seen', () => {
  const [a, b] = [connect(), connect()]
  a.begin(33)
  const seen = a.read()
  // A driver waits for as long as its busy time-out, which is 0 here.
  expect(() => b.begin(34)).toThrow(/locked/)
  a.write(seen + 50)
  a.db.exec('COMMIT')
  b.begin(34)
  b.write(b.read() + 10)
  b.db.exec('COMMIT')
  expect(b.read()).toBe(160)
})

test('a zombie that comes after the claim is refused, though nothing was written yet', () => {
  const [a, b] = [connect(), connect()]
  // It read without a claim, before its pause.
  const seen = a.read()
  b.begin(34)
  b.db.exec('COMMIT')
  expect(() => {
    a.begin(33)
    a.write(seen + 50)
  }).toThrow(fencedBy(33, 34) as Error)
  b.begin(34)
  b.write(b.read() + 10)
  b.db.exec('COMMIT')
  expect(a.read()).toBe(110)
})

test('a claim that is rolled back does not stand', () => {
  const { db, begin } = connect()
  begin(34)
  db.exec('ROLLBACK')
  begin(33)
  db.exec('COMMIT')
})

test('a query that gives a promise is awaited; its error passes through', async () => {
  const { db } = connect()
  const later = async (sql: string, values: [string, number]): Promise<SqlRows> => ({
    rows: db.all(sql, values) as unknown[],
  })
  await claim(later, 'a', 34)
  expect(await refusal(claim(later, 'a', 33))).toEqual(fencedBy(33, 34))
  const broken = new Error('the connection broke')
  expect(await refusal(claim(() => Promise.reject(broken), 'a', 34))).toBe(broken)
})

test('tokens as drivers give them', () => {
  for (const token of [34, 34n, '34']) {
    claim(() => [{ token }], 'a', 34)
    expect(() => claim(() => [{ token }], 'a', 33)).toThrow(fencedBy(33, 34) as Error)
  }
})

test.each([
  [undefined],
  [null],
  [1],
  [[]],
  [{ rows: [] }],
  [{ changes: 1 }],
  [[{}]],
  [[{ token: null }]],
  [[[34]]],
  [[{ token: 33 }]],
])('what gives %j instead of the row has claimed nothing', async (result) => {
  const wrong = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error
  expect(() => claim(() => result as never, 'a', 34)).toThrow(wrong)
  expect(await refusal(claim(async () => result as never, 'a', 34))).toEqual(wrong)
})

const ROW =
  'what query gives: expected the row of the statement with its token, as [{ token }] or { rows: [{ token }] }, but got'

test.each([
  // Rows and fields, as of mysql2.
  [[[{ token: 34 }], []], `${ROW} an array of 2`],
  [[34], `${ROW} an array of 1`],
  [{ changes: 1 }, `${ROW} an object (Object)`],
  [undefined, `${ROW} undefined`],
  [
    [{ token: 33 }],
    'what query gives: expected a token that is 34 or later, as the statement leaves it, but got 33',
  ],
])('what gives %j is told what is expected', (result, message) => {
  const wrong = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message }) as Error
  expect(() => claim(() => result as never, 'a', 34)).toThrow(wrong)
})

test.each([
  [[undefined, 'a', 34], /^query: expected a function that runs .*client\.query.*but got undefin/],
  [[{}, 'a', 34], /^query: expected a function .*but got an object \(Object\)$/],
  [
    [() => [], undefined, 34],
    /^resource: expected what is claimed, in your own words.*but got und/,
  ],
  [[() => [], 'a'], /^fence: expected the `fence` of a lock.*but got undefined$/],
])('an argument that lacks is named: %#', (given, message) => {
  const wrong = expect.objectContaining({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(message) as string,
  }) as Error
  expect(() => claim(...(given as unknown as Parameters<typeof claim>))).toThrow(wrong)
})

test.each([-1, 1.5, 2 ** 53, '34', undefined])('a token that is %j is not sent', (fence) => {
  const sent: unknown[] = []
  const query = (sql: string): SqlRows => [sent.push(sql)]
  const wrong = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', given: fence }) as Error
  expect(() => claim(query, 'a', fence as number)).toThrow(wrong)
  expect(() => claim(query, 7 as never, 34)).toThrow(/resource/)
  expect(sent).toEqual([])
})

test('another database', () => {
  expect(() => fencedSql('oracle' as never)).toThrow(/postgresql or sqlite/)
  expect(() => fencedSql('toString' as never)).toThrow(/postgresql or sqlite/)
})
