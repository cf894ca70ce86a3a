import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast, type HoldfastError } from '../../src/index.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds, type ClusterKind, type Connected } from '../kit/cluster-clients.js'
import { documented } from '../real/acl-kit.js'
import { until } from '../real/kit.js'

const page = fileURLToPath(new URL('../../../../docs/cluster.md', import.meta.url))
const more = /^ {4}ACL SETUSER locks (.*)$/m.exec(readFileSync(page, 'utf8'))![1]!.split(' ')
const user = { username: 'locks', password: 'secret' }
const kindOf = (name: string): ClusterKind => clusterKinds.find((kind) => kind.name === name)!

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start()
})
afterAll(() => cluster.stop())

const allow = async (rights: readonly string[]): Promise<void> => {
  for (const { admin } of cluster.nodes) {
    await admin.call(
      'ACL',
      'SETUSER',
      'locks',
      'reset',
      'on',
      '>secret',
      ...documented(),
      ...rights,
    )
    await admin.call('ACL', 'LOG', 'RESET')
  }
}

/** What the servers have refused. Clients introduce themselves, and carry on when that is refused. */
const denied = async (): Promise<string[]> => {
  const logs = await Promise.all(cluster.nodes.map(({ admin }) => admin.call('ACL', 'LOG')))
  const objects = (logs.flat() as string[][]).map((entry) => entry[entry.indexOf('object') + 1]!)
  return [...new Set(objects)].filter((object) => !object.startsWith('client|'))
}

/** One holds a name of each primary and another waits for it, in a slot that moves meanwhile. */
async function everything(kind: ClusterKind): Promise<void> {
  const open: Connected[] = []
  const locks: Holdfast[] = []
  try {
    for (let i = 0; i < 2; i++) {
      open.push(await kind.open(cluster.seeds, user))
      locks.push(new Holdfast(open[i]!.client))
    }
    const [one, other] = locks as [Holdfast, Holdfast]
    const name = 'a'
    const from = await cluster.ownerOf(`lock:${name}`)
    const to = cluster.primaries.find((node) => node !== from)!
    const lock = await one.mutex(name, { ttl: 20_000 }).acquire()
    const next = other.mutex(name).acquire()
    await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
    await lock.release()
    await (await next).release()
    for await (const _ of one.list('*')) expect.unreachable('nothing is held')

    await cluster.beginMove(`lock:${name}`, to)
    try {
      // The slot has no key that is not on its way: every request is sent on with ASKING.
      await cluster.moveKeys(`lock:${name}`, from, to)
      const waiting = other.mutex(name, { wait: 10_000 }).acquire()
      waiting.catch(() => undefined)
      const tried = await one
        .mutex(name)
        .tryAcquire()
        .catch((error: HoldfastError) => error)
      if ((tried as HoldfastError).code === 'ERR_CONFIG') throw new Error('ERR_CONFIG')
      await cluster.endMove(`lock:${name}`, to)
      await (await waiting).release()
    } finally {
      await cluster.endMove(`lock:${name}`, to)
    }
  } finally {
    await Promise.all(locks.map((one) => one.close()))
    for (const { end } of open) end()
  }
}

test.each(clusterKinds)(
  'with the rights that are documented $name does everything',
  async (kind) => {
    await allow(more)
    await everything(kind)
    expect(await denied()).toEqual([])
  },
)

const without = (right: string): Promise<void> => {
  expect(more).toContain(right)
  return allow(more.filter((one) => one !== right))
}

test.each(['+cluster|slots', '+cluster|info'])(
  'without %s ioredis does not become ready',
  async (right) => {
    await without(right)
    const client = cluster.client({ redisOptions: user, clusterRetryStrategy: () => 20 })
    await until(async () => expect(await denied()).toContain(right.slice(1)))
    expect(client.status).not.toBe('ready')
    await allow(more)
    await until(() => expect(client.status).toBe('ready'))
    client.disconnect()
  },
)

// Of ioredis the refusal is a rejection that nobody can handle.
test('without +asking a wait for a name whose slot is under way fails', async () => {
  await without('+asking')
  await expect(everything(kindOf('node-redis 6'))).rejects.toThrow('ERR_CONFIG')
  expect(await denied()).toContain('asking')
})

test('without +ping Valkey GLIDE does not connect', async () => {
  await without('+ping')
  await expect(kindOf('Valkey GLIDE').open(cluster.seeds, user)).rejects.toThrow(/PermissionDenied/)
  expect(await denied()).toContain('ping')
})
