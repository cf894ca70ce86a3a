import type { Port, PortNode, Reply, Script } from '../clients/port.js'
import type { Verdict } from '../kernel/protocol.js'

/** Scripts whose verdicts somebody counts on: what they wrote must outlive the server. */
const COUNTED: readonly string[] = ['acquire', 'all', 'renew', 'turn']
/** The verdicts of theirs by which somebody holds a name. */
const PROMISES: readonly string[] = ['granted', 'held', 'renewed', 'turned']

/** Whether the acknowledgement of replicas is asked for with this script. */
export const counted = (op: string): boolean => COUNTED.includes(op)

/** One call of a script, and how many replicas have acknowledged what it wrote. */
export class Acknowledged implements PortNode {
  readonly #port: Port
  readonly #asked: number
  readonly #timeout: number
  replicas = 0

  constructor(port: Port, asked: number, timeout: number) {
    this.#port = port
    this.#asked = asked
    this.#timeout = timeout
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const asked = this.#port.runAcknowledged!(script, keys, args, this.#asked, this.#timeout)
    const { reply, replicas } = await asked
    this.replicas = replicas
    return reply
  }

  /** What a verdict is worth: of a grant that too few replicas have, nothing. */
  worth(verdict: Verdict): Verdict {
    if (this.replicas >= this.#asked || !PROMISES.includes(verdict[0] ?? '')) return verdict
    const of = `${this.replicas} of the ${this.#asked} replicas asked for`
    // Behind it as in a grant: until when, and since when if it was held already.
    return ['unacknowledged', `only ${of} acknowledged it in time`, ...verdict.slice(2)]
  }
}
