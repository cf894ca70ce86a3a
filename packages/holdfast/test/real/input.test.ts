import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastOptions, type LockOptions } from '../../src/index.js'
import { engines, refusal, World } from './kit.js'

const engine = engines[0]!
let world: World
let locks: Holdfast
beforeAll(async () => {
  world = await World.start(engine)
})
afterEach(() => world.clean())
afterAll(() => world.stop())

const bad = {
  code: 'ERR_INVALID_ARGUMENT',
  expected: expect.any(String) as string,
}

/** What a call throws, at the call and not later. */
function thrown(call: () => unknown): unknown {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    return error
  }
  return `nothing, but gave ${String(result)}`
}

/** Compares, and shows which of many it was. */
const same = (what: string, error: unknown, expected: object): void =>
  expect({ what, error }).toMatchObject({ what, error: expected })

/** Whatever is tried in a test of this file, the server never hears of it. */
function silent(title: string, work: () => Promise<void> | void): void {
  test(title, async () => {
    locks = world.locks()
    await locks.mutex('warm-up').use(() => {})
    await world.admin.flushall()
    const sent = await world.during(async () => work())
    expect(sent).toEqual({ evalsha: 0, eval: 0, publish: 0, subscribe: 0 })
    expect(await world.admin.dbsize()).toBe(0)
  })
}

silent('a client that is given by mistake is not printed, nor its password', () => {
  const client = new Redis({ lazyConnect: true, password: 'secret' })
  const error = thrown(() => locks.mutex(client as unknown as string))
  expect(error).toMatchObject({ ...bad, given: expect.anything() as unknown })
  expect(inspect(error, { depth: 9 })).not.toContain('secret')
})

describe('bad names', () => {
  const names: [what: string, name: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', 42],
    ['a symbol', Symbol('a')],
    ['an object', {}],
    ['an array', ['a']],
    ['a String object', Object('a')],
    ['the empty string', ''],
    ['1 KiB and one byte', 'x'.repeat(1025)],
    ['over 1 KiB in UTF-8 only', '☃'.repeat(342)],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', '\udc00a'],
    ['surrogates the wrong way round', '\udc00\ud800'],
  ]
  silent('are refused at the call', async () => {
    for (const [what, name] of names) {
      const error = { ...bad, given: name }
      same(
        what,
        thrown(() => locks.mutex(name as string)),
        error,
      )
      same(what, await refusal(locks.inspect(name as string)), error)
      same(what, await refusal(locks.forceRelease(name as string)), error)
    }
  })

  silent('that would be a side key of another name are refused', async () => {
    const bare = world.locks({ prefix: '' })
    for (const name of ['{lock:a}:hf:fence:lock:a', '{x}:hf:line:x', '{}:hf:', '{a\n}:hf:meta:a']) {
      const error = { ...bad, given: name }
      expect(thrown(() => bare.mutex(name))).toMatchObject(error)
      expect(await refusal(bare.inspect(name))).toMatchObject(error)
      // With a prefix it is a name as any other.
      expect(locks.mutex(name).name).toBe(name)
    }
    const half = world.locks({ prefix: '{a' })
    expect(thrown(() => half.mutex('}:hf:line:a'))).toMatchObject(bad)
  })

  silent('patterns that are no strings', async () => {
    for (const pattern of [null, 5, {}, /a/]) {
      const error = await refusal(locks.list(pattern as unknown as string).next())
      expect(error).toMatchObject({ ...bad, given: pattern })
    }
  })
})

