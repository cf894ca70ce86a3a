import { testKit } from '../lib/kit.mjs'
import { lockNames } from './cycles.mjs'
import { settled } from './left-over.mjs'
import { reserve } from './namespace.mjs'
import { Node } from './servers.mjs'

// Sooner, and a server that only waits for its turn on a busy machine is replaced.
const DOWN_AFTER_MS = 1000
// On a busy machine the sentinels give a failover up, or do nothing for half a minute (TILT).
const [GIVEN_UP_MS, FAILOVER_MS] = [12_000, 90_000]

/** A primary, its replica, and three sentinels. */
export class SentinelGroup {
  kind = 'sentinel'
  quorum = false
  /** Clients find the servers themselves. */
  roaming = true
  /**
   * Those who have the replica acknowledge what they are granted share names among themselves, which nobody
   * else takes: of them exclusion is asked for even where a primary is lost.
   */
  ways = ['acknowledged', 'plain']
  /** A failover outlasts many leases, and not all. */
  ttl = 4000
  /** What was lost shows only if its holder still holds it when another one is the primary. */
  longOne = 15
  /** @type {Node[]} */
  nodes = []
  #group

  static async start({ engine }) {
    const servers = new SentinelGroup()
    const { TestSentinel } = await testKit('sentinel')
    servers.#group = await TestSentinel.start({ engine, downAfter: DOWN_AFTER_MS })
    servers.nodes = servers.#group.servers.map((server) => new Node(server, '127.0.0.1'))
    return servers
  }

  get says() {
    const { engine, version } = this.nodes[0].server
    return `${engine} ${version}, a primary, its replica and three sentinels`
  }

  async reach(_place, way) {
    const urls = [{ sentinels: this.#group.addresses, name: this.#group.name }]
    if (way === 'plain') return { urls }
    return { urls, space: 'kept:', holdfast: { replicas: 1, prefix: 'kept:lock:' } }
  }

  /** The names of those who do not have it acknowledged. */
  forgotten = lockNames

  #node(server) {
    return this.nodes.find((node) => node.server === server)
  }

  async choose() {
    return [this.#node(await this.#group.primary())]
  }

  /** An orderly failover, asked for until there is another primary. */
  async failover(old) {
    const group = this.#group
    const asked = async () => {
      await group.failover().catch(() => {})
      return settled(async () => (await group.primary()) !== old.server, GIVEN_UP_MS)
    }
    if (!(await settled(asked, FAILOVER_MS))) throw new Error('the replica was not promoted')
  }

  /** Resolves when another one is the primary. @returns {Promise<Node>} that one */
  async replaced(old) {
    return this.#node(await this.#group.replaced(old.server))
  }

  /** Resolves when one follows the other, and the next failover can come. */
  whole() {
    return this.#group.settled()
  }

  reservePorts() {
    reserve(
      [...this.nodes.map(({ server }) => server), ...this.#group.addresses].map(({ port }) => port),
    )
  }

  async keys() {
    return (await Promise.all(this.nodes.map((node) => node.keys()))).flat()
  }

  async stop() {
    for (const { admin } of this.nodes) admin.disconnect()
    await this.#group.stop()
  }
}
