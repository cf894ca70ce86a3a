// What scenarios share: the servers, the workers, the time that is left.
import { startServer } from 'holdfast/testing'
import { Worker } from '../worker/crew.mjs'
import { subjects } from '../subjects/index.mjs'
import { Control } from './control.mjs'

export class Bench {
  notes = []
  violations = 0
  #workers = new Map()
  #crew = []
  #single = null
  #five = null
  #deadline = 0

  constructor(plan, { engine, subjects: only }) {
    this.plan = plan
    this.engine = engine
    this.only = only
    this.started = performance.now()
  }

  /** Some part of what is left of the whole time, for the next scenario. */
  allow(part) {
    const left = this.plan.limitMs - (performance.now() - this.started)
    this.#deadline = performance.now() + left * part
  }

  over() {
    return performance.now() > this.#deadline
  }

  /** Also what is measured only once has no time any more. */
  late() {
    return performance.now() - this.started > this.plan.limitMs
  }

  note(text) {
    this.notes.push(text)
    console.log(`  ${text}`)
  }

  /**
   * @param {object} [more]
   * @param {boolean} [more.pipelined] with those of ioredis' own auto-pipelining
   * @param {boolean} [more.slow] only those that the plan has where it takes long
   */
  subjects(filter = () => true, { pipelined = false, slow = false } = {}) {
    const few = slow ? this.plan.slow : null
    return subjects.filter(
      (subject) =>
        (pipelined || !subject.pipelined) &&
        (few === null || subject.kind === 'ours' || few.includes(subject.id)) &&
        (this.only === undefined || this.only.includes(subject.id)) &&
        filter(subject),
    )
  }

  missing(subject) {
    return subject.missing?.() ?? null
  }

  /** The worker of a subject, with nothing opened yet. */
  worker(id) {
    if (!this.#workers.has(id)) this.#workers.set(id, new Worker())
    return this.#workers.get(id)
  }

  /** So many workers that take any subject. */
  crew(count) {
    while (this.#crew.length < count) this.#crew.push(new Worker())
    return this.#crew.slice(0, count)
  }

  /** One that nobody has used, and whose garbage collector can be called. */
  fresh(execArgv = []) {
    return new Worker({ execArgv: ['--expose-gc', ...execArgv] })
  }

  /** @returns {Promise<{ server, control: Control, urls: string[] }>} */
  async single() {
    if (this.#single === null) this.#single = await this.start()
    return this.#single
  }

  /** A server for one scenario, which ends it. */
  async start(args = []) {
    const server = await startServer({ engine: this.engine, args })
    return {
      server,
      control: await Control.connect(server.url),
      urls: [server.url],
      async stop() {
        this.control.close()
        await server.stop()
      },
    }
  }

  async five() {
    if (this.#five === null) {
      this.#five = await Promise.all(Array.from({ length: 5 }, () => this.start()))
    }
    return this.#five
  }

  /** Two held a lock at one time: the whole run fails. */
  violation(subject, where, count) {
    if (count === 0) return
    this.violations += count
    this.note(`${subject}: ${count} violations of mutual exclusion in ${where}`)
  }

  async stop() {
    for (const worker of [...this.#workers.values(), ...this.#crew]) worker.kill()
    const running = [this.#single, ...(this.#five ?? [])].filter(Boolean)
    for (const { server } of running) server.thaw()
    await Promise.all(running.map((one) => one.stop()))
  }
}
