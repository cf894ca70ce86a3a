// Keys that refuse a stale token: by every client, on one server and on a cluster.
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fencedRedis } from '../../src/fencing/index.js'
import { scripts } from '../../src/fencing/scripts.gen.js'
import { kinds, otherKinds } from '../clients/kinds.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds } from '../kit/cluster-clients.js'
import { engines, refusal, World } from '../real/kit.js'

const refused = (given: number, stands: number): object => ({ code: 'ERR_FENCED', given, stands })

test('the SHA-1 of the script is that of its text', () => {
  const { lua, sha1 } = scripts.fenced
  expect(createHash('sha1').update(lua).digest('hex')).toBe(sha1)
})

describe.each(engines)('%s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('a stale token is refused by every method, and changes nothing', async () => {
    const store = fencedRedis(world.client())
    await store.set('report', 'new', 34)
    for (const late of [
      () => store.claim('report', 33),
      () => store.get('report', 33),
      () => store.set('report', 'old', 33),
      () => store.del('report', 33),
    ]) {
      expect(await refusal(late())).toMatchObject(refused(33, 34))
    }
    expect(await world.admin.hgetall('report')).toEqual({ fence: '34', value: 'new' })
    expect(String(await refusal(store.get('report', 0)))).toMatch(/"report".* 0 is refused.* 34 /)
  })

  test('the same token may come again, and a later one takes over', async () => {
    const store = fencedRedis(world.client())
    await store.set('report', 'a', 33)
    await store.set('report', 'b', 33)
    expect(await store.get('report', 33)).toBe('b')
    expect(await store.get('report', 34)).toBe('b')
    expect(await refusal(store.set('report', 'c', 33))).toMatchObject(refused(33, 34))
  })

  test('reading claims: the update of a zombie that read before is not lost, it is refused', async () => {
    const store = fencedRedis(world.client())
    await store.set('balance', '100', 32)
    const [zombie, holder] = [await store.get('balance', 33), await store.get('balance', 34)]
    const late = await refusal(store.set('balance', String(Number(zombie) + 50), 33))
    await store.set('balance', String(Number(holder) + 10), 34)
    expect(late).toMatchObject(refused(33, 34))
    expect(await world.admin.hget('balance', 'value')).toBe('110')
  })

  test.each(['claim', 'get', 'del'] as const)(
    '%s alone shuts out whoever is earlier',
    async (op) => {
      const store = fencedRedis(world.client())
      await store[op]('report', 34)
      expect(await refusal(store.claim('report', 33))).toMatchObject(refused(33, 34))
    },
  )

  test('a deleted value leaves its fence', async () => {
    const store = fencedRedis(world.client())
    await store.set('report', 'a', 33)
    expect(await store.del('report', 34)).toBe(true)
    expect(await store.del('report', 34)).toBe(false)
    expect(await store.get('report', 34)).toBe(null)
    expect(await world.admin.hgetall('report')).toEqual({ fence: '34' })
    expect(await world.admin.ttl('report')).toBe(-1)
  })

  test('tokens are compared as numbers, to the largest', async () => {
    const store = fencedRedis(world.client())
    await store.claim('report', 9)
    await store.claim('report', 10)
    expect(await refusal(store.claim('report', 9))).toMatchObject(refused(9, 10))
    const most = Number.MAX_SAFE_INTEGER
    await store.claim('report', most)
    expect(await refusal(store.claim('report', most - 1))).toMatchObject(refused(most - 1, most))
    await store.claim('report', most)
  })

  test('with the tokens of real locks', async () => {
    const client = world.client()
    const [locks, store] = [world.locks({}, client), fencedRedis(client)]
    const first = await locks.mutex('m').use(({ fence }) => fence)
    await locks.mutex('m').use(({ fence }) => store.set('report', 'second', fence))
    expect(await refusal(store.set('report', 'first', first))).toMatchObject({ code: 'ERR_FENCED' })
  })

  test('one command each', async () => {
    const store = fencedRedis(world.client())
    await store.claim('report', 1)
    const counts = await world.during(async () => {
      await store.claim('report', 2)
      await store.get('report', 2)
      await store.set('report', 'a', 2)
      await store.del('report', 2)
    })
    expect([counts.evalsha, counts.eval]).toEqual([4, 0])
  })

  test('keys that are something else', async () => {
    const store = fencedRedis(world.client())
    await world.admin.set('text', 'a')
    await world.admin.hset('theirs', 'fence', 'of wood')
    for (const key of ['text', 'theirs']) {
      const error = await refusal(store.set(key, 'a', 1))
      expect(error).toMatchObject({ code: 'ERR_CONFIG' })
      expect(String(error)).toContain(JSON.stringify(key))
    }
    expect(await world.admin.get('text')).toBe('a')
    expect(await world.admin.hgetall('theirs')).toEqual({ fence: 'of wood' })
  })

  test('a server that is gone', async () => {
    const client = world.client({ retryStrategy: () => null })
    const store = fencedRedis(client)
    await store.claim('report', 1)
    client.disconnect()
    expect(await refusal(store.claim('report', 1))).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  })

  test.each([...kinds, ...otherKinds])('$name', async ({ make }) => {
    const made = await make(world.server.url)
    await made.connect()
    const before = made.allListeners()
    const store = fencedRedis(made.port)
    await world.admin.script('FLUSH')
    expect(await store.get('report', 33)).toBe(null)
    await store.set('report', 'ünï ✓', 34)
    expect(await store.get('report', 34)).toBe('ünï ✓')
    expect(await refusal(store.set('report', 'late', 33))).toMatchObject(refused(33, 34))
    expect(await store.del('report', 34)).toBe(true)
    expect(made.allListeners()).toBe(before)
    made.end()
  })
})

