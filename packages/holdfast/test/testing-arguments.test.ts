// What `holdfast/testing` cannot use is refused at the call: a misspelt option must not become a default in silence.
import { describe, expect, test } from 'vitest'
import {
  conformance,
  findServer,
  startServer,
  type ConformanceTarget,
} from '../src/testing/index.js'

const refusal = (message: string): object => ({ code: 'ERR_INVALID_ARGUMENT', message })

const ENGINE = "options.engine: expected 'redis' or 'valkey', but got"
const PORT = 'options.port: expected a port: 1 to 65535; leave it out for any that is free, but got'
const ARGS = "options.args: expected an array of strings, such as ['--maxmemory', '64mb'], but got"
const URL_ = 'options.url: expected a URL of redis:// or rediss://, but got'

describe('startServer', () => {
  test.each([
    [
      { egine: 'valkey' },
      'options.egine: expected one of engine, port, args, url, but got "egine"',
    ],
    [null, 'options: expected an object of options (engine, port, args, url), but got null'],
    ['redis', 'options: expected an object of options (engine, port, args, url), but got "redis"'],
    [{ engine: 'mongo' }, `${ENGINE} "mongo"`],
    [{ engine: null }, `${ENGINE} null`],
    [{ port: 0 }, `${PORT} 0`],
    [{ port: '6379' }, `${PORT} "6379"`],
    [{ args: '--maxmemory 64mb' }, `${ARGS} "--maxmemory 64mb"`],
    [{ args: ['--maxmemory', 64] }, `${ARGS} an array of 2`],
    [{ url: '127.0.0.1:6379' }, `${URL_} "127.0.0.1:6379"`],
    [{ url: 'http://127.0.0.1' }, `${URL_} "http://127.0.0.1"`],
    [{ url: 6379 }, `${URL_} 6379`],
  ])('refuses %j', async (options, message) => {
    await expect(startServer(options as object)).rejects.toMatchObject(refusal(message))
  })
})

test.each([
  [{ egine: 'valkey' }, 'options.egine: expected one of engine, but got "egine"'],
  [{ engine: 'mongo' }, `${ENGINE} "mongo"`],
  [7, 'options: expected an object of options (engine), but got 7'],
])('findServer refuses %j', async (options, message) => {
  await expect(findServer(options as object)).rejects.toMatchObject(refusal(message))
})

describe('conformance', () => {
  const TARGET = 'target: expected an object with a function `open`, which opens a connection'
  test.each([
    [undefined, `${TARGET}, but got undefined`],
    [{}, `${TARGET}, but got an object (Object)`],
    [async () => undefined, `${TARGET}, but got a function`],
    [
      { open: async () => undefined, flushScripts: true },
      'target.flushScripts: expected a function, or nothing, but got true',
    ],
  ])('refuses %o', (target, message) => {
    expect(() => conformance(target as unknown as ConformanceTarget)).toThrow(
      expect.objectContaining(refusal(message)),
    )
  })
})
