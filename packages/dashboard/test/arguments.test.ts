// What cannot be right is refused at the call, not by the first request.
import { inspect } from 'node:util'
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, test } from 'vitest'
import { createDashboard, serve, toNodeListener, type Dashboard } from '../src/index.js'

const locks = Holdfast.inMemory()
const redis = new Redis('redis://:secret@127.0.0.1:1', { lazyConnect: true })
const dashboard = createDashboard(locks)
afterAll(async () => {
  dashboard.close()
  redis.disconnect()
  await locks.close()
})

const refusal = (message: string): object => ({ code: 'ERR_INVALID_ARGUMENT', message })

const A_HOLDFAST = 'a Holdfast, such as new Holdfast(client) makes'
const A_DASHBOARD = 'a dashboard, such as createDashboard(locks) makes'

describe('createDashboard', () => {
  test.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an empty object', {}, 'an object (Object)'],
    ['the client', redis, 'an object (EventEmitter)'],
    ['several clients', [redis], 'an array of 1'],
    ['the class', Holdfast, 'a function'],
    ['a mutex', locks.mutex('a'), 'an object (Mutex)'],
    ['a URL', 'redis://127.0.0.1', '"redis://127.0.0.1"'],
  ])('refuses %s', (_, given, shown) => {
    expect(() => createDashboard(given as Holdfast)).toThrow(
      expect.objectContaining(refusal(`locks: expected ${A_HOLDFAST}, but got ${shown}`)),
    )
  })

  test('shows nothing of what is in a client that was given', () => {
    let error: unknown
    try {
      createDashboard(redis as unknown as Holdfast)
    } catch (thrown) {
      error = thrown
    }
    expect(inspect(error, { depth: 9 })).toContain('a Holdfast')
    expect(inspect(error, { depth: 9 })).not.toContain('secret')
  })

  test('takes anything of the shape of one', () => {
    const like = Object.create(locks, { prefix: { value: 'lock:' } }) as Holdfast
    createDashboard(like).close()
  })

  test.each([
    [{ actions: true }, 'options.actions: expected false, or'],
    [{ actions: ['delete'] }, 'options.actions'],
    [{ authorize: 'yes' }, 'options.authorize: expected a function, but got "yes"'],
    [{ audit: null }, 'options.audit'],
    [{ title: 1 }, 'options.title'],
    [{ elections: 'a' }, 'options.elections'],
    [{ from: 'keys' }, 'options.from'],
    [{ readonly: true }, 'options.readonly: expected one of actions,'],
    [null, 'options: expected an object of options (actions,'],
    [['revoke'], 'options: expected an object of options (actions,'],
  ])('refuses options that cannot be right: %j', (options, says) => {
    expect(() => createDashboard(locks, options as object)).toThrow(says)
  })
})

describe('serve', () => {
  test.each([
    ['nothing', undefined, 'undefined'],
    ['the Holdfast', locks, 'an object (Holdfast)'],
    ['what cannot be closed', { fetch: dashboard.fetch }, 'an object (Object)'],
  ])('refuses %s', async (_, given, shown) => {
    await expect(serve(given as Dashboard, { port: 0 })).rejects.toMatchObject(
      refusal(`dashboard: expected ${A_DASHBOARD}, but got ${shown}`),
    )
  })

  test.each([
    [{ prt: 0 }, 'options.prt: expected one of port, host, but got "prt"'],
    [4041, 'options: expected an object of options (port, host), but got 4041'],
    [null, 'options: expected an object of options (port, host), but got null'],
    [{ port: '4041' }, 'options.port: expected a port: 0 to 65535, but got "4041"'],
    [{ port: 65_536 }, 'options.port: expected a port: 0 to 65535, but got 65536'],
  ])('refuses options that cannot be right: %j', async (options, message) => {
    await expect(serve(dashboard, options as object)).rejects.toMatchObject(refusal(message))
  })
})

describe('toNodeListener', () => {
  test.each([
    ['nothing', undefined, 'undefined'],
    ['the Holdfast', locks, 'an object (Holdfast)'],
  ])('refuses %s', (_, given, shown) => {
    const message = `dashboard: expected ${A_DASHBOARD}, but got ${shown}`
    expect(() => toNodeListener(given as unknown as Dashboard)).toThrow(
      expect.objectContaining(refusal(message)),
    )
  })

  test('takes anything with a fetch', () => {
    expect(toNodeListener({ fetch: async () => new Response() })).toBeTypeOf('function')
  })
})
