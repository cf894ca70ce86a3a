// S10: side keys collide with no name, and live in the slot of theirs.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { ManualClock } from '../../src/testing/manual-clock.js'

/** The Cluster specification's slot, written anew: CRC16 (XMODEM) by polynomial division. */
function slot(key: string): number {
  const bytes = Buffer.from(key)
  const open = bytes.indexOf('{')
  const close = open < 0 ? -1 : bytes.indexOf('}', open + 1)
  const part = close > open + 1 ? bytes.subarray(open + 1, close) : bytes
  let remainder = 0n
  for (const byte of part) remainder = (remainder << 8n) | BigInt(byte)
  remainder <<= 16n
  for (let bit = BigInt(part.length * 8 + 15); bit >= 16n; bit--) {
    if ((remainder >> bit) & 1n) remainder ^= 0x11021n << (bit - 16n)
  }
  return Number(remainder & 0x3fffn)
}

const parts = [
  '',
  'a',
  '{',
  '}',
  '{}',
  '{a}',
  'x}y',
  '{a',
  'a}',
  '{{a}}',
  'ü€',
  ':hf:',
  ' ',
  '{}x{b}',
]
const prefixes = ['lock:', '', '{p}', '}']
const names = [...parts.slice(1), ...parts.slice(1).flatMap((part) => [`a${part}b`, `${part}{c}`])]

test('S10: the known slots of the specification', () => {
  expect(slot('123456789')).toBe(0x31c3)
  expect(slot('{user1000}.following')).toBe(slot('user1000'))
  expect(slot('foo{}{bar}')).toBe(slot('foo{}{bar}'))
})

test('S10: all five keys of a name are in one slot, whatever braces it has', () => {
  for (const prefix of prefixes) {
    for (const name of names) {
      const [k, ...side] = keysOf(name, prefix)
      expect({ k, slots: side.map(slot) }).toEqual({ k, slots: side.map(() => slot(k)) })
    }
  }
})

test('S10: no two names share a key', () => {
  for (const prefix of prefixes) {
    const keys = new Map<string, string>()
    for (const name of new Set(names)) {
      for (const key of keysOf(name, prefix)) {
        expect([key, keys.get(key) ?? name]).toEqual([key, name])
        keys.set(key, name)
      }
    }
  }
})

test('S10: a name whose key looks like a side key is refused at the call', () => {
  const locks = Holdfast.inMemory({ clock: new ManualClock(), prefix: '' })
  const [, ...side] = keysOf('t', '')
  for (const name of [...side, '{}:hf:fence:x', '{any}:hf:']) {
    expect(() => locks.mutex(name)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', given: name }),
    )
  }
  const prefixed = Holdfast.inMemory({ clock: new ManualClock(), prefix: '{t}:' })
  expect(() => prefixed.mutex('hf:fence:t')).toThrow('side keys')
})

test('S10: a mutex named like the fence of another leaves its tokens alone', async () => {
  const locks = Holdfast.inMemory({ clock: new ManualClock() })
  const first = await locks.mutex('{t}').acquire()
  const other = await locks.mutex('{t}:fence').acquire()
  await first.release()
  await other.release()
  expect((await locks.mutex('{t}').acquire()).fence).toBeGreaterThan(first.fence)
})
