import { Cluster, Redis } from 'ioredis'
import { slotOf } from '../../src/kernel/names.js'
import { startServer, type RunningServer, type ServerEngine } from '../../src/testing/index.js'
import { freePort } from '../../src/testing/wire.js'
import { until } from './until.js'

type ClientOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>

const SLOTS = 16384

/** A server of the cluster, and an own connection to it for whatever the tests do to it. */
export interface ClusterNode {
  readonly server: RunningServer
  readonly admin: Redis
  /** Its name in the cluster. */
  readonly id: string
}

export interface StartClusterOptions {
  readonly engine?: ServerEngine
  /** Default 3. The slots are divided evenly between them, in their order. */
  readonly primaries?: number
  /** Of each primary. Default 0. */
  readonly replicas?: number
  /** After how long a silent server counts as failed, ms. Default 1000. */
  readonly nodeTimeout?: number
  /** More arguments for each server. */
  readonly args?: readonly string[]
}

/**
 * A real cluster on 127.0.0.1, without anything on disk but the servers' own notes. The servers end
 * with this process, in whatever way it ends.
 */
export class TestCluster {
  readonly nodes: readonly ClusterNode[]
  readonly #primaries: number
  #clients: Cluster[] = []

  private constructor(nodes: readonly ClusterNode[], primaries: number) {
    this.nodes = nodes
    this.#primaries = primaries
  }

