import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, packed, unpacked } from '../../src/kernel/protocol.js'

test('of each item behind the first only what differs is sent', () => {
  const items = [
    ['a', 'x', '1'],
    ['b', 'x', '1'],
    ['b', 'x', '1'],
    ['c', 'x', '2'],
  ]
  expect(packed(items)).toEqual(['a', 'x', '1', 'a', 'b', '', 'ac', 'c', '2'])
  expect(packed([[], []])).toEqual([])
  expect(packed([])).toEqual([])
})

test('what is packed comes out as it was', () => {
  const field = fc.constantFrom('', 'a', 'ab', '1', '2')
  const items = fc
    .nat({ max: 14 })
    .chain((n) => fc.array(fc.array(field, { minLength: n, maxLength: n }), { minLength: 1 }))
  fc.assert(
    fc.property(items, (all) => {
      expect(unpacked(packed(all), all.length, all[0]!.length)).toEqual(all)
    }),
  )
})

test('a verdict is a list, or one text with the same values, empty ones too', () => {
  const reply = ['1000', 'run', '', ['taken', 'x'], 'released -  -1  0', 'granted 1 2']
  expect(decode(reply).items).toEqual([
    ['taken', 'x'],
    ['released', '-', '', '-1', '', '0'],
    ['granted', '1', '2'],
  ])
})
