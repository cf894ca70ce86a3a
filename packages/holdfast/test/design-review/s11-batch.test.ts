// S11: a script that fails half-way leaves no grant that nobody knows of.
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { ownerId, World } from '../kit/world.js'

test('S11: each name of a batch has a verdict of its own, and a bad one is not written to', async () => {
  const w = new World()
  const a = w.client()
  const [, , line] = keysOf('b', 'lock:')
  w.server.set(line, 'not a line')
  const [first, bad, last] = ['a', 'b', 'c'].map((name) =>
    w.watch(a.locks.mutex(name).tryAcquire()),
  )
  await w.advance()
  expect(w.net.log.find(({ what }) => what === 'acquire')).toMatchObject({ items: 3 })
  expect(first!.value).toMatchObject({ name: 'a' })
  expect(bad!.error).toMatchObject({ code: 'ERR_CONFIG' })
  expect(last!.value).toMatchObject({ name: 'c' })
  expect(w.holder('b')).toBe(null)
})

test('S11: a key of a wrong type is found before anything is written', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  const [, fence, line, shared, meta] = keysOf('x', 'lock:')
  const spoilt = (key: string, last = 'spoilt'): void => {
    const kept = w.server.space.peek(key)
    w.server.del(key)
    w.server.set(key, last)
    expect(w.release('x', lock.owner)[0]).toBe('error')
    expect(w.holder('x')).toBe(lock.owner)
    w.server.del(key)
    if (typeof kept === 'string') w.server.set(key, kept)
    if (kept instanceof Map) for (const [field, text] of kept) w.server.space.hset(key, field, text)
  }
  spoilt(fence)
  spoilt(line)
  // Of the others nothing is asked before somebody waits.
  w.ask('x', ownerId(2))
  for (const key of [fence, shared, meta]) spoilt(key)
  expect(w.release('x', lock.owner)[0]).toBe('released')
  expect(w.holder('x')).toBe(ownerId(2))
})

/** a holds x; b waits for it. */
async function scene(w: World): Promise<[held: Lock, wait: ReturnType<typeof w.watch<Lock>>]> {
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  return [held, wait]
}

test('S11: a PUBLISH that fails comes after all writes, and is said', async () => {
  const w = new World()
  const [held, wait] = await scene(w)
  const said: unknown[] = []
  const listen = (message: unknown): void => void said.push(message)
  channel('holdfast:push-failed').subscribe(listen)
  w.server.publishFails = 'NOPERM this user has no permissions to access the channel'
  expect(await held.release()).toEqual({ released: true })
  channel('holdfast:push-failed').unsubscribe(listen)
  expect(said).toEqual([{ message: w.server.publishFails }])
  // The grant stands as a claim: unknown to its owner, and not skipped as if nobody listened.
  expect(w.holder('x')).toMatch(/\.1$/)
  await w.advance(12_000)
  expect(wait.state).toBe('done')
})

test('S11: a script that fails as a whole is an unknown outcome for every name in it', async () => {
  const w = new World()
  const a = w.client()
  const end = w.net.rewrite('acquire', () => {
    throw new Error('OOM command not allowed when used memory > maxmemory')
  })
  const tries = ['a', 'b'].map((name) => w.watch(a.locks.mutex(name).tryAcquire()))
  await w.advance()
  end()
  expect(tries.map(({ error }) => error.code)).toEqual(['ERR_UNAVAILABLE', 'ERR_UNAVAILABLE'])
  await w.advance()
  expect(w.net.count('release')).toBe(1)
  expect(w.left()).toEqual([])
})

test('S11: one time a script: reply, message and key state the same expiry', async () => {
  const w = new World()
  const [held, wait] = await scene(w)
  await w.advance(0.25)
  const messages: string[] = []
  const server = w.server
  const publish = server.publish.bind(server)
  server.publish = (to, message) => (messages.push(message), publish(to, message))
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  const [k] = keysOf('x', 'lock:')
  const ends = server.space.expiry(k)
  expect(messages[0]!.split(' ')[5]).toBe(String(ends))
  const [, , stated] = w.ask('x', wait.value.owner, { ttl: 60_000 })
  expect(stated).toBe(String(server.space.expiry(k)))
})