describe('bad options', () => {
  const noDuration = [
    Number.NaN,
    -1,
    -Infinity,
    '10 s',
    '10S',
    's',
    '',
    '1e3',
    null,
    {},
    [],
    true,
    5n,
  ]
  const durations: [option: keyof LockOptions, bad: unknown[]][] = [
    ['ttl', [...noDuration, 0, 299, '0.2s', Infinity, '400d', 366 * 24 * 3_600_000]],
    ['wait', [...noDuration, '-1s', 366 * 24 * 3_600_000]],
    ['maxHold', [...noDuration, 0]],
    ['margin', [...noDuration, 0, Infinity]],
    ['claim', [...noDuration, 0, 49, Infinity]],
  ]

  silent('of a lock are refused by mutex(), at the call', () => {
    for (const [option, values] of durations) {
      for (const given of values) {
        const what = `${option}: ${String(given)}`
        const error = thrown(() => locks.mutex('a', { [option]: given }))
        same(what, error, { ...bad, given })
      }
    }
    const others: [options: unknown, given: unknown][] = [
      [{ renew: 1 }, 1],
      [{ renew: 'false' }, 'false'],
      [{ signal: {} }, {}],
      [{ signal: new AbortController() }, expect.any(AbortController)],
      [{ deadlock: 'no' }, 'no'],
      [{ deadlock: true }, true],
      [{ label: 5 }, 5],
      [{ label: 'x'.repeat(257) }, 'x'.repeat(257)],
      [{ TTL: 1000 }, 'TTL'],
      [{ timeout: 1000 }, 'timeout'],
      [null, null],
      ['10s', '10s'],
      [1000, 1000],
      [[], []],
    ]
    for (const [options, given] of others) {
      const error = thrown(() => locks.mutex('a', options as LockOptions))
      same(JSON.stringify(options), error, { ...bad, given })
    }
  })

  silent('a lease below the least: less is allowed without renewal', () => {
    expect(thrown(() => locks.mutex('a', { ttl: 299 }))).toMatchObject({ ...bad, given: 299 })
    expect(thrown(() => locks.mutex('a', { ttl: 49, renew: false }))).toMatchObject(bad)
    expect(locks.mutex('a', { ttl: 300 }).name).toBe('a')
    expect(locks.mutex('a', { ttl: 50, renew: false }).name).toBe('a')
  })

  silent('of a call are refused by its promise', async () => {
    const mutex = locks.mutex('a')
    const calls: [options: unknown, given: unknown][] = [
      [{ ttl: Number.NaN }, Number.NaN],
      [{ ttl: -1 }, -1],
      [{ ttl: 299 }, 299],
      [{ ttl: '10 s' }, '10 s'],
      [{ ttl: Infinity }, Infinity],
      [{ signal: 'x' }, 'x'],
      [{ label: 'a' }, 'label'],
      [{ renew: false }, 'renew'],
      [{ deadlock: 'off' }, 'deadlock'],
      [null, null],
      [1000, 1000],
      ['1s', '1s'],
      [[], []],
    ]
    for (const [options, given] of calls) {
      const o = options as object
      const what = JSON.stringify(options)
      const error = { ...bad, given }
      same(what, await refusal(mutex.acquire(o)), error)
      same(what, await refusal(mutex.tryAcquire(o)), error)
      same(what, await refusal(mutex.use(() => {}, o)), error)
      same(what, await refusal(mutex.tryUse(() => {}, o)), error)
    }
    for (const wait of [-1, Number.NaN, '1 s', null, {}]) {
      const options = { wait: wait as number }
      expect(await refusal(mutex.acquire(options))).toMatchObject({ ...bad, given: wait })
    }
  })

  silent('a wait for a call that never waits', async () => {
    const options: object = { wait: 1000 }
    const error = { ...bad, given: 'wait' }
    expect(await refusal(locks.mutex('a').tryAcquire(options))).toMatchObject(error)
    expect(await refusal(locks.mutex('a').tryUse(() => {}, options))).toMatchObject(error)
  })

  silent('a function that is none is refused before anything is locked', async () => {
    const mutex = locks.mutex('a')
    for (const fn of [undefined, null, {}, 'fn', Promise.resolve(1)]) {
      const error = { ...bad, given: fn }
      same(typeof fn, await refusal(mutex.use(fn as never)), error)
      same(typeof fn, await refusal(mutex.tryUse(fn as never)), error)
    }
  })

  silent('of forceRelease', async () => {
    const calls: [options: unknown, given: unknown][] = [
      [{ now: 1 }, 1],
      [{ now: 'yes' }, 'yes'],
      [{ Now: true }, 'Now'],
      [null, null],
      [true, true],
      ['now', 'now'],
    ]
    for (const [options, given] of calls) {
      const error = await refusal(locks.forceRelease('a', options as object))
      same(JSON.stringify(options), error, { ...bad, given })
    }
  })

  test('of extend: the lease stays as it was', async () => {
    const lock = await world.locks().mutex('a').acquire()
    const before = await world.admin.pexpiretime('lock:a')
    for (const ms of [undefined, null, 0, -1, 299, Number.NaN, Infinity, '10 s', {}]) {
      const error = await refusal(lock.extend(ms as number))
      same(typeof ms, error, { ...bad, given: ms })
    }
    expect(await world.admin.pexpiretime('lock:a')).toBe(before)
    lock.assertHeld()
  })

  silent('of the constructor', () => {
    const client = world.client()
    const options: [options: unknown, given: unknown][] = [
      [{ prefix: 5 }, 5],
      [{ prefix: null }, null],
      [{ prefix: 'a\ud800' }, 'a\ud800'],
      [{ drift: -0.1 }, -0.1],
      [{ drift: 0.5 }, 0.5],
      [{ drift: Number.NaN }, Number.NaN],
      [{ drift: '1%' }, '1%'],
      [{ nodeTimeout: 0 }, 0],
      [{ nodeTimeout: Infinity }, Infinity],
      [{ nodeTimeout: '1 s' }, '1 s'],
      [{ label: {} }, {}],
      [{ deadlock: 'Break' }, 'Break'],
      [{ forced: 'kill' }, 'kill'],
      [{ deadlock: null }, null],
      [{ runtime: 5 }, 5],
      [{ runtime: {} }, {}],
      [{ ttl: 1000 }, 'ttl'],
      [{ keyPrefix: 'a' }, 'keyPrefix'],
      [null, null],
      ['lock:', 'lock:'],
    ]
    for (const [given, what] of options) {
      const error = thrown(() => new Holdfast(client, given as HoldfastOptions))
      same(JSON.stringify(given), error, { ...bad, given: what })
    }
  })

  silent('of the constructor: no client, or a wrong one', () => {
    const pool = { evalSha: () => {}, execute: () => {} }
    const clients: [client: unknown, hint: RegExp][] = [
      [undefined, /undefined.*Holdfast\.inMemory\(\)/],
      [null, /null.*Holdfast\.inMemory\(\)/],
      ['redis://user:secret@127.0.0.1:6379', /a URL.*new Redis\(url\)/],
      [new URL('redis://user:secret@127.0.0.1'), /a URL/],
      ['localhost', /a string/],
      [{}, /a plain object/],
      [{ host: '127.0.0.1', password: 'secret' }, /a plain object/],
      [[], /an empty array/],
      [[[world.client()]], /an array within an array/],
      [pool, /pool/],
      [Holdfast, /the function Holdfast/],
      [6379, /a number/],
      [Promise.resolve(1), /await/],
    ]
    for (const [client, hint] of clients) {
      const error = thrown(() => new Holdfast(client as never)) as Error
      const facts = { code: 'ERR_CONFIG', given: expect.any(String), expected: bad.expected }
      same(String(hint), error, facts)
      expect(error.message).toMatch(hint)
      expect(JSON.stringify(error) + error.message).not.toContain('secret')
    }
  })
})
