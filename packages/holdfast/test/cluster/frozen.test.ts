/** A primary that is frozen accepts connections and says nothing: no subscriber may stay with it. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Holdfast, type Lock } from '../../src/index.js'
import { TestCluster, type ClusterNode } from '../kit/cluster.js'
import { clusterKinds, type ClusterKind } from '../kit/cluster-clients.js'
import { until } from '../real/kit.js'

let cluster: TestCluster
let frozen: ClusterNode
let gate: Holdfast
beforeAll(async () => {
  cluster = await TestCluster.start({ args: ['--cluster-require-full-coverage', 'no'] })
  frozen = cluster.nodes[2]!
  gate = new Holdfast(cluster.client(), { checkEviction: false })
})
afterAll(async () => {
  await gate.close()
  await cluster.stop()
})

/** One client, and a Holdfast of its for each primary, which subscribes there first. */
interface Three {
  readonly name: string
  readonly all: readonly Holdfast[]
  close(): Promise<void>
}

async function three(kind: ClusterKind): Promise<Three> {
  const { client, end } = await kind.open(cluster.seeds)
  let turn = 0
  const random = vi.spyOn(Math, 'random').mockImplementation(() => (turn++ % 3) / 1000)
  const all = [0, 1, 2].map(() => new Holdfast(client, { checkEviction: false }))
  random.mockRestore()
  let name = kind.name
  while ((await cluster.ownerOf(`lock:${name}`)) === frozen) name += '.'
  const close = async (): Promise<void> => {
    await Promise.all(all.map((locks) => locks.close()))
    await end()
  }
  return { name, all, close }
}

const options = { ttl: 2000, claim: 300 }
const hold = (name: string): Promise<Lock> => gate.mutex(name, { ttl: 3000 }).acquire()
const inLine = (name: string, count: number): Promise<unknown> =>
  until(async () => expect((await gate.inspect(name)).waiterCount).toBe(count), 15_000)
const served = (waits: readonly Promise<Lock>[]): Promise<unknown> =>
  Promise.all(waits.map(async (wait) => (await wait).release()))

async function freeze(): Promise<void> {
  frozen.server.freeze()
  // Until the others have noticed they answer nobody who asks for the state of the cluster.
  await new Promise((resolve) => setTimeout(resolve, 2500))
}
async function thaw(): Promise<void> {
  frozen.server.thaw()
  await cluster.settled()
}

// GLIDE makes no client while a node is silent.
const kinds = clusterKinds.filter(({ name }) => !name.includes('GLIDE'))

test('nobody waits for the confirmation of a frozen primary', async () => {
  const all = await Promise.all(kinds.map(three))
  await freeze()
  await Promise.all(
    all.map(async (one) => {
      const held = await hold(one.name)
      const waits = one.all.map((locks) => locks.mutex(one.name, options).acquire({ wait: 15_000 }))
      await inLine(one.name, 3)
      await held.release()
      await served(waits)
      await one.close()
    }),
  )
  await thaw()
})

test('nor hears nothing for ever, when it is subscribed there already', async () => {
  const all = await Promise.all(kinds.map(three))
  const on = async (node: ClusterNode): Promise<string[]> =>
    (await node.admin.pubsub('CHANNELS', 'lock:client:*')) as string[]
  const held = await Promise.all(all.map(({ name }) => hold(name)))
  const waits = all.flatMap(({ name, all: three }) =>
    three.map((locks) => locks.mutex(name, options).acquire({ wait: 15_000 })),
  )
  await Promise.all(all.map(({ name }) => inLine(name, 3)))
  const deaf = await on(frozen)
  expect(deaf.length).toBeGreaterThanOrEqual(kinds.length)
  await freeze()
  await Promise.all(held.map((lock) => lock.release()))
  await served(waits)
  // Each of them was granted the name once without hearing of it.
  const live = cluster.nodes.filter((node) => node !== frozen)
  await until(async () => {
    const heard = (await Promise.all(live.map(on))).flat()
    for (const channel of deaf) expect(heard).toContain(channel)
  }, 15_000)
  await Promise.all(all.map((one) => one.close()))
  await thaw()
})
