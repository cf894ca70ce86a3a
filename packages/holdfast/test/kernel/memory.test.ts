import { expect, test } from 'vitest'
import { globToRegExp } from '../../src/kernel/memory/glob.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { SortedSet } from '../../src/kernel/memory/sorted-set.js'
import { keysOf } from '../../src/kernel/names.js'
import { scripts } from '../../src/kernel/scripts.gen.js'

const client = '0123456789abcdef0123456789abcdef'
const keys = keysOf('a', 'lock:')
const acquire = (i: number, ttl = 1000): string[] => [
  '1',
  `${client}.${i}`,
  'x',
  '1',
  String(ttl),
  '500',
  '1',
  '',
  '',
  '',
  '',
  '',
]
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('replies and messages come asynchronously; a closed port hears nothing more', async () => {
  const server = new MemoryServer()
  const port = memoryPort(server)
  const heard: string[] = []
  const events = { onMessage: (text: string) => void heard.push(text), onGap: () => {} }
  await port.subscribe(`lock:client:${client}`, events)
  await port.run(scripts.acquire, keys, acquire(1))
  await port.run(scripts.acquire, keys, acquire(2))
  server.execute('release', keys, ['1', `${client}.1`, ''])
  expect(heard).toEqual([])
  await settled()
  expect(heard).toEqual([
    expect.stringMatching(/^1 grant \S+\.2 \d{16} \d{16} \d{13} [0-9a-f]{16}$/),
  ])
  server.publish(`lock:client:${client}`, 'too late')
  await port.close()
  await settled()
  expect(heard).toHaveLength(1)
  expect(server.subscribers(`lock:client:${client}`)).toBe(0)
})

test('a restart empties the server, changes the run, and shows as a gap', async () => {
  const server = new MemoryServer()
  const port = memoryPort(server)
  let gaps = 0
  await port.subscribe('c', { onMessage: () => {}, onGap: () => void gaps++ })
  server.execute('acquire', keys, acquire(1))
  const { runId } = server
  server.restart()
  expect([server.keys(), server.subscribers('c'), gaps]).toEqual([[], 0, 0])
  expect(server.runId).not.toBe(runId)
  await settled()
  expect([server.subscribers('c'), gaps]).toEqual([1, 1])
})

test('PUBLISH and INFO can be made to fail', () => {
  const server = new MemoryServer()
  server.execute('acquire', keys, acquire(1))
  server.execute('acquire', keys, acquire(2))
  server.publishFails = 'NOPERM publish'
  server.infoFails = true
  const reply = server.execute('release', keys, ['1', `${client}.1`, '']) as unknown[]
  expect(reply.slice(1, 3)).toEqual(['', 'NOPERM publish'])
  expect((reply[3] as unknown[]).slice(0, 3)).toEqual(['released', 'x', `${client}.2`])
})

test('a key is there at its expiry and gone after it, even if nobody looks', () => {
  let us = 5_000_000
  const server = new MemoryServer({ now: () => us })
  server.set('k', 'v', 10)
  us += 10_999
  expect(server.keys()).toEqual(['k'])
  us += 1
  expect(server.keys()).toEqual([])
  for (let i = 0; i < 20_000; i++) {
    us += 1000
    server.set(`k${i}`, 'v', 10)
    server.space.get('other')
  }
  expect(server.keys().length).toBeLessThan(12)
})

test('list finds held names by pattern, without side keys', () => {
  const server = new MemoryServer()
  for (const name of ['a', 'b*', 'c']) server.execute('acquire', keysOf(name, ''), acquire(1))
  const list = (pattern: string): unknown =>
    (server.execute('list', [], ['1', '0', pattern, '100']) as unknown[])[3]
  expect(list('*')).toEqual(['0', 'a', 'b*', 'c'])
  expect(list('b\\*')).toEqual(['0', 'b*'])
  expect(list('[a-b]*')).toEqual(['0', 'a', 'b*'])
})

test.each([
  ['h?llo', 'hello', true],
  ['h?llo', 'hllo', false],
  ['h**o', 'ho', true],
  ['h[^e]llo', 'hello', false],
  ['h[^e]llo', 'hallo', true],
  ['[z-a]', 'm', true],
  ['a\\', 'a\\', true],
  ['[\\]]', ']', true],
  ['a.c', 'abc', false],
  ['*', 'two\nlines', true],
])('pattern %s on %s: %s', (pattern, text, matches) => {
  expect(globToRegExp(pattern).test(text)).toBe(matches)
})

test('a sorted set orders by score, then by bytes, and bears ten thousand members', () => {
  const set = new SortedSet()
  for (const member of ['b', 'é', 'a', '\u{1F512}', '\uFFFD']) set.put(member, 1)
  expect(set.slice(0, 9).map(({ member }) => member)).toEqual([
    'a',
    'b',
    'é',
    '\uFFFD',
    '\u{1F512}',
  ])
  for (let i = 0; i < 10_000; i++) set.put(`m${i}`, (i * 7919) % 10_007)
  for (let i = 0; i < 10_000; i++) set.take(`m${i}`)
  expect(set.size).toBe(5)
})
