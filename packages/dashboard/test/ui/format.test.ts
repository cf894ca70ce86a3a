import { describe, expect, it } from 'vitest'
import {
  age,
  clock,
  count,
  modeText,
  place,
  plural,
  round,
  shorten,
  span,
  visible,
  whoText,
} from '../../ui/lib/format.js'

describe('times', () => {
  it.each([
    [null, '–'],
    [undefined, '–'],
    [Number.NaN, '–'],
    [0, '0ms'],
    [0.42, '0.4ms'],
    [850.4, '850ms'],
    [1000, '1.0s'],
    [9949, '9.9s'],
    [9950, '10s'],
    [59_499, '59s'],
    [59_500, '1m 00s'],
    [187_000, '3m 07s'],
    [3_599_600, '1h 00m'],
    [7_500_000, '2h 05m'],
    [4 * 86_400_000 + 3 * 3_600_000, '4d 03h'],
    [-1200, '-1.2s'],
  ])('%s is %s', (ms, text) => expect(span(ms)).toBe(text))

  it('counts an age in whole seconds, and never ahead', () => {
    const said = [0, 999, 1999, 9999, 10_400, null].map(age)
    expect(said).toEqual(['0s', '0s', '1s', '9s', '10s', '–'])
  })

  it('writes bounds without what they do not have', () => {
    const said = [5, 1000, 5000, 60_000, 90_000, 3_600_000].map(round)
    expect(said).toEqual(['5ms', '1s', '5s', '1m', '1m 30s', '1h'])
  })

  it('says the day where it is another', () => {
    const at = new Date(2026, 10, 27, 3, 4, 5).getTime()
    expect(clock(at, at + 1000)).toBe('03:04:05')
    expect(clock(at, at + 86_400_000)).toBe('11-27 03:04:05')
  })
})

it('counts', () => {
  const said = [count(12_345), count(null), plural(1, 'lock'), plural(2, 'entry', 'entries')]
  expect(said).toEqual(['12,345', '–', '1 lock', '2 entries'])
})

describe('text of others', () => {
  it('is shortened in the middle, by what a reader counts', () => {
    expect(shorten('invoice:42', 10)).toBe('invoice:42')
    expect(shorten('abcdefghij', 5)).toBe('ab…ij')
    const family = '👩‍👩‍👧‍👦'
    expect(shorten(family.repeat(4), 4)).toBe(family.repeat(4))
    expect(shorten(family.repeat(9), 5)).toBe(`${family.repeat(2)}…${family.repeat(2)}`)
    expect(shorten('x'.repeat(100_000), 9)).toBe('xxxx…xxxx')
  })

  it('shows what cannot be seen, or turns the text around', () => {
    expect(visible('a\u202Egnp.exe')).toBe('a‹202E›gnp.exe')
    expect(visible('line\nbreak\u0000')).toBe('line‹A›break‹0›')
    expect(visible(' a b ')).toBe('‹20›a b‹20›')
    expect(visible('zero\u200Bwidth')).toBe('zero‹200B›width')
    expect(visible('عربي <b> 🔒')).toBe('عربي <b> 🔒')
  })

  it('keeps the joints of emoji and scripts', () => {
    expect(visible('👩‍👧')).toBe('👩‍👧')
  })
})

it('names people', () => {
  const who = { id: 'x', label: 'billing', host: 'web-1', pid: 7 }
  expect(whoText(who)).toBe('billing (web-1:7)')
  expect(whoText({ id: 'x', host: 'web-1' })).toBe('web-1')
  expect(whoText({ id: 'x' })).toBe('unknown')
  expect(whoText(null)).toBe('nobody')
  expect(place({ id: 'x', pid: 7 })).toBe('pid 7')
  const modes = [
    modeText(null),
    modeText('permits', 1),
    modeText('permits', 3),
    modeText('foreign'),
  ]
  expect(modes).toEqual(['free', '1 permit', '3 permits', 'another library'])
})
