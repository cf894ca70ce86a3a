import type { Runtime, Timer } from '../base/runtime.js'
import type { LocalClock } from '../base/clock.js'
import type { Answer, Node } from './node.js'

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 2000

/**
 * What a node may hold for an owner that nobody wants there any more: taken back again and again until
 * the node confirms it or it is over by itself. It never keeps the process alive.
 */
export class Undo {
  readonly #nodes: readonly Node[]
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  /** One for each owner id at a node. */
  readonly #timers = new Map<string, Timer>()
  readonly #trying = new Set<Promise<unknown>>()
  #closed = false

  constructor(nodes: readonly Node[], clock: LocalClock, runtime: Runtime) {
    this.#nodes = nodes
    this.#clock = clock
    this.#runtime = runtime
  }

  /**
   * @param fields of q_release; null: not needed any more.
   * @param until local time at which the node has forgotten it anyway.
   */
  release(
    node: number,
    key: string,
    timeout: number,
    fields: () => readonly string[] | null,
    until: number,
    delay: number = FIRST_RETRY_MS,
  ): Promise<Answer | null> {
    const trying = this.#nodes[node]!.ask('q_release', key, timeout, fields).then(
      (answer) => (answer.verdict[0] === 'error' ? null : answer),
      () => null,
    )
    this.#trying.add(trying)
    void trying.then((answer) => {
      this.#trying.delete(trying)
      if (answer || this.#closed || fields() === null) return
      this.again(node, key, timeout, fields, until, delay)
    })
    return trying
  }

  /** The same, for the first time after a pause. */
  again(
    node: number,
    key: string,
    timeout: number,
    fields: () => readonly string[] | null,
    until: number,
    delay: number = FIRST_RETRY_MS,
  ): void {
    const [owner] = fields() ?? []
    if (this.#closed || owner === undefined || this.#clock.now() + delay >= until) return
    const whose = `${node} ${owner}`
    this.#timers.get(whose)?.cancel()
    const timer = this.#runtime.setTimer(
      () => {
        this.#timers.delete(whose)
        if (fields() === null) return
        const next = Math.min(2 * delay, LONGEST_RETRY_MS)
        void this.release(node, key, timeout, fields, until, next)
      },
      delay,
      false,
    )
    this.#timers.set(whose, timer)
  }

  /** Waits for what is under way, and tries no more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    await Promise.all(this.#trying)
  }
}
