import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('worker.mjs', import.meta.url))
const CLIENTS = ['ioredis', 'redis']

/** The processes of a run, those that were killed too. */
export class Workers {
  all = []
  #setting
  #servers
  #recorder

  /**
   * @param {object} setting what is the same for all: see worker.mjs
   * @param {import('./servers.mjs').AnyServers} servers to connect to
   * @param {import('./recorder.mjs').Recorder} recorder is told when processes stop and end
   */
  constructor(setting, servers, recorder) {
    this.#setting = setting
    this.#servers = servers
    this.#recorder = recorder
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

  /** Starts one in a place, and waits until it is at work: two Holdfasts, each in a way of its own. */
  async start(place) {
    const who = `p${this.all.length}`
    const seed = this.#setting.seed * 100 + this.all.length
    const worker = {
      who,
      place,
      child: null,
      exit: null,
      ended: false,
      killed: false,
      asked: false,
      stats: null,
      end: null,
      heaps: [],
      clients: this.#servers.ways.map((way) => `${who}.${way}`),
      finished: false,
      there: () => {},
    }
    this.all.push(worker)
    const holdfasts = []
    for (const [i, client] of worker.clients.entries()) {
      const reached = await this.#servers.reach(place, this.#servers.ways[i])
      const kinds = reached.urls.map((_, j) => CLIENTS[(place + i + j) % 2])
      holdfasts.push({ client, kinds, ...reached })
    }
    const setting = JSON.stringify({ ...this.#setting, who, seed, holdfasts })
    const child = fork(path, [setting], { execArgv: ['--expose-gc'] })
    worker.child = child
    const exit = once(child, 'exit')
    worker.exit = exit
    void exit.then(() => (worker.ended = true))
    const ready = new Promise((resolve) => {
      child.on('message', (said) => {
        if (said.ready) resolve()
        if (said.there) worker.there()
        if (said.finished) worker.finished = true
        if (said.end) worker.end = said.end
        if (said.stats) {
          worker.stats = said.stats
          worker.asked = false
          worker.heaps.push(said.stats.heap)
        }
      })
    })
    await Promise.race([ready, exit])
    return worker
  }

  /** Notes it for both of its clients. */
  #note(worker, kind) {
    for (const client of worker.clients) this.#recorder.write({ kind, client })
  }

  stop(worker) {
    this.#note(worker, 'stopped')
    worker.child.kill('SIGSTOP')
  }

  /** Resolves when it runs again. */
  async goOn(worker) {
    worker.child.kill('SIGCONT')
    await this.#there(worker, 'there')
    this.#note(worker, 'resumed')
  }

  async #there(worker, ask, more) {
    const there = new Promise((resolve) => (worker.there = resolve))
    worker.child.send({ ask, ...more })
    await Promise.race([there, worker.exit])
  }

  /** Its event loop stands still; resolves when it runs again. */
  block(worker, ms) {
    return this.#there(worker, 'block', { ms })
  }

  /** SIGKILL in the middle of whatever it does, and another one in its place. */
  async replace(worker) {
    worker.killed = true
    worker.asked = false
    worker.child.kill('SIGKILL')
    await worker.exit
    this.#note(worker, 'exit')
    await this.start(worker.place)
  }

  tell(ask) {
    for (const { child } of this.living) if (child.connected) child.send({ ask })
  }

  askStats() {
    for (const worker of this.living) worker.asked = true
    this.tell('stats')
  }

  /** A number of their last reports, added up. */
  sum(of) {
    return this.all.reduce((all, { end, stats }) => all + (of(end ?? stats) ?? 0), 0)
  }
}