const noTokens = [-1, 1.5, 2 ** 53, Number.NaN, '33', undefined]
test.each(noTokens)('a token that is %s is refused before anything is sent', async (fence) => {
  const sent: unknown[] = []
  const port = { kind: 'none', run: sent.push, subscribe: sent.push, onReady: sent.push }
  const store = fencedRedis(port as never)
  for (const call of [
    () => store.claim('report', fence as number),
    () => store.get('report', fence as number),
    () => store.set('report', 'a', fence as number),
    () => store.del('report', fence as number),
  ]) {
    const error = await refusal(call())
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', given: fence })
    expect(String(error)).toContain('fence')
  }
  for (const call of [
    () => store.claim('', 1),
    () => store.claim('{a}:hf:fence:lock:a', 1),
    () => store.set('report', 7 as never, 1),
    () => store.set('report', '\uD800', 1),
  ]) {
    expect(await refusal(call())).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
  expect(sent).toEqual([])
})

test('what is no client', () => {
  expect(() => fencedRedis(undefined as never)).toThrow(/was given undefined/)
  for (const clients of [[], [{}], [{}, {}]]) {
    const wrong = expect.objectContaining({
      code: 'ERR_CONFIG',
      message: `fencedRedis takes one client; it was given an array of ${clients.length}. A key is fenced on one server, Cluster or Sentinel group.`,
    }) as Error
    expect(() => fencedRedis(clients as never)).toThrow(wrong)
  }
})

describe('on a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await TestCluster.start()
  })
  afterAll(() => cluster.stop())

  test.each(clusterKinds)('$name: keys of every server', async (kind) => {
    const { client, end } = await kind.open(cluster.seeds)
    const store = fencedRedis(client)
    // Ten keys are not all on one server but by a chance of 1 in 20,000.
    for (let i = 0; i < 10; i++) {
      const key = `${kind.name}:${i}`
      await store.set(key, 'a', 34)
      expect(await store.get(key, 34)).toBe('a')
      expect(await refusal(store.set(key, 'b', 33))).toMatchObject(refused(33, 34))
    }
    end()
  })
})
