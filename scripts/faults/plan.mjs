// What goes wrong, and when: as a seed says.
import { setTimeout as sleep } from 'node:timers/promises'
import { clientFaults } from './kinds/clients.mjs'
import { networkFaults } from './kinds/network.mjs'
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
 * @property {import('./servers.mjs').Node[]} nodes that it is for
 * @property {object[]} proxies that it is for
 * @property {object} worker that it is for
 * @property {() => number} length of a fault, ms
 * @property {() => Promise<void>} pause for such a length
 *
 * @callback Play
 * @param {Scene} scene
 * @returns {Promise<number | void>} how often it hit, where that can be told at once
 */

const lanes = [serverFaults, networkFaults, clientFaults]
/** Every kind that there is. */
export const FAULTS = lanes.flatMap((lane) => Object.keys(lane))

/** One of several: often one node, at times so many that a quorum is lost, or all. */
function someNodes(nodes, random) {
  const most = Math.floor((nodes.length - 1) / 2)
  const sizes = [1, 1, 1, 1, 1, 1, most, most, most + 1, nodes.length]
  const size = Math.max(1, random.pick(sizes))
  const rest = [...nodes]
  return Array.from({ length: size }, () => rest.splice(random.below(rest.length), 1)[0])
}

/** Ways of one process or of all, to some nodes. */
function someProxies(nodes, workers, random) {
  const { place } = random.pick(workers.living)
  const all = random.below(3) === 0
  return someNodes(nodes, random).flatMap(({ proxies }) =>
    all ? [...proxies.values()] : [proxies.get(place)],
  )
}

/** The faults of a run: three lanes, one fault at a time in each. */
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
      (only === undefined || kind === only) &&
      (kind !== 'partition' || noNetwork === null) &&
      (kind !== 'rolling' || servers.quorum)
    this.#lanes = lanes.map((kinds) => Object.fromEntries(Object.entries(kinds).filter(left)))
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
      nodes: someNodes(servers.nodes, random),
      proxies: someProxies(servers.nodes, workers, random),
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
      recorder.write({ mono: from, kind: 'forgot', to, why: `${kind} ${what.on}` })
    }
    const played = { ...what, from, to, evidence }
    this.done.push(played)
    return played
  }
}
