import { testKit } from '../lib/kit.mjs'
import { lockNames } from './cycles.mjs'
import { settled } from './left-over.mjs'
import { Node } from './servers.mjs'

// No server fails here unless it is asked to: on a busy machine one may have to wait for its turn.
const NODE_TIMEOUT_MS = 5000
// The servers give one up that was asked for after 5 s, and vote for the heir of a primary only once in two of
// these times.
const [GIVEN_UP_MS, FAILOVER_MS] = [5500, 40_000]
const PRIMARIES = 3

/** Whether a server says so of its role. */
const says = async ({ admin }, what) => (await admin.role()).includes(what)

/** A cluster of three primaries with a replica each. */
export class ClusterServers {
  kind = 'cluster'
  quorum = false
  /** Clients find the servers themselves. */
  roaming = true
  ways = ['one', 'other']
  /** A slot that is under way outlasts many leases, and not all. */
  ttl = 1000
  /** Many have to hold on while a slot moves. */
  longOne = 15
  /** @type {Node[]} */
  nodes = []
  #cluster

  static async start({ engine }) {
    const servers = new ClusterServers()
    const { TestCluster } = await testKit('cluster')
    const options = { primaries: PRIMARIES, replicas: 1, nodeTimeout: NODE_TIMEOUT_MS, engine }
    servers.#cluster = await TestCluster.start(options)
    servers.nodes = servers.#cluster.nodes.map(({ server }) => new Node(server, '127.0.0.1'))
    return servers
  }

  get says() {
    const { engine, version } = this.nodes[0].server
    return `${engine} ${version}, a cluster of ${PRIMARIES} primaries with a replica each`
  }

  async reach() {
    return { urls: [{ seeds: this.#cluster.seeds }] }
  }

  /** One primary, or all. */
  async choose(random) {
    const members = await this.#primaries()
    const nodes = members.map((member) => this.#node(member))
    return random.below(2) === 0 ? [random.pick(nodes)] : nodes
  }

  #node({ server }) {
    return this.nodes.find((node) => node.server === server)
  }

  async #primaries() {
    const all = this.#cluster.nodes
    const roles = await Promise.all(all.map(({ admin }) => admin.role()))
    return all.filter((_, i) => roles[i][0] === 'master')
  }

  /**
   * The slot of one of the names goes to another primary, in the order of `redis-cli --cluster reshard`: key
   * by key, and then everybody is told.
   *
   * @param {() => Promise<void>} halfWay when half of the keys that there were have moved
   */
  async reshard(random, halfWay) {
    const cluster = this.#cluster
    const key = `lock:${random.pick(lockNames)}`
    const from = await cluster.ownerOf(key)
    const primaries = await this.#primaries()
    const to = random.pick(primaries.filter((one) => one !== from))
    await cluster.beginMove(key, to)
    const keys = await cluster.besides(key, from)
    const half = random.below(keys.length + 1)
    for (const [i, one] of keys.entries()) {
      if (i === half) await halfWay()
      await cluster.moveKeys(key, from, to, [one])
    }
    if (half === keys.length) await halfWay()
    // What has come since.
    await cluster.moveKeys(key, from, to)
    await cluster.endMove(key, to, primaries)
    await cluster.settled()
  }

  /** The replica of a primary that has one of the names takes its place, and it follows. */
  async failover(random) {
    const cluster = this.#cluster
    const old = await cluster.ownerOf(`lock:${random.pick(lockNames)}`)
    let next
    // After the last one a primary may not know yet who follows it.
    const known = async () => {
      const lines = await old.admin.call('CLUSTER', 'REPLICAS', old.id)
      next = cluster.nodes.find(({ id }) => lines[0]?.startsWith(id))
      return next !== undefined
    }
    if (!(await settled(known, FAILOVER_MS))) throw new Error('a primary has no replica')
    const promoted = async () => {
      // Which it refuses if it has taken over by now.
      await next.admin.call('CLUSTER', 'FAILOVER').catch(() => {})
      return settled(() => says(next, 'master'), GIVEN_UP_MS)
    }
    if (!(await settled(promoted, FAILOVER_MS))) throw new Error('a replica was not promoted')
    await cluster.settled()
    // The next failover needs a replica that has everything.
    if (!(await settled(() => says(old, 'connected'), FAILOVER_MS))) {
      throw new Error('a primary that was replaced does not follow')
    }
  }

  /** None of them ends before the run does. */
  reservePorts() {}

  async keys() {
    return (await Promise.all(this.nodes.map((node) => node.keys()))).flat()
  }

  async stop() {
    for (const { admin } of this.nodes) admin.disconnect()
    await this.#cluster.stop()
  }
}
