/** Edges and looks on the memory kernel; kernel/differential.test.ts shows that the Lua does the same. */
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { encodeEdges } from '../../src/kernel/edges.js'
import { keysOf } from '../../src/kernel/names.js'
import { decodeRecord } from '../../src/kernel/protocol.js'
import { channelOfClient, ownerId, World } from '../kit/world.js'

const edges = [
  { key: 'lock:"b"\n', wait: ownerId(2, 9), reports: false },
  { key: 'c', wait: ownerId(3), reports: true },
]

/** What `waits` says, its list as it is. */
function look(w: World, owner: string): Reply[] {
  const reply = w.server.execute('waits', keysOf('x', 'lock:'), ['1', owner]) as Reply[]
  return reply[3] as Reply[]
}

const edgesOf = (text: unknown): unknown => decodeRecord(String(text))?.edges

test('an edge is noted with a holder, replaced, and goes with it', () => {
  const w = new World()
  const [a, b] = [ownerId(1), ownerId(1, 2)]
  expect(w.kernel('edge', 'x', [a, encodeEdges(edges)])).toEqual(['gone'])
  w.ask('x', a)
  expect(w.kernel('edge', 'x', [a, encodeEdges(edges)])).toEqual(['noted'])
  expect(w.kernel('edge', 'x', [b, encodeEdges(edges)])).toEqual(['gone'])
  const [status, text, count, withheld, holders] = look(w, '')
  expect([status, text, count, withheld]).toEqual(['waits', '', 1, 0])
  expect(edgesOf((holders as Reply[])[2])).toEqual(edges)
  expect(w.kernel('edge', 'x', [a, encodeEdges(edges.slice(1))])).toEqual(['noted'])
  expect(edgesOf((look(w, '')[4] as Reply[])[2])).toEqual(edges.slice(1))
  // A renewal keeps it; a waiter has none.
  w.renew('x', a)
  w.ask('x', b)
  expect(w.kernel('edge', 'x', [b, encodeEdges(edges)])).toEqual(['gone'])
  expect(edgesOf((look(w, b)[4] as Reply[])[2])).toEqual(edges.slice(1))
  w.release('x', a)
  expect(edgesOf((look(w, '')[4] as Reply[])[2])).toEqual([])
  expect(w.kernel('edge', 'x', [a, ''])).toEqual(['gone'])
})

test('whoever is told of the holder, or asked to let go, is told nothing of its edges', () => {
  for (const mode of ['x', 's', 'p'] as const) {
    const w = new World()
    const [a, b] = [ownerId(1), ownerId(2)]
    const limit = { permits: 1, limit: 1 }
    w.ask('x', a, { mode, ...limit })
    const told = (): Reply[] => w.ask('x', b).slice(4)
    const before = told()
    expect(before).toContain(a)
    w.kernel('edge', 'x', [a, encodeEdges(edges)])
    expect(told()).toEqual(before)
    w.kernel('force', 'x', ['2', '', '["ops","now"]'])
    expect(w.renew('x', a).at(-1)).toBe('[null,null,null,["ops","now"]]')
    expect(edgesOf((look(w, '')[4] as Reply[])[2])).toEqual(edges)
  }
})

test('who asks a holder to let go is told apart from its edges; a downgrade leaves them', () => {
  const w = new World()
  const [a, b] = [ownerId(1), ownerId(1, 2)]
  w.ask('x', a)
  w.kernel('edge', 'x', [a, encodeEdges(edges)])
  w.kernel('force', 'x', ['2', '', '["ops","now"]'])
  const record = String((look(w, '')[4] as Reply[])[2])
  expect(record).toContain('[null,null,null,["ops","now"]]\n')
  expect(edgesOf(record)).toEqual(edges)
  // Again: what comes first and what comes second makes no difference.
  expect(w.kernel('edge', 'x', [a, encodeEdges(edges)])).toEqual(['noted'])
  expect((look(w, '')[4] as Reply[])[2]).toBe(record)
  expect(w.kernel('turn', 'x', [a, b, 's', '1000', '', '', ''])[0]).toBe('turned')
  const reader = String((look(w, '')[4] as Reply[])[2])
  expect(reader).toContain('["ops","now"]')
  expect(edgesOf(reader)).toEqual([])
})

test('a waiter counts while it stands in line, and its process is not seen to be dead', () => {
  const w = new World()
  const [a, b, c] = [ownerId(1), ownerId(2), ownerId(3)]
  w.ask('x', a)
  const leave = w.server.subscribe(channelOfClient(2), () => {})
  w.ask('x', b)
  w.ask('x', c)
  const stands = (owner: string): boolean => look(w, owner)[1] !== ''
  // The third was never seen to be subscribed: nothing is known of it.
  expect([b, c, a, ''].map(stands)).toEqual([true, true, false, false])
  expect(decodeRecord(String(look(w, b)[1]))).toMatchObject({ mode: 'x', forced: false })
  leave()
  expect([b, c].map(stands)).toEqual([false, true])
  w.release('x', c)
  expect(stands(c)).toBe(false)
})

test('holders that were asked for their end: one by his record, those who share all at once', () => {
  const w = new World()
  w.ask('x', ownerId(1))
  w.kernel('force', 'x', ['0', '', ''])
  expect(decodeRecord(String((look(w, '')[4] as Reply[])[2]))).toMatchObject({ forced: true })
  w.release('x', ownerId(1))
  w.ask('x', ownerId(1, 2), { mode: 's' })
  w.ask('x', ownerId(1, 3), { mode: 's' })
  expect(look(w, '').slice(2, 4)).toEqual([2, 0])
  w.kernel('force', 'x', ['0', '', ''])
  expect(look(w, '').slice(2, 4)).toEqual([2, 1])
})
