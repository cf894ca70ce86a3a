import { setTimeout as sleep } from 'node:timers/promises'
import { cutOne } from './connect.mjs'

// From a hiccup to several lengths of the lease.
const [SHORTEST_MS, LONGEST_MS] = [20, 4000]

/**
 * What goes wrong, one thing after another: each kind once, then as it comes.
 *
 * @param {object} target
 * @param {import('holdfast/testing').RunningServer} target.server that keeps all it has confirmed
 * @param {import('ioredis').Redis} target.admin
 * @param {import('./workers.mjs').Workers} target.workers
 */
export function faults({ server, admin, workers }, random) {
  const pause = () => sleep(random.between(SHORTEST_MS, LONGEST_MS))
  const all = {
    cut: () => cutOne(admin, random),
    'cut all': () => admin.client('KILL', 'SKIPME', 'YES', 'TYPE', 'normal'),
    flush: () => admin.script('FLUSH'),
    async freeze() {
      server.freeze()
      await pause()
      server.thaw()
    },
    async stop() {
      const { child } = random.pick(workers.living)
      child.kill('SIGSTOP')
      await pause()
      child.kill('SIGCONT')
    },
    kill: () => workers.replace(random.pick(workers.living)),
    /** The server is killed, and comes back with all that it has confirmed. */
    async restart() {
      await server.kill()
      await pause()
      await server.restart()
      await admin.ping()
    },
  }
  const kinds = Object.keys(all)
  const counts = Object.fromEntries(kinds.map((kind) => [kind, 0]))
  const table = [...kinds, 'cut', 'cut', 'cut', 'flush']
  const first = [...kinds]
  const next = () => first.splice(random.below(first.length), 1)[0] ?? random.pick(table)
  return {
    counts,
    /** Until it is told to end, and then everything runs. */
    async run(ended) {
      while (!ended()) {
        const kind = next()
        await all[kind]()
        counts[kind]++
        await sleep(random.between(20, 1000))
      }
    },
  }
}
