import { afterAll, beforeAll, describe, it } from 'vitest'
import { conformance } from '../../src/testing/index.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds, sentinelKinds, type Connected } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'

/** All cases by turns on two clients: to make some of these takes 100 ms in which nothing else runs. */
function suite(open: () => Promise<Connected>, flushScripts: () => Promise<unknown>): void {
  let two: Connected[]
  let turn = 0
  beforeAll(async () => {
    two = [await open(), await open()]
  })
  afterAll(() => {
    for (const { end } of two) end()
  })
  const target = {
    open: async () => ({ client: two[turn++ % 2]!.client, close: async () => {} }),
    flushScripts,
  }
  for (const { name, run } of conformance(target)) it.concurrent(name, run)
}

describe('a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await TestCluster.start()
  })
  afterAll(() => cluster.stop())

  describe.each(clusterKinds)('$name', (kind) => {
    suite(
      () => kind.open(cluster.seeds),
      () => Promise.all(cluster.nodes.map(({ admin }) => admin.script('FLUSH'))),
    )
  })
})

describe('sentinels', () => {
  let group: TestSentinel
  beforeAll(async () => {
    group = await TestSentinel.start()
  })
  afterAll(() => group.stop())

  describe.each(sentinelKinds)('$name', (kind) => {
    suite(
      () => kind.open(group.addresses, group.name),
      async () => group.admin(await group.primary()).script('FLUSH'),
    )
  })
})
