// What top shows, and what its keys do, without a terminal.
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { LockState } from 'holdfast'
import { frame, type Seen, type View } from '../src/top/frame.js'
import { press } from '../src/top/keys.js'
import { pad, widthOf } from '../src/text.js'

const SECOND = 1000

function state(
  name: string,
  held: number,
  left: number,
  waited: readonly number[] = [],
): LockState {
  const who = { label: `of ${name}`, host: 'h', pid: 7 }
  return {
    name,
    holders: [
      { ...who, mode: 'exclusive', owner: 'secret.1', heldFor: held, remaining: left, fence: 1 },
    ],
    holderCount: 1,
    waiters: waited.map((waitedFor, i) => ({ mode: 'exclusive', owner: `secret.${i}`, waitedFor })),
    waiterCount: waited.length,
    fence: 1,
    permits: null,
  }
}

const STATES = [
  state('a', 60 * SECOND, 9 * SECOND),
  state('b', 5 * SECOND, 2 * SECOND, [3 * SECOND]),
  state('c', 90 * SECOND, 8 * SECOND, [9 * SECOND]),
  state('d', 1 * SECOND, 7 * SECOND, [2 * SECOND, 1 * SECOND]),
]

const fresh = (): View => ({ sort: 'waiting', reverse: false, filter: '', typing: false, above: 0 })

function seenOf(states: readonly LockState[], complete = true): Seen {
  const look = { states, changes: [], complete }
  return { look, trouble: null, where: 'redis://h:1  lock:*', at: new Date() }
}

const ESC = String.fromCharCode(27)

/** As it stands on the screen: each cell at its own column. */
function onScreen(line: string): string {
  const [first = '', ...cells] = line.split(new RegExp(`${ESC}\\[(\\d+)G`))
  let text = stripVTControlCharacters(first)
  for (let i = 0; i < cells.length; i += 2) {
    text = pad(text, Number(cells[i]) - 1) + stripVTControlCharacters(cells[i + 1]!)
  }
  return text
}

const screen = (states: readonly LockState[], view = fresh(), columns = 100, rows = 24): string[] =>
  frame(seenOf(states), view, columns, rows).map(onScreen)
const names = (view: View): string[] =>
  screen(STATES, view)
    .slice(4)
    .map((line) => line[0]!)
const keys = (view: View, ...all: string[]): unknown[] =>
  all.map((name) =>
    press(view, { name, sequence: name, ctrl: false, meta: false, shift: false }, 24),
  )

test('counts, and a row for each name with all that is to be known of it', () => {
  const [title, counts, help, head, first] = screen(STATES)
  expect(title).toMatch(/^holdfast top {2}\d\d:\d\d:\d\d {2}redis:\/\/h:1 {2}lock:\*$/)
  expect(counts).toBe('4 held, 4 waiting for 3 of them')
  expect(help).toMatch(/^by waiting .*\[q\]uit$/)
  const parts = (line = ''): string[] => line.split(/ {2,}/)
  expect(parts(head)).toEqual(['NAME', 'HELD BY', 'MODE', 'SINCE', 'LEFT', 'WAITING', 'LONGEST'])
  expect(parts(first)).toEqual(['d', 'of d (h:7)', 'exclusive', '1.0s', '7.0s', '2', '2.0s'])
  expect(screen(STATES).join()).not.toContain('secret')
})

test('s takes the next order, r turns it around', () => {
  const view = fresh()
  const orders = ['waiting', 'held', 'left', 'name', 'waiting'].map((sort) => {
    expect(view.sort).toBe(sort)
    const now = names(view).join('')
    keys(view, 's')
    return now
  })
  // Of those with as many who wait, the one where somebody has waited longer.
  expect(orders).toEqual(['dcba', 'cabd', 'bdca', 'abcd', 'dcba'])
  keys(view, 'r')
  expect(names(view).join('')).toBe(
    names({ ...view, reverse: false })
      .toReversed()
      .join(''),
  )
})

