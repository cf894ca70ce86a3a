import { HoldfastError, type NodeTrouble } from '../base/errors.js'
import type { Said } from './gather.js'
import type { Answer, Fields, Node } from './node.js'
import type { Op } from './ops.js'
import { classify, isConfig } from './replies.js'

// A request that was made for another server run: the answer brought a sample of the right one.
const TRIES = 2

/** Several nodes, asked one by one. Who they are, and what is wrong with them. */
export class Panel {
  readonly nodes: readonly Node[]
  /** How many are a majority. */
  readonly quorum: number

  /** Those that did not answer when they were last asked. */
  readonly #silent = new Set<number>()

  constructor(nodes: readonly Node[]) {
    this.nodes = nodes
    this.quorum = Math.floor(nodes.length / 2) + 1
  }

  /** So many failures, or refusals, and there can be no majority. */
  get blocking(): number {
    return this.nodes.length - this.quorum + 1
  }

  /**
   * Asks one node. An answer that says nothing of the name is an error here, but for `late`.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG
   */
  async ask(
    node: number,
    op: Op,
    key: string,
    timeout: number,
    fields: Fields,
    tries: number = TRIES,
  ): Promise<Answer> {
    let sent = false
    const asked = this.nodes[node]!.ask(op, key, timeout, (notAfter) => {
      const wanted = fields(notAfter)
      sent ||= wanted !== null
      return wanted
    })
    let answer: Answer
    try {
      answer = await asked
      this.#silent.delete(node)
    } catch (error) {
      if (sent) this.#silent.add(node)
      throw error
    }
    const [status, detail = ''] = answer.verdict
    const same = this.#sameAs(node)
    if (same !== null) {
      const message = `it is the same server as node ${same + 1}: each counts once`
      throw new HoldfastError('ERR_CONFIG', message)
    }
    if (status === 'late' && tries > 0) {
      return this.ask(node, op, key, timeout, fields, tries - 1)
    }
    if (status === 'error') {
      if (isConfig(detail)) throw classify(new Error(detail), 'the server')
      throw new HoldfastError('ERR_UNAVAILABLE', `the server could not do it: ${detail}`)
    }
    return answer
  }

  /**
   * Whether these are not worth waiting for: they did not answer last time, and the others are a majority.
   */
  hopeless(nodes: readonly number[]): boolean {
    const answering = this.nodes.length - this.#silent.size
    return answering >= this.quorum && nodes.every((node) => this.#silent.has(node))
  }

  /** All of them at once. */
  askAll(op: Op, key: string, timeout: number, fields: Fields): Promise<Answer>[] {
    return this.nodes.map((_, node) => this.ask(node, op, key, timeout, fields))
  }

  /** An earlier node with which this one shares its server. */
  #sameAs(node: number): number | null {
    const { run } = this.nodes[node]!
    if (run === null || run === '') return null
    const same = this.nodes.findIndex((other, i) => i < node && other.run === run)
    return same < 0 ? null : same
  }

  /**
   * Too many could not be used. Where each of them says that the set-up cannot work it is that; else
   * trying again may help.
   */
  failure(said: readonly Said[]): HoldfastError {
    const nodes = troublesOf(this.nodes, said)
    const config = nodes.length > 0 && nodes.every(({ code }) => code === 'ERR_CONFIG')
    const message = `no quorum: ${this.quorum} of ${this.nodes.length} servers are needed, and ${nodes.length} could not be used. ${reasonsOf(nodes)}`
    return new HoldfastError(config ? 'ERR_CONFIG' : 'ERR_NO_QUORUM', message, { nodes })
  }
}

/** Which nodes could not be used, and why, in the order in which they were given. */
export function troublesOf(nodes: readonly Node[], said: readonly Said[]): NodeTrouble[] {
  const failed = said.filter(({ error }) => error !== null)
  return failed
    .toSorted((a, b) => a.node - b.node)
    .map(({ node, error }) => ({
      node: `node ${node + 1} of ${nodes.length} (${nodes[node]!.kind})`,
      reason: error!.message,
      code: error!.code,
    }))
}

/** The same for a message. */
export function reasonsOf(nodes: readonly NodeTrouble[]): string {
  return nodes.map(({ node, reason }) => `${node}: ${reason}`).join('; ')
}
