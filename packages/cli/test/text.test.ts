// What others chose as names and labels must not steer a terminal, nor break a column.
import { describe, expect, test } from 'vitest'
import { linesOf } from '../src/output.js'
import { heldBy, spanOf, whoOf } from '../src/shown.js'
import { cut, jsonOf, pad, plain, shorten, widthOf } from '../src/text.js'

test.each([
  ['invoice:42', 'invoice:42'],
  ['\x1b[2J\x1b]0;title\x07', '\\x1b[2J\\x1b]0;title\\x07'],
  // CSI and OSC in one byte.
  ['\u009b31m\u009d', '\\x9b31m\\x9d'],
  ['\x7f\0\b\r\n\t', '\\x7f\\x00\\x08\\r\\n\\t'],
  ['C:\\x1b', 'C:\\\\x1b'],
  ['\u202ekcol\u2066', '\\u{202e}kcol\\u{2066}'],
  ['a\u200db\ufeff\u2028\u3164', 'a\\u{200d}b\\u{feff}\\u{2028}\\u{3164}'],
  ['a b\u00a0c\u3000d', 'a b\\xa0c\\u{3000}d'],
  ['❤\ufe0f 👍🏽 👨‍👩', '❤\\u{fe0f} 👍\\u{1f3fd} 👨\\u{200d}👩'],
  ['\ud800x', '\\u{d800}x'],
  ['\u{e0041}\ue000', '\\u{e0041}\\u{e000}'],
  ['\u0301a\u0301b', '\\u{301}a\u0301b'],
  ['z\u0300\u0301\u0302\u0303\u0304', 'z\u0300\u0301\u0302\\u{303}\\u{304}'],
  ['Zürich naïve Ω 日本 한국 नमस्ते', 'Zürich naïve Ω 日本 한국 नमस्ते'],
])('%j is shown as %j', (text, shown) => {
  expect(plain(text)).toBe(shown)
})

test('no character of Unicode gets through that a terminal obeys or hides', () => {
  // All planes in which there are letters or tags, but for the rare letters of Chinese.
  const planes = [0, 1, 0xe].flatMap((plane) =>
    Array.from({ length: 0x100 }, (_, i) => (plane << 16) | (i << 8)),
  )
  for (const from of planes) {
    const block = Array.from({ length: 0x100 }, (_, i) => String.fromCodePoint(from + i)).join('a')
    const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
    expect(obeyed.exec(plain(block)), `from U+${from.toString(16)} on`).toBeNull()
  }
})

test.each([
  ['abc', 3],
  ['日本語', 6],
  ['한국', 4],
  // The same, as parts of syllables.
  ['\u1112\u1161\u11ab', 2],
  ['ｱｲ', 2],
  ['ＡＢ', 4],
  ['e\u0301', 1],
  ['🔒', 2],
  ['⌚', 2],
  ['🇨🇭', 2],
  ['…–Ω', 3],
])('%s takes %d columns', (text, width) => {
  expect(widthOf(plain(text))).toBe(width)
})

describe('shortened in the middle', () => {
  test('to as many columns as there are, at most', () => {
    expect(shorten('abcdefghij', 10)).toBe('abcdefghij')
    expect(shorten('abcdefghij', 9)).toBe('abcd…ghij')
    expect(shorten('abcdefghij', 4)).toBe('ab…j')
    expect(shorten('日本語日本語', 8)).toBe('日本…語')
    expect(shorten(`${'n'.repeat(1000)}:42`, 20)).toBe('nnnnnnnnnn…nnnnnn:42')
  })

  test('no escape and no letter with its marks is parted', () => {
    for (let most = 1; most < 40; most++) {
      const shown = shorten('ab\x1bcd\u{202e}ef\\e\u0301e\u0301\u9999日🔒gh\n', most)
      expect(widthOf(shown)).toBeLessThanOrEqual(most)
      const [front, back] = shown.split('…')
      expect(front).toMatch(/^(?:[^\\]|\\x1b|\\u\{202e\}|\\\\|\\n)*$/)
      expect(back ?? '').toMatch(/^(?!\p{M})(?:[^\\]|\\x1b|\\u\{202e\}|\\\\|\\n)*$/u)
    }
  })

  test('what was made plain is not made so again', () => {
    expect(cut(plain('\x1b'), 10)).toBe('\\x1b')
    expect(pad(plain('日'), 4)).toBe('日  ')
    expect(pad('7', 3, true)).toBe('  7')
  })
})

