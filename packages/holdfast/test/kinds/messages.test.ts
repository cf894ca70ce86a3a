// What an error says to whoever reads it in a log: what was given, what is expected, and who has the name.
import { hostname } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'

const locks = Holdfast.inMemory()
afterAll(() => locks.close())

/** The message of what a call throws, at once or later. */
async function said(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing'
}

// Whoever writes JavaScript gets no word from the compiler.
const any = (value: unknown): never => value as never
const { signal } = new AbortController()

describe('an option that is none here: where it belongs', () => {
  const mutex = locks.mutex('a')
  test.each([
    ['renew of a call', () => mutex.acquire(any({ renew: false })), 'the lock, where it is made'],
    ['label of one try', () => mutex.tryAcquire(any({ label: 'a' })), 'the lock, where it is made'],
    ['permits of a lock', () => locks.mutex('a', any({ permits: 2 })), 'each call of a semaphore'],
    ['limit of a mutex', () => locks.mutex('a', any({ limit: 2 })), 'semaphore()'],
    ['reentrant of all', () => locks.all(['a'], any({ reentrant: true })), 'mutex()'],
    ['owner of a lock', () => locks.mutex('a', any({ owner: 1 })), 'acquire() and tryAcquire()'],
    ['drift of a lock', () => locks.mutex('a', any({ drift: 0.1 })), 'new Holdfast()'],
    ['ttl of all locks', () => Holdfast.inMemory(any({ ttl: 1 })), 'the lock, where it is made'],
  ])('%s', async (what, call, place) => {
    const option = what.split(' ')[0]!
    const message = await said(call)
    expect(message).toContain(` (${option} is an option of ${place}), but got "${option}"`)
  })

  test('a wait of one try, and what no lock has, belong nowhere', async () => {
    const expected = 'expected one of signal, ttl, but got'
    const tries = [
      await said(() => mutex.tryAcquire(any({ wait: 5 }))),
      await said(() => mutex.tryAcquire(any({ toString: 5 }))),
    ]
    expect(tries).toEqual([
      `options.wait: ${expected} "wait"`,
      `options.toString: ${expected} "toString"`,
    ])
  })
})

test.each([
  ['a signal', signal, 'an object (AbortSignal)'],
  ['its controller', new AbortController(), 'an object (AbortController)'],
  ['a promise', Promise.resolve({ wait: 5 }), 'an object (Promise)'],
  ['a duration', '5s', '"5s"'],
])('%s in place of the options', async (_, given, shown) => {
  const message = `options: expected an object of options (wait, signal, ttl), but got ${shown}`
  expect(await said(() => locks.mutex('a').acquire(any(given)))).toBe(message)
  expect(await said(() => locks.mutex('a').use(() => {}, any(given)))).toBe(message)
  expect((await locks.inspect('a')).holderCount).toBe(0)
})

test('a duration above a year', async () => {
  const message = await said(() => locks.mutex('a', { wait: Number.MAX_SAFE_INTEGER }))
  expect(message).toMatch(
    /^options\.wait: .* at least 0 ms and at most a year: .* or Infinity, but/,
  )
})

test('a clock of locks in memory is called a clock', async () => {
  expect(await said(() => Holdfast.inMemory(any({ clock: 3 })))).toMatch(
    /^options\.clock: .*got 3$/,
  )
  const other = await said(() => Holdfast.inMemory(any({ runtime: 3 })))
  expect(other).toMatch(/^options\.runtime: expected one of .*, clock, but got "runtime"$/)
})

test('who has the name: its process, and its label if it has one', async () => {
  const here = `${hostname()}:${process.pid}`
  for (const [label, shown] of [
    [undefined, here],
    ['web', `web (${here})`],
  ] as const) {
    await locks.mutex('b', { label }).use(async () => {
      const other = locks.mutex('b')
      const taken = await said(() => other.acquire({ wait: 0 }))
      expect(taken).toContain(`the lock "b" is taken by ${shown}, for `)
    })
  }
})

test('what a lock must be to be downgraded or handed over', async () => {
  const reader = await locks.readWrite('c').read().acquire()
  expect(await said(() => reader.downgrade())).toBe(
    'lock: expected a mutex or a writer: others are shared already, but got "c"',
  )
  await reader.release()
  await locks.mutex('d', { reentrant: true }).use(async (lock) =>
    locks.mutex('d', { reentrant: true }).use(async () => {
      const message = 'lock: expected one that a single handle has: release the others first'
      expect(await said(() => lock.handOver())).toBe(`${message}, but got "d"`)
    }),
  )
})

test('an option that no request of a lock manager has: those that there are', async () => {
  const call = (): unknown => locks.lockManager().request('e', any({ timeout: 5 }), () => {})
  const message = 'there is no option "timeout", but mode, ifAvailable, steal, signal'
  expect(await said(call)).toBe(message)
})

test('several clients: each of them has to be one', async () => {
  const message = await said(() => new Holdfast(any([{}, {}, {}])))
  expect(message).toMatch(/it was given a plain object\. Options are not a client/)
})