  static async start(options: StartClusterOptions = {}): Promise<TestCluster> {
    const { primaries = 3, replicas = 0, engine, args = [], nodeTimeout = 1000 } = options
    const all = Array.from({ length: primaries * (1 + replicas) }, () =>
      startNode(engine, [...args, '--cluster-node-timeout', String(nodeTimeout)]),
    )
    const started = await Promise.allSettled(all)
    const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const cluster = new TestCluster(nodes, primaries)
    try {
      for (const one of started) if (one.status === 'rejected') throw one.reason
      await cluster.#join()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  async #join(): Promise<void> {
    const [first, ...others] = this.nodes
    const share = SLOTS / this.#primaries
    for (const [i, { admin }] of this.nodes.entries()) {
      // Epochs that differ from the start spare the cluster a vote on them.
      await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      if (i >= this.#primaries) continue
      const end = Math.floor((i + 1) * share) - 1
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', String(Math.floor(i * share)), String(end))
    }
    const meet = async (): Promise<void> => {
      for (const { server, admin } of others) {
        const bus = await busPort(admin)
        await first!.admin.call('CLUSTER', 'MEET', server.host, String(server.port), bus)
      }
    }
    await meet()
    // A handshake is given up after the node time-out, which is short on a busy machine.
    const again = setInterval(() => void meet().catch(() => undefined), 3000)
    try {
      for (const { admin } of this.nodes) {
        await until(async () => {
          const known = String(await admin.call('CLUSTER', 'INFO'))
          if (!known.includes(`cluster_known_nodes:${this.nodes.length}\r`)) throw new Error(known)
        })
      }
    } finally {
      clearInterval(again)
    }
    for (const [i, { admin }] of this.nodes.entries()) {
      if (i < this.#primaries) continue
      await until(() => admin.call('CLUSTER', 'REPLICATE', this.nodes[i % this.#primaries]!.id))
    }
    await this.settled()
    for (const { admin } of this.nodes.slice(this.#primaries)) {
      await until(async () => {
        const info = await admin.info('replication')
        if (!info.includes('master_link_status:up')) throw new Error(info)
      })
    }
    await this.#heard()
  }

  /**
   * A message of each server has reached every other. Valkey 8.0 loses the one that is the first on a
   * new link, and closes the link.
   */
  async #heard(): Promise<void> {
    const heard = new Set<string>()
    const ears = this.nodes.map(({ admin }) => admin.duplicate())
    try {
      for (const [i, ear] of ears.entries()) {
        ear.on('message', (_channel, from) => heard.add(`${from} ${i}`))
        await ear.subscribe('heard')
      }
      await until(async () => {
        for (const { admin, id } of this.nodes) await admin.publish('heard', id)
        if (heard.size < this.nodes.length ** 2) throw new Error('not everybody hears everybody')
      })
    } finally {
      for (const ear of ears) ear.disconnect()
    }
  }

  /** Every server that answers says that the cluster is whole, and they agree on who has what. */
  async settled(nodes: readonly ClusterNode[] = this.nodes): Promise<void> {
    await until(async () => {
      const views = new Set<string>()
      for (const { admin } of nodes) {
        const info = String(await admin.call('CLUSTER', 'INFO'))
        if (!info.includes('cluster_state:ok')) throw new Error(info)
        views.add(String((await owners(admin)).join('\n')))
      }
      if (views.size > 1) throw new Error(`the nodes disagree: ${[...views].join(' / ')}`)
    }, 20_000)
  }

  get seeds(): { host: string; port: number }[] {
    return this.nodes.map(({ server: { host, port } }) => ({ host, port }))
  }

  /** A client of its own, as a user makes one. */
  client(options: ClientOptions = {}): Cluster {
    const client = new Cluster(this.seeds, options)
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  /** The primaries of this start, which are those of today unless there was a failover. */
  get primaries(): readonly ClusterNode[] {
    return this.nodes.slice(0, this.#primaries)
  }

  /** Who serves a key's slot now, as this node says (the first one that is asked by default). */
  async ownerOf(key: string, asked: ClusterNode = this.nodes[0]!): Promise<ClusterNode> {
    const slot = slotOf(key)
    for (const line of await owners(asked.admin)) {
      const [from, to, id] = line.split(' ')
      if (slot >= Number(from) && slot <= Number(to)) return this.nodes.find((n) => n.id === id)!
    }
    throw new Error(`nobody has slot ${slot}`)
  }

  /** The slot of a key is about to leave its node: each server answers as in the midst of a move. */
  async beginMove(key: string, to: ClusterNode): Promise<ClusterNode> {
    const slot = String(slotOf(key))
    const from = await this.ownerOf(key)
    await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
    await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
    return from
  }

  /** The keys in the slot of a key, at most 100, that a node has. */
  async besides(key: string, { admin }: ClusterNode): Promise<string[]> {
    return (await admin.call('CLUSTER', 'GETKEYSINSLOT', String(slotOf(key)), '100')) as string[]
  }

  /** The keys of the slot move, all of them or the given ones. */
  async moveKeys(key: string, from: ClusterNode, to: ClusterNode, only?: string[]): Promise<void> {
    const { host, port } = to.server
    for (;;) {
      const keys = (await this.besides(key, from)).filter((one) => only?.includes(one) ?? true)
      if (keys.length === 0) return
      // REPLACE is not given: a key on both sides is an error of the test.
      const target = [host, String(port), '', '0', '5000']
      await from.admin.call('MIGRATE', ...target, 'KEYS', ...keys)
      if (only) return
    }
  }

  /** @param primaries those of today, if there was a failover */
  async endMove(key: string, to: ClusterNode, primaries = this.primaries): Promise<void> {
    const slot = String(slotOf(key))
    // The new owner first, so that there always is one.
    const rest = primaries.filter((node) => node !== to && node.admin.status === 'ready')
    for (const { admin } of [to, ...rest])
      await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  }

  /** Moves a slot with its keys, as `redis-cli --cluster reshard` does. */
  async move(key: string, to: ClusterNode): Promise<void> {
    const from = await this.beginMove(key, to)
    await this.moveKeys(key, from, to)
    await this.endMove(key, to)
  }

  /** All keys on all servers that answer, fences left out. */
  async keys(): Promise<string[]> {
    const live = this.nodes.filter(({ admin }) => admin.status === 'ready')
    const found = await Promise.all(live.map(({ admin }) => admin.keys('*')))
    return [...new Set(found.flat())].filter((key) => !key.includes(':hf:fence:')).toSorted()
  }

  /** Calls of a command that the servers have carried out, scripts included, all servers together. */
  async calls(command: string): Promise<number> {
    const infos = await Promise.all(this.nodes.map(({ admin }) => admin.info('commandstats')))
    const count = new RegExp(`cmdstat_${command}:calls=(\\d+)`)
    return infos.reduce((sum, info) => sum + Number(count.exec(info)?.[1] ?? 0), 0)
  }

  disconnectClients(): void {
    for (const client of this.#clients.splice(0)) client.disconnect()
  }

  async stop(): Promise<void> {
    this.disconnectClients()
    for (const { admin } of this.nodes) admin.disconnect()
    await Promise.all(this.nodes.map(({ server }) => server.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

async function startNode(
  engine: ServerEngine | undefined,
  args: readonly string[],
): Promise<ClusterNode> {
  for (let attempt = 1; ; attempt++) {
    // The usual bus port is the port + 10000, which a free port may be too high for.
    const bus = String(await freePort())
    const own = ['--cluster-enabled', 'yes', '--cluster-port', bus]
    const quick = ['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0']
    try {
      const server = await startServer({ engine, args: [...own, ...quick, ...args] })
      const admin = new Redis(server.url, { retryStrategy: () => 50 })
      admin.on('error', () => {})
      const id = String(await admin.call('CLUSTER', 'MYID'))
      return { server, admin, id }
    } catch (error) {
      // Another process may have taken the bus port between the choice and the bind.
      if (attempt === 3) throw error
    }
  }
}

/** `first last id-of-primary` of each range of slots, as this server sees it. */
async function owners(admin: Redis): Promise<string[]> {
  const ranges = (await admin.call('CLUSTER', 'SLOTS')) as [
    number,
    number,
    [string, number, string],
  ][]
  return ranges.map(([from, to, [, , id]]) => `${from} ${to} ${id}`).toSorted()
}

async function busPort(admin: Redis): Promise<string> {
  const [, bus] = (await admin.call('CONFIG', 'GET', 'cluster-port')) as [string, string]
  return bus
}
