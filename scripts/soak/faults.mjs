import { setTimeout as sleep } from 'node:timers/promises'
import { cutOne } from './connect.mjs'

// From a hiccup to several lengths of the lease.
const [SHORTEST_MS, LONGEST_MS] = [20, 4000]

/**
 * What goes wrong, one thing after another.
 *
 * @param {object} target
 * @param {import('holdfast/testing').RunningServer} target.server
 * @param {import('ioredis').Redis} target.admin
 * @param {import('node:child_process').ChildProcess[]} target.workers
 */
export function faults({ server, admin, workers }, random) {
  const counts = { cut: 0, 'cut all': 0, flush: 0, freeze: 0, stop: 0 }
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
      const worker = random.pick(workers)
      worker.kill('SIGSTOP')
      await pause()
      worker.kill('SIGCONT')
    },
  }
  const table = ['cut', 'cut', 'cut', 'cut', 'cut all', 'flush', 'flush', 'freeze', 'stop']
  return {
    counts,
    /** Until it is told to end, and then everything runs. */
    async run(ended) {
      while (!ended()) {
        const kind = random.pick(table)
        await all[kind]()
        counts[kind]++
        await sleep(random.between(20, 1000))
      }
    },
  }
}
