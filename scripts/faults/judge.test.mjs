import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { countHits, judge } from './judge.mjs'

let folder
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'holdfast-judge-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const write = (events) =>
  writeFileSync(join(folder, 'p.jsonl'), events.map((one) => `${JSON.stringify(one)}\n`).join(''))

/** A call that is granted at once or later, believed in until then, and over before that. */
const tenure = (client, token, [invoked, granted, ended, until]) => [
  { mono: invoked, kind: 'invoke', client, call: token, op: 'acquire', name: 'a', limit: 60_000 },
  {
    mono: granted,
    kind: 'granted',
    client,
    call: token,
    name: 'a',
    mode: 'x',
    owner: `${client}.${token}`,
    token,
    until,
  },
  { mono: granted, kind: 'return', client, call: token, ok: true },
  { mono: ended, kind: 'ended', client, owner: `${client}.${token}`, how: 'released' },
]

const hitsOf = (more) => {
  const fault = { from: 5000, to: 5100, clients: null, evidence: null, ...more }
  countHits(folder, [fault])
  return fault.hits
}

test('a fault hits what is under way, and who gets the lock during it', () => {
  write(tenure('one', 1, [4990, 5050, 5060, 6000]))
  expect(hitsOf({})).toBe(2)
  expect(hitsOf({ from: 5055 })).toBe(0)
  expect(hitsOf({ from: 4000, to: 4100 })).toBe(0)
  expect(hitsOf({ clients: ['other'] })).toBe(0)
})

test('who stands in line is hit if it is the process that fails, or if the server has counted', () => {
  write(tenure('one', 1, [1000, 9000, 9010, 10_000]))
  expect(hitsOf({})).toBe(0)
  expect(hitsOf({ clients: ['one'] })).toBe(1)
  expect(hitsOf({ evidence: 3 })).toBe(1)
})

test('a process that holds a lock is hit', () => {
  write(tenure('one', 1, [1000, 1010, 9000, 9500]))
  expect(hitsOf({})).toBe(0)
  expect(hitsOf({ clients: ['one'] })).toBe(1)
})

test('what has counted nothing has hit nobody', () => {
  write(tenure('one', 1, [4990, 5050, 5060, 6000]))
  expect(hitsOf({ evidence: 0 })).toBe(0)
})

test('two at a time are a violation, unless the server forgot one of them: then they are counted', () => {
  const two = [
    ...tenure('one', 1, [1000, 1010, 3000, 3500]),
    ...tenure('other', 2, [1500, 2000, 2500, 3000]),
  ]
  write(two)
  expect(judge(folder, false)).toMatchObject({ forgiven: 0, tenures: 2 })
  expect(judge(folder, false).violations).toHaveLength(1)
  write([...two, { mono: 1700, to: 1800, kind: 'forgot', client: '', why: 'flushall' }])
  expect(judge(folder, false)).toMatchObject({ violations: [], forgiven: 1 })
})
