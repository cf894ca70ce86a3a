/** Who is told what, on the memory kernel; differential.test.ts shows that the Lua says the same. */
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { keysOf } from '../../src/kernel/names.js'

const client = 'd'.repeat(32)
const keys = keysOf('told', 'lock:')

function world(): {
  acquire: (n: number, mode: string, ttl: number, wait: boolean) => Reply[]
  release: (n: number) => Reply[]
  messages: string[]
} {
  const server = new MemoryServer({ now: () => 1_700_000_000_000_000 })
  const messages: string[] = []
  server.subscribe(`lock:client:${client}`, (message) => messages.push(message))
  const item = (reply: Reply): Reply[] => (reply as Reply[])[3] as Reply[]
  const ask = (n: number, mode: string, ttl: number, wait: boolean): string[] => {
    const stand = wait ? '1' : '0'
    return ['1', `${client}.${n}`, mode, '1', `${ttl}`, '2000', stand, '', '', '', '', '', '']
  }
  return {
    messages,
    acquire: (n, mode, ttl, wait) => item(server.execute('acquire', keys, ask(n, mode, ttl, wait))),
    release: (n) => item(server.execute('release', keys, ['1', `${client}.${n}`, ''])),
  }
}

test('a waiting writer is told when the longest reader has gone, and the name ends sooner', () => {
  const { acquire, release, messages } = world()
  acquire(1, 's', 60_000, false)
  acquire(2, 's', 1000, false)
  expect(acquire(3, 'x', 5000, true).slice(0, 2)).toEqual(['queued', 0])
  release(1)
  expect(messages).toHaveLength(1)
  expect(messages[0]).toMatch(`1 first ${client}.3 1700000000000000 1700000001000`)
})

test('a reader that leaves without changing the end tells nobody', () => {
  const { acquire, release, messages } = world()
  acquire(1, 's', 60_000, false)
  acquire(2, 's', 1000, false)
  acquire(3, 'x', 5000, true)
  release(2)
  expect(messages).toEqual([])
})

test('a single try of one that stands in line is granted in the reply, not by a message', () => {
  const { acquire, release, messages } = world()
  acquire(1, 's', 60_000, false)
  acquire(2, 'x', 5000, true)
  acquire(3, 'x', 5000, true)
  release(2)
  // The reader's end leaves the name free, with the third still in line and not yet told.
  expect(acquire(3, 'x', 5000, false)[0]).toBe('taken')
  release(1)
  expect(messages.filter((message) => message.startsWith('1 grant'))).toHaveLength(1)
  expect(acquire(3, 'x', 5000, false)[0]).toBe('granted')
})
