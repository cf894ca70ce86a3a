// What happens to servers. Each takes some of the nodes, and says how many times it hit where the server
// can tell.
import { setTimeout as sleep } from 'node:timers/promises'

const each = (nodes, work) => Promise.all(nodes.map(work))
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)

/** How often these servers refuse with such errors while something happens, and a moment longer. */
export async function refusals(nodes, codes, during, ms = 0) {
  const all = async () => sum(await each(nodes, (node) => node.refusals(codes)))
  const before = await all()
  await during()
  const count = async () => (await all()) - before
  for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) {
    if ((await count()) > 0) break
  }
  return count()
}

/** @type {Record<string, import('../plan.mjs').Play>} */
export const serverFaults = {
  async freeze({ nodes, pause }) {
    for (const { server } of nodes) server.freeze()
    await pause()
    for (const { server } of nodes) server.thaw()
  },
  /** Killed, and back with all that it has confirmed. */
  restart: ({ nodes, pause }) => each(nodes, (node) => node.restart({ pause })).then(() => {}),
  /** Killed, and back with nothing. */
  wipe: ({ nodes, pause }) =>
    each(nodes, (node) => node.restart({ pause, empty: true })).then(() => {}),
  /** Every node, one after the other, as for an upgrade; each without its memory. */
  async rolling({ servers, quarantine, random, ended }) {
    const all = [...servers.nodes]
    while (all.length > 0 && !ended()) {
      const [node] = all.splice(random.below(all.length), 1)
      await node.restart({ empty: true })
      // As the procedure says: the next when this one votes again.
      await sleep(quarantine + 500)
    }
  },
  async flushall({ nodes }) {
    const count = async () => sum(await each(nodes, async (node) => (await node.keys()).length))
    // A node in quarantine holds nothing: to flush it again and again would keep it there.
    let held = await count()
    for (let i = 0; held === 0 && i < 100; i++) {
      await sleep(50)
      held = await count()
    }
    await each(nodes, ({ admin }) => admin.flushall())
    return held
  },
  /** Whatever writes has to wait. */
  async pause({ nodes, pause }) {
    await each(nodes, ({ admin }) => admin.client('PAUSE', 60_000, 'WRITE'))
    await pause()
    await each(nodes, ({ admin }) => admin.client('UNPAUSE'))
  },
  /** No memory left, and nothing may be evicted. */
  full: ({ nodes, pause }) =>
    refusals(nodes, ['OOM'], async () => {
      await each(nodes, ({ admin }) => admin.config('SET', 'maxmemory', 1))
      await pause()
      await each(nodes, ({ admin }) => admin.config('SET', 'maxmemory', 0))
    }),
  scripts: ({ nodes }) =>
    refusals(nodes, ['NOSCRIPT'], () => each(nodes, ({ admin }) => admin.script('FLUSH')), 1000),
  async subscribers({ nodes }) {
    const kill = ({ admin }) => admin.client('KILL', 'TYPE', 'pubsub')
    return sum(await each(nodes, kill))
  },
  /** Every connection. */
  async cut({ nodes }) {
    const kill = ({ admin }) => admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    return sum(await each(nodes, kill))
  },
}
