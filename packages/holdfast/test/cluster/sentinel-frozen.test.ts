/** A primary that is frozen keeps its connections: a client has to be told of the new one. */
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { sentinelKinds, type SentinelKind } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { refusal, until } from '../real/kit.js'

const detecting = (name: string, Kind: typeof Redis): SentinelKind => ({
  name,
  open: async (sentinels, group) => {
    const options = { failoverDetector: true, lazyConnect: true }
    const client = new Kind({ sentinels: [...sentinels], name: group, ...options })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
})

const kinds: readonly SentinelKind[] = [
  detecting('ioredis 6', Redis),
  detecting('ioredis 5', Redis5 as unknown as typeof Redis),
  detecting('iovalkey', Valkey as unknown as typeof Redis),
  ...sentinelKinds.filter(({ name }) => name.startsWith('node-redis')),
]

test('ioredis with failoverDetector, and node-redis, leave a frozen primary', async () => {
  await using sentinel = await TestSentinel.start()
  const all = await Promise.all(
    kinds.map(async (kind) => {
      const { client, end } = await kind.open(sentinel.addresses, sentinel.name)
      return {
        name: kind.name,
        end,
        locks: new Holdfast(client, { checkEviction: false, localHandovers: 0 }),
      }
    }),
  )
  // Everybody is subscribed.
  await Promise.all(
    all.map(async ({ name, locks }) => {
      const held = await locks.mutex(name).acquire()
      const next = locks.mutex(name).acquire()
      await until(async () => expect((await locks.inspect(name)).waiterCount).toBe(1))
      await held.release()
      await (await next).release()
    }),
  )
  const old = await sentinel.primary()
  old.freeze()
  await Promise.all(
    all.map(async ({ name, locks }) => {
      const held = await until(() => locks.mutex(`new ${name}`).acquire({ wait: 0 }), 15_000)
      const next = locks.mutex(`new ${name}`).acquire({ wait: 15_000 })
      await until(async () => expect((await locks.inspect(`new ${name}`)).waiterCount).toBe(1))
      await held.release()
      await (await next).release()
    }),
  )
  old.thaw()
  await Promise.all(all.map(({ locks }) => locks.close()))
  for (const { end } of all) end()
})

test('ioredis, told of a failover while it connects, ends, and a listener brings it back', async () => {
  await using sentinel = await TestSentinel.start({ replicas: 0, sentinels: 1 })
  const { addresses: sentinels, name } = sentinel
  for (const Kind of [Redis, Redis5, Valkey] as unknown as (typeof Redis)[]) {
    const client = new Kind({ sentinels, name, failoverDetector: true })
    client.on('error', () => {})
    const locks = new Holdfast(client, { checkEviction: false })
    await locks.mutex('a').use(() => undefined)
    const { connector } = client as unknown as { connector: { disconnect(): void } }
    const toldAsItConnects = async (): Promise<void> => {
      const connecting = once(client, 'connecting')
      client.disconnect(true)
      await connecting
      // What its detector does when a sentinel says `+switch-master`.
      connector.disconnect()
    }
    await toldAsItConnects()
    await until(() => expect(client.status).toBe('end'))
    expect(await refusal(locks.mutex('a').tryAcquire())).toMatchObject({ code: 'ERR_UNAVAILABLE' })

    await client.connect()
    client.on('end', () => void client.connect().catch(() => {}))
    await toldAsItConnects()
    await locks.mutex('a', { wait: 15_000 }).use(() => undefined)
    await locks.close()
    client.removeAllListeners('end').disconnect()
  }
})
