// What happens to the slots of a cluster, without anything being lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { refusals } from './servers.mjs'

/** Until clients have come across it, ms. */
const NOTICE_MS = 1000
// Often for longer than a lease.
const HALF_WAY_MS = [200, 4000]

/** @type {Record<string, import('../plan.mjs').Play>} */
export const clusterFaults = {
  reshard: ({ servers, random }) =>
    refusals(servers.nodes, ['MOVED'], () => servers.reshard(random, async () => {}), NOTICE_MS),
  /** It stands still with some of the keys here and some there. */
  async 'reshard half-way'({ servers, random }) {
    const pause = () => sleep(random.between(...HALF_WAY_MS))
    let hits = 0
    await servers.reshard(random, async () => {
      hits = await refusals(servers.nodes, ['ASK', 'TRYAGAIN'], pause)
    })
    return hits
  },
  /** Asked of a replica, which has everything before it takes over. */
  failover: ({ servers, random }) =>
    refusals(servers.nodes, ['MOVED'], () => servers.failover(random), NOTICE_MS),
}
