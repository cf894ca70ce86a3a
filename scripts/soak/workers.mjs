import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** Of each process. One that is killed may have made a write in each of them and not told of it. */
const TASKS = 8

/** The processes of a soak, those that were killed too. */
export class Workers {
  all = []
  /** What became of the writes under the locks: `done`, `stale` or `unknown`. */
  writes = { done: 0, stale: 0, unknown: 0 }
  #url
  #seed
  #ledger

  /**
   * @param {string} url of the server
   * @param {number} seed
   * @param {import('./ledger.mjs').Ledger} ledger is told who held what
   */
  constructor(url, seed, ledger) {
    this.#url = url
    this.#seed = seed
    this.#ledger = ledger
    // Else a process that is stopped at this moment would outlive us.
    process.on('exit', () => this.all.forEach(({ child }) => child.kill('SIGKILL')))
  }

  get living() {
    return this.all.filter(({ killed }) => !killed)
  }

  /** Whether one ended of itself before its time: it has failed, and there is no use in going on. */
  get died() {
    return this.living.some(({ ended, end }) => ended && end === null)
  }

  /** Starts one, and waits until it is at work. */
  async start(kind = this.all.length % 2 === 0 ? 'ioredis' : 'redis') {
    const args = [this.#url, String(this.#seed * 1000 + this.all.length), kind, String(TASKS)]
    const child = fork(path, args, { execArgv: ['--expose-gc'] })
    const exit = once(child, 'exit')
    const worker = {
      child,
      kind,
      exit,
      ended: false,
      killed: false,
      stats: null,
      asked: false,
      end: null,
      heaps: [],
    }
    this.all.push(worker)
    let begin
    const begun = new Promise((resolve) => (begin = resolve))
    child.on('message', ({ ready, tenure, wrote, stats, end }) => {
      if (ready) begin()
      if (tenure) this.#ledger.add(tenure)
      if (wrote) this.writes[wrote]++
      if (stats) {
        worker.stats = stats
        worker.asked = false
        worker.heaps.push(stats.heap)
      }
      if (end) worker.end = end
    })
    void exit.then(() => (worker.ended = true))
    await Promise.race([begun, exit])
  }

  /** SIGKILL in the middle of whatever it does, and another one in its place. */
  async replace(worker) {
    worker.killed = true
    worker.asked = false
    worker.child.kill('SIGKILL')
    await worker.exit
    this.writes.unknown += TASKS
    await this.start(worker.kind)
  }

  tell(what) {
    for (const { child } of this.living) if (child.connected) child.send(what)
  }

  ask() {
    for (const worker of this.living) worker.asked = true
    this.tell('stats')
  }

  /** A number of their last reports, added up. */
  sum(of) {
    return this.all.reduce((all, { stats }) => all + (stats ? of(stats) : 0), 0)
  }
}
