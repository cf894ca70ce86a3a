import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { pkg } from '../lib/paths.mjs'
import { testKit } from '../lib/kit.mjs'
import { reserve } from './namespace.mjs'

const ENGINES = ['valkey', 'redis']
// A restart is an absence then and no loss; what is to be lost is taken from the disk.
const LASTING = ['--appendonly', 'yes', '--appendfsync', 'always']

/** One server, a connection of ours to it, and a proxy for each process that is to reach it. */
export class Node {
  /** Proxies by the place of the process they are for. */
  proxies = new Map()

  constructor(server, host) {
    this.server = server
    /** Its address where packets can be lost; only of a run in a network of its own. */
    this.host = host
    this.admin = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
    this.admin.on('error', () => {})
  }

  get name() {
    return `${this.server.engine}:${this.server.port}`
  }

  /** Not by way of a proxy. */
  get url() {
    return `redis://${this.host}:${this.server.port}`
  }

  /** Back on its port with all that it has confirmed, or with nothing. */
  async restart({ empty = false, pause = async () => {} }) {
    const folder = empty ? (await this.admin.config('GET', 'dir'))[1] : null
    await this.server.kill()
    await pause()
    if (folder) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true })
    if (folder) await rm(join(folder, 'appendonly.aof'), { force: true })
    await this.server.restart()
    await this.admin.ping()
  }

  /** How often the server has refused with one of these errors. */
  async refusals(codes) {
    const text = await this.admin.info('errorstats')
    const all = text.matchAll(/errorstat_(\w+):count=(\d+)/g)
    return [...all].reduce(
      (sum, [, code, count]) => sum + (codes.includes(code) ? Number(count) : 0),
      0,
    )
  }

  /**
   * Its data are those of another one from now on. And as sentinels do, it sends away those who are still
   * connected: clients would stay with one that only refuses.
   */
  async follow({ server: { host, port } }) {
    const { admin } = this
    const away = ['normal', 'pubsub'].map((type) => [
      'client',
      'KILL',
      'TYPE',
      type,
      'SKIPME',
      'yes',
    ])
    await admin.multi([['replicaof', host, port], ...away]).exec()
  }

  async keys() {
    const keys = await this.admin.keys('*')
    return keys.filter((key) => !key.includes(':hf:fence:') && key !== '{hf}:hf:node')
  }

  async stop() {
    this.admin.disconnect()
    for (const proxy of this.proxies.values()) await proxy.close()
    await this.server.stop()
  }
}

/** One of several: often one node, at times so many that a quorum is lost, or all. */
function someNodes(nodes, random) {
  const most = Math.floor((nodes.length - 1) / 2)
  const sizes = [1, 1, 1, 1, 1, 1, most, most, most + 1, nodes.length]
  const size = Math.max(1, random.pick(sizes))
  const rest = [...nodes]
  return Array.from({ length: size }, () => rest.splice(random.below(rest.length), 1)[0])
}

/** @typedef {Servers | import('./sentinel.mjs').SentinelGroup | import('./cluster.mjs').ClusterServers} AnyServers */

/** 1 server, or several that know nothing of each other: a quorum. */
export class Servers {
  /** How the Holdfasts of one process differ. */
  ways = ['proxied', 'direct']
  /** A lease that many faults outlast; of a quorum every lease is to end within the quarantine. */
  ttl = 1000
  /** One of so many holders holds for longer than that. */
  longOne = 100
  /** The names of which a server may forget who has them: all. */
  forgotten = [undefined]
  /** @type {Node[]} */
  nodes = []
  #FaultProxy

  /**
   * @param {object} options
   * @param {number} options.count
   * @param {string} [options.engine] of all of them; else they are mixed
   * @param {boolean} options.network whether this is a network of our own
   */
  static async start({ count, engine, network }) {
    const servers = new Servers()
    servers.#FaultProxy = (await testKit('proxy')).FaultProxy
    const entry = pathToFileURL(join(pkg, 'dist/testing/index.js')).href
    const { startServer, findServer } = await import(entry)
    const found = await Promise.all(ENGINES.map((one) => findServer({ engine: one })))
    const engines = engine ? [engine] : found.filter(Boolean).map((one) => one.engine)
    for (let i = 0; i < count; i++) {
      const host = network ? `127.0.0.${11 + i}` : '127.0.0.1'
      const args = network ? [...LASTING, '--bind', '127.0.0.1', host] : LASTING
      const server = await startServer({ engine: engines[i % engines.length], args })
      servers.nodes.push(new Node(server, host))
    }
    return servers
  }

  /** Whose column of the table of what may break. */
  get kind() {
    return this.quorum ? 'quorum' : 'one'
  }

  get says() {
    return this.nodes.map(({ server: { engine, version } }) => `${engine} ${version}`).join(', ')
  }

  get quorum() {
    return this.nodes.length > 1
  }

  /** Those that a fault is for. */
  async choose(random) {
    return someNodes(this.nodes, random)
  }

  /** Ways of one process or of all, to some nodes. */
  proxies(random, place) {
    const all = random.below(3) === 0
    return someNodes(this.nodes, random).flatMap(({ proxies }) =>
      all ? [...proxies.values()] : [proxies.get(place)],
    )
  }

  /** Where the process in this place connects to: by way of proxies, or directly. */
  async reach(place, way) {
    const urls = []
    for (const node of this.nodes) {
      if (way === 'direct') urls.push(node.url)
      else {
        if (!node.proxies.has(place)) {
          const target = { host: '127.0.0.1', port: node.server.port }
          node.proxies.set(place, await this.#FaultProxy.start(target))
        }
        urls.push(node.proxies.get(place).url)
      }
    }
    return { urls }
  }

  /** As whoever sets a quorum up does, once. */
  async bootstrap(options) {
    const { Holdfast } = await import('holdfast')
    const locks = new Holdfast(
      this.nodes.map(({ admin }) => admin),
      options,
    )
    await locks.bootstrap()
    await locks.close()
  }

  /** Of the servers, and of the proxies that there are by now. */
  reservePorts() {
    reserve(
      this.nodes.flatMap(({ server, proxies }) => [
        server.port,
        ...[...proxies.values()].map(({ port }) => port),
      ]),
    )
  }

  async keys() {
    return (await Promise.all(this.nodes.map((node) => node.keys()))).flat()
  }

  async stop() {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}
