import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Now, in ms of the machine's monotonic clock: all processes of this machine read the same one. */
export const mono = () => Number(process.hrtime.bigint()) / 1e6

/**
 * One line of JSON for each thing that happens, in a file that outlives a SIGKILL. What the lines mean
 * says test/history.
 */
export class Recorder {
  #file

  /**
   * @param {string} folder
   * @param {string} who writes: a file of its own
   */
  constructor(folder, who) {
    this.#file = openSync(join(folder, `${who}.jsonl`), 'a')
  }

  /** @param {object} event `mono`, if it is given, is when it happened; else it is now. */
  write(event) {
    const line = { mono: mono(), client: '', ...event }
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
    return line.mono
  }
}