test('/ filters by name and holder while one types; Enter keeps it, Esc ends it', () => {
  const view = fresh()
  keys(view, '/', 'O', 'f', ' ', 'c')
  expect(names(view)).toEqual(['c'])
  expect(screen(STATES, view)[2]).toContain('/Of c_')
  keys(view, 'backspace', 'backspace')
  expect(names(view)).toHaveLength(4)
  // No keys of the program now.
  keys(view, 'q', 's')
  expect([view.filter, view.sort]).toEqual(['Ofqs', 'waiting'])
  expect(screen(STATES, view)[1]).toContain('4 held')
  keys(view, 'return')
  expect(keys(view, 's', 'q')).toEqual([null, 'quit'])
  expect(view.filter).toBe('Ofqs')
  keys(view, 'escape')
  expect(view.filter).toBe('')
  keys(view, '/', 'x', 'escape')
  expect([view.filter, view.typing]).toEqual(['', false])
  // What no key of a keyboard is.
  press(view, { name: '/', sequence: '/', ctrl: false, meta: false, shift: false }, 24)
  for (const sequence of ['\x1b[A', '\x07', '\u202e', '\x1b']) {
    press(view, { name: 'x', sequence, ctrl: false, meta: false, shift: false }, 24)
  }
  expect(view.filter).toBe('')
})

test('Ctrl-C ends it wherever one is, Ctrl-Z lets the shell have the terminal', () => {
  for (const typing of [false, true]) {
    const view = { ...fresh(), typing }
    const ctrl = (name: string): unknown =>
      press(view, { name, ctrl: true, meta: false, shift: false }, 24)
    expect([ctrl('c'), ctrl('z'), ctrl('s')]).toEqual(['quit', 'suspend', null])
  }
})

test('it scrolls, not further than there are rows', () => {
  const states = Array.from({ length: 30 }, (_, i) => state(`n${String(i).padStart(2, '0')}`, 1, 1))
  const view: View = { ...fresh(), sort: 'name' }
  const first = (): string => screen(states, view, 80, 14)[4]!.slice(0, 3)
  expect(screen(states, view, 80, 14)).toHaveLength(14)
  expect(first()).toBe('n00')
  const steps: [string, string][] = [
    ['down', 'n01'],
    ['j', 'n02'],
    ['up', 'n01'],
    ['end', 'n20'],
    ['down', 'n20'],
    ['pageup', 'n01'],
    ['home', 'n00'],
    ['k', 'n00'],
  ]
  for (const [key, now] of steps) {
    press(view, { name: key, sequence: key, ctrl: false, meta: false, shift: false }, 24)
    expect([key, first()]).toEqual([key, now])
  }
})

test('no size of a terminal is too small, and no line or screen too large for it', () => {
  const states = [
    ...STATES,
    state(`${'n'.repeat(1000)}\x1b[2J`, 1, 1),
    state('日本語🔒'.repeat(20), 1, 1),
  ]
  for (const columns of [1, 10, 40, 80, 200]) {
    for (const rows of [1, 3, 4, 5, 24]) {
      const lines = frame(seenOf(states), fresh(), columns, rows)
      expect(lines.length).toBeLessThanOrEqual(rows)
      // Controls of our own alone.
      const own = new RegExp(`${ESC}\\[\\d*[mGK]`, 'g')
      for (const line of lines) expect(line.replace(own, '')).not.toMatch(/\p{C}/u)
    }
  }
  for (const line of screen(states, fresh(), 80)) {
    expect(widthOf(line)).toBeLessThanOrEqual(80)
  }
})

test('what is not known yet, and what has gone wrong', () => {
  const nothing = { ...seenOf([]), look: null }
  expect(frame(nothing, fresh(), 80, 24).map(onScreen)[1]).toBe('looking')
  const more = frame(seenOf(STATES, false), fresh(), 80, 24).map(onScreen)
  expect(more[1]).toContain('still looking for more')
  const trouble = { ...seenOf(STATES), trouble: 'away\x1b[2J' }
  const lines = frame(trouble, fresh(), 80, 24).map(onScreen)
  expect([lines[2], lines.length]).toEqual(['away\\x1b[2J', 8])
})
