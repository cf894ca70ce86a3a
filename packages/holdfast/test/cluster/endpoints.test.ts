import { GlideClusterClient } from '@valkey/valkey-glide'
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { TestCluster } from '../kit/cluster.js'
import '../kit/cluster-clients.js'

// Behind a proxy or a load balancer: servers that do not say under which address they are reached.
test.each([
  ['nothing', []],
  ['a name', ['--cluster-announce-hostname', 'localhost']],
])('Valkey GLIDE lists the names of servers that tell no address but %s', async (_what, more) => {
  const args = [...more, '--cluster-preferred-endpoint-type', 'unknown-endpoint']
  await using cluster = await TestCluster.start({ args })
  const client = await GlideClusterClient.createClient({ addresses: cluster.seeds.slice(0, 1) })
  const locks = new Holdfast(client, { checkEviction: false })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of names) await locks.mutex(name).acquire({ wait: 0 })
  const owners = await Promise.all(names.map((name) => cluster.ownerOf(`lock:${name}`)))
  expect(new Set(owners).size).toBe(3)
  const listed: string[] = []
  for await (const { name } of locks.list()) listed.push(name)
  expect(listed.toSorted()).toEqual(names)
  await locks.close()
  client.close()
})
