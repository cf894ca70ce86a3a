import { events } from '../base/events.js'
import type { Node } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import { askStatus, type Asker, type Status } from './status.js'

/** What each server run says, that this process has asked or is asking. */
const asked = new Map<string, Promise<Status | null>>()
const warned = new Set<string>()
// Far more servers than a process has; a run ends with its server.
const KEPT = 256

/**
 * Warns of a server that may evict a lock while it is held. Nobody waits for the look and nobody
 * hears of its failure. One command a process and server run, however many Holdfasts there are.
 */
export class EvictionWatch {
  readonly #asker: Asker
  #wanted: boolean
  #told = false

  constructor(asker: Asker, wanted: boolean) {
    this.#asker = asker
    this.#wanted = wanted
  }

  /** After the first grant, so that no acquire waits for it. */
  granted({ members }: Nodes, timeout: number): void {
    if (!this.#wanted) return
    this.#wanted = false
    for (const node of members) {
      // Without a run INFO is forbidden, and with it the policy.
      if (node.run) void this.#look(node, node.run, timeout)
    }
  }

  async #look(node: Node, run: string, timeout: number): Promise<void> {
    let asking = asked.get(run)
    if (!asking) {
      if (asked.size >= KEPT) asked.clear()
      asking = askStatus(
        { prefix: this.#asker.prefix, queue: this.#asker.queue, node },
        timeout,
        false,
      ).catch(() => null)
      asked.set(run, asking)
    }
    const status = await asking
    if (status) this.tell(status)
    // The next Holdfast of this process may look.
    else asked.delete(run)
  }

  /** What a server has answered, whoever asked. */
  tell({ policy, run, evicts }: Status): void {
    if (run === null || policy === null || !evicts) return
    if (!this.#told) events.eviction({ policy, run })
    this.#told = true
    if (warned.has(run)) return
    if (warned.size >= KEPT) warned.clear()
    warned.add(run)
    process.emitWarning(
      `the server's maxmemory-policy is ${policy}: when its memory is full it may evict a lock ` +
        'that is held, and grant it to somebody else. Set it to noeviction.',
      { type: 'HoldfastWarning', code: 'HOLDFAST_EVICTION' },
    )
  }
}
