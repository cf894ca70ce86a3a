// What goes wrong, and when: as a seed says.
import { setTimeout as sleep } from 'node:timers/promises'
import { clientFaults } from './kinds/clients.mjs'
import { clusterFaults } from './kinds/cluster.mjs'
import { networkFaults } from './kinds/network.mjs'
import { sentinelFaults } from './kinds/sentinel.mjs'
import { serverFaults } from './kinds/servers.mjs'
import { MAY_BREAK } from './may-break.mjs'
import { seeded } from './random.mjs'

// How long a fault lasts: from a hiccup to several lengths of the lease.
const LENGTH_MS = [20, 4000]
// And how long the pause between two of a lane: some time to work in.
const GAP_MS = [20, 4000]
// At first, so that each kind comes up soon, and hits.
const [LENGTH_AT_FIRST_MS, AT_FIRST_MS] = [
  [200, 1500],
  [20, 200],
]

/**
 * @typedef {object} Scene what a fault may use
 * @property {import('./servers.mjs').AnyServers} servers
 * @property {import('./servers.mjs').Node[]} nodes that it is for
 * @property {object[]} proxies that it is for, if there are any
 * @property {object} worker that it is for
 * @property {() => number} length of a fault, ms
 * @property {() => Promise<void>} pause for such a length
 *
 * @callback Play
 * @param {Scene} scene
 * @returns {Promise<number | void>} how often it hit, where that can be told at once
 */

const { rolling: _rolling, ...ofOne } = serverFaults
const { scripts, subscribers, cut, pause } = serverFaults
// Sentinels and clusters tell clients where the servers are, so that no proxy is in between. And nothing else
// may forget what a replica has acknowledged than what the replica is there for.
const anywhere = { scripts, subscribers, cut, pause }
const LANES = {
  one: [ofOne, networkFaults, clientFaults],
  quorum: [serverFaults, networkFaults, clientFaults],
  sentinel: [{ ...sentinelFaults, ...anywhere }, clientFaults],
  cluster: [{ ...clusterFaults, ...anywhere }, clientFaults],
}
/** Every kind that there is on such servers. */
export const faultsOf = (kind) => LANES[kind].flatMap((lane) => Object.keys(lane))

/** The faults of a run: two lanes or three, one fault at a time in each. */
export class Plan {
  /** What has happened: kind, when, to whom, and how often it hit as far as it can tell. */
  done = []
  #stage
  #lanes

  /**
   * @param {object} stage servers, workers, recorder, ttl, quarantine; and why nothing can be lost in the
   * kernel, if that is so
   * @param {string | undefined} only one kind
   */
  constructor(stage, only) {
    this.#stage = stage
    const { servers, noNetwork } = stage
    const left = ([kind]) =>
      (only === undefined || kind === only) && (kind !== 'partition' || noNetwork === null)
    this.#lanes = LANES[servers.kind].map((kinds) =>
      Object.fromEntries(Object.entries(kinds).filter(left)),
    )
  }

  get kinds() {
    return this.#lanes.flatMap((kinds) => Object.keys(kinds))
  }

  of(kind) {
    return this.done.filter((one) => one.kind === kind)
  }

  /**
   * Each kind once, and then as it comes, until it is told to end; then everything is whole.
   *
   * @param {number} seed
   * @param {() => boolean} ended
   * @param {(kind: string) => boolean} wanted
   */
  async run(seed, ended, wanted = () => true) {
    await Promise.all(
      this.#lanes.map((all, i) => {
        const kinds = Object.entries(all).filter(([kind]) => wanted(kind))
        return this.#lane(Object.fromEntries(kinds), seeded(seed + i), ended)
      }),
    )
    for (const { proxies } of this.#stage.servers.nodes) {
      for (const proxy of proxies.values()) await proxy.heal()
    }
  }

  async #lane(kinds, random, ended) {
    const names = Object.keys(kinds)
    if (names.length === 0) return
    const first = [...names]
    while (!ended()) {
      const [gap, length] =
        first.length > 0 ? [AT_FIRST_MS, LENGTH_AT_FIRST_MS] : [GAP_MS, LENGTH_MS]
      await sleep(random.between(...gap))
      const kind = first.splice(random.below(first.length), 1)[0] ?? random.pick(names)
      const { evidence } = await this.#play(kind, kinds[kind], random, ended, length)
      // Nobody was hit: some time once more.
      if (evidence === 0 && random.below(2) === 0) first.push(kind)
    }
  }

  async #play(kind, play, random, ended, between) {
    const { servers, workers, recorder } = this.#stage
    const length = () => random.between(...between)
    const scene = {
      ...this.#stage,
      random,
      ended,
      nodes: await servers.choose(random),
      proxies: servers.proxies?.(random, random.pick(workers.living).place),
      worker: random.pick(workers.living),
      length,
      pause: () => sleep(length()),
    }
    const clients = kind in clientFaults ? scene.worker.clients : null
    const nodes = scene.nodes.map(({ name }) => name).join(' ')
    const what = { kind, clients, on: clients ? scene.worker.who : nodes }
    const from = recorder.write({ kind: 'fault', what: `${kind} begins, ${what.on}` })
    const evidence = (await play(scene)) ?? null
    const to = recorder.write({ kind: 'fault', what: `${kind} is over, ${what.on}` })
    if (MAY_BREAK[kind][servers.kind] === 'exclusion') {
      for (const name of servers.forgotten) {
        recorder.write({ mono: from, kind: 'forgot', name, to, why: `${kind} ${what.on}` })
      }
    }
    const played = { ...what, from, to, evidence }
    this.done.push(played)
    return played
  }
}