test('JSON has nothing that a terminal obeys, and is what it was', () => {
  const value = { name: '\x1b[2J\u009b\x7f\u202e\u2028\u{e0041}日🔒"\\', fence: 1795723012703394 }
  const text = jsonOf(value)
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  expect(JSON.parse(text)).toEqual({ ...value, fence: '1795723012703394' })
})

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [9949, '9.9s'],
  [9950, '10s'],
  [59_400, '59s'],
  [59_600, '1m00s'],
  [3_599_999, '1h00m'],
  [86_399_999, '1d00h'],
  [100 * 86_400_000, '100d00h'],
  [null, '-'],
])('%s ms are %s', (ms, text) => {
  expect(spanOf(ms)).toBe(text)
})

test('who that is: never its owner id, and no longer than a line', () => {
  expect(whoOf({ label: 'w', host: 'h', pid: 7 })).toBe('w (h:7)')
  expect(whoOf({ host: 'h', pid: 7 })).toBe('h:7')
  expect(whoOf({ label: 'w' })).toBe('w')
  expect(whoOf({})).toBe('(unknown)')
  expect(whoOf({ mode: 'foreign' })).toBe('(another library)')
  expect(whoOf({ label: '\x1bc', host: '\r', pid: 1 })).toBe('\\x1bc (\\r:1)')
  expect(widthOf(whoOf({ label: 'x'.repeat(256), host: 'y'.repeat(300), pid: 1 }))).toBeLessThan(90)
  const holder = {
    mode: 'shared',
    owner: 'o',
    label: 'w',
    heldFor: 1,
    remaining: 1,
    fence: 1,
  } as const
  const state = { name: 'x', waiters: [], waiterCount: 0, fence: 1, permits: null }
  expect(heldBy({ ...state, holders: [holder], holderCount: 3 })).toBe('w +2')
  expect(heldBy({ ...state, holders: [], holderCount: 0 })).toBe('-')
})

describe('a table', () => {
  const columns = [
    { head: 'NAME', of: (row: string[]) => row[0], flexible: true },
    { head: 'BY', of: (row: string[]) => row[1], flexible: true },
    { head: 'N', of: (row: string[]) => row[2], right: true },
  ]
  const lines = (room: number, ...rows: string[][]): string[] =>
    linesOf(rows, columns, room, (_, text) => text)

  test('keeps its columns with wide letters, emoji and escapes', () => {
    const rows = [
      ['日本', 'a', '1'],
      ['🔒', '\x1b[2J', '22'],
      ['é', 'b', '333'],
    ]
    const [head, ...shown] = lines(Infinity, ...rows)
    expect([head, ...shown]).toEqual([
      'NAME  BY         N',
      '日本  a          1',
      '🔒    \\x1b[2J   22',
      'é     b        333',
    ])
  })

  test('shortens the widest where the line is too long, and not in a pipe', () => {
    const name = 'n'.repeat(1024)
    for (const line of lines(50, [name, 'somebody who is long', '1'])) {
      expect(widthOf(line)).toBeLessThanOrEqual(50)
    }
    expect(lines(50, [name, 'short', '1'])[1]).toMatch(/^n+…n+ {2}short {2}1$/)
    expect(lines(Infinity, [name, 'short', '1'])[1]).toBe(`${name}  short  1`)
    // Narrower than it can be.
    expect(lines(5, [name, 'x'.repeat(30), '1'])[1]).toMatch(/^n{6}…n{5} {2}x{6}…x{5} {2}1$/)
  })
})
