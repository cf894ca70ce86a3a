import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { classify } from '../../src/quorum/replies.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { refusal } from '../real/kit.js'
import { kinds, otherKinds, type Made, type Options } from './kinds.js'

let server: RunningServer
let admin: Redis
beforeAll(async () => {
  server = await startServer()
  admin = new Redis(server.url)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

/** Clients put the server's error into words of their own; what becomes of it is the same. */
describe.each([...kinds, ...otherKinds])('$name', (kind) => {
  let one: Made
  let locks: Holdfast
  const open = async (options?: Options): Promise<void> => {
    one = await kind.make(server.url, options)
    await one.connect()
    locks = new Holdfast(one.port, { checkEviction: false, localHandovers: 0 })
  }
  afterEach(async () => {
    await locks.close()
    one.end()
    await admin.flushall()
  })
  const user = async (...rules: string[]): Promise<void> => {
    await admin.acl('SETUSER', 'guest', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules)
    await open({ username: 'guest', password: 'pw' })
  }
  const config = expect.objectContaining({ code: 'ERR_CONFIG' })
  const unavailable = expect.objectContaining({ code: 'ERR_UNAVAILABLE' })

  test('without the right to run scripts: ERR_CONFIG', async () => {
    await user('-evalsha')
    expect(await refusal(locks.mutex('x').acquire())).toEqual(config)
  })

  test('without the right to a command of the scripts: ERR_CONFIG', async () => {
    await user('-zadd')
    const lock = await locks.mutex('x').acquire()
    expect(await refusal(locks.mutex('x').acquire())).toEqual(config)
    expect(await lock.release()).toEqual({ released: true })
  })

  test('without the right to the key: ERR_CONFIG', async () => {
    await user('resetkeys', '~other:*')
    expect(await refusal(locks.mutex('x').acquire())).toEqual(config)
  })

  test('without the right to the channel, for whoever has to wait: ERR_CONFIG', async () => {
    await user('resetchannels')
    const lock = await locks.mutex('x').acquire()
    expect(await refusal(locks.mutex('x').acquire())).toEqual(config)
    expect(await lock.release()).toEqual({ released: true })
  })

  test('a key of another type: ERR_CONFIG', async () => {
    await open()
    await admin.hset('lock:x', 'a', '1')
    expect(await refusal(locks.mutex('x').acquire())).toEqual(config)
  })

  test('no memory, or a replica: ERR_UNAVAILABLE, and it heals', async () => {
    await open()
    await admin.config('SET', 'maxmemory', '1')
    const mutex = locks.mutex('x', { wait: 0 })
    expect(await refusal(mutex.acquire())).toEqual(unavailable)
    await admin.config('SET', 'maxmemory', '0')
    await admin.replicaof(server.host, '1')
    expect(await refusal(mutex.acquire())).toEqual(unavailable)
    await admin.replicaof('NO', 'ONE')
    const lock = await locks.mutex('x').acquire()
    expect(await lock.release()).toEqual({ released: true })
  })
})

test('a server in protected mode: ERR_CONFIG', () => {
  const denied = 'DENIED Redis is running in protected mode because protected mode is enabled'
  expect(classify(new Error(denied), 'ioredis')).toMatchObject({ code: 'ERR_CONFIG' })
})
