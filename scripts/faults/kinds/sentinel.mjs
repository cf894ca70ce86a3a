// What happens to a primary that sentinels watch. Each ends when the other one follows, so that there can be
// a next one. The sentinels tell it to only after eight seconds and more: somebody does it sooner, but not at
// once, and until then one that lives believes itself the primary.
import { setTimeout as sleep } from 'node:timers/promises'

// For so long a replica is told nothing before it is promoted: at times for longer than the leases that it
// knows of. After ten seconds the sentinels would not have it.
const UNHEARD_MS = [2000, 9000]

/** And back, as a replica, when another one has taken its place. */
async function killed({ servers, nodes: [old], pause }) {
  await old.server.kill()
  const next = await servers.replaced(old)
  await pause()
  await old.server.restart()
  await old.follow(next)
  await servers.whole()
}

/** @type {Record<string, import('../plan.mjs').Play>} */
export const sentinelFaults = {
  /** Asked for, while the primary is well: nobody waits until it has told everything to its replica. */
  async failover({ servers, nodes: [old], pause }) {
    await servers.failover(old)
    const next = await servers.replaced(old)
    await pause()
    await old.follow(next)
    await servers.whole()
  },
  'primary killed': killed,
  /** And what it has granted at last nobody else knows. */
  async 'lossy failover'(scene) {
    const { admin } = scene.nodes[0]
    await admin.call('ACL', 'SETUSER', 'default', '-psync', '-sync')
    await admin.client('KILL', 'TYPE', 'replica')
    await sleep(scene.random.between(...UNHEARD_MS))
    await killed(scene)
  },
  /** Until another one has taken its place; and then it goes on as if nothing had happened. */
  async 'primary frozen'({ servers, nodes: [old], pause }) {
    old.server.freeze()
    const next = await servers.replaced(old)
    old.server.thaw()
    await pause()
    await old.follow(next)
    await servers.whole()
  },
}
