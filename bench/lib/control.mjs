// A connection of the benchmark's own to a server: what it counts of itself, and what is left there.
import { Bare } from './resp.mjs'

export class Control {
  #bare

  static async connect(url) {
    const control = new Control()
    control.#bare = await Bare.connect(url)
    return control
  }

  call(...words) {
    return this.#bare.call(...words)
  }

  async info(section) {
    const text = await this.call('INFO', section)
    return Object.fromEntries(
      text
        .split('\r\n')
        .filter((line) => line.includes(':'))
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    )
  }

  /** What the server did since it was started: commands (also those inside of scripts), bytes, CPU. */
  async counts() {
    const [cpu, stats] = [await this.info('cpu'), await this.info('stats')]
    return {
      cpuUs: (Number(cpu.used_cpu_user) + Number(cpu.used_cpu_sys)) * 1e6,
      commands: Number(stats.total_commands_processed),
      bytesIn: Number(stats.total_net_input_bytes),
      bytesOut: Number(stats.total_net_output_bytes),
    }
  }

  /** The same of the time in which `work` runs. */
  async during(work) {
    const before = await this.counts()
    const result = await work()
    const after = await this.counts()
    const spent = Object.fromEntries(
      Object.entries(after).map(([key, value]) => [key, value - before[key]]),
    )
    return { result, spent }
  }

  async usedMemory() {
    return Number((await this.info('memory')).used_memory)
  }

  /** Keys, and those of them that never expire. */
  async keys() {
    const space = (await this.info('keyspace')).db0
    const [, keys = 0, expires = 0] = /keys=(\d+),expires=(\d+)/.exec(space ?? '') ?? []
    return { keys: Number(keys), forever: Number(keys) - Number(expires) }
  }

  close() {
    this.#bare.close()
  }
}
