import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { releaseFields } from '../kernel/protocol.js'
import type { Answer } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import type { Mailbox } from './mailbox.js'
import { Watch } from './watch.js'

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 2000
/** How long a look at a claim that was given away is tried for. */
const LOOK_MS = 30_000

interface Orphan {
  readonly owner: string
  readonly key: string
  readonly timeout: number
  readonly until: number
  readonly least: number
}

/**
 * Owner ids that nobody wants any more, and of which the server may still hold something: a place in
 * the line, a grant whose answer was lost, a lease that was lost here. Each is released, again and
 * again until the server confirms it or its time is over by itself. (Design: no late acquire; I9.)
 */
export class Orphans {
  readonly #node: Nodes
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #mailbox: Mailbox
  readonly #retries = new Set<Timer>()
  /** How many releases are under way; and who waits until there are none. */
  #trying = 0
  #idle: (() => void) | null = null
  readonly #watch: Watch
  #closed = false

  constructor(node: Nodes, clock: LocalClock, runtime: Runtime, mailbox: Mailbox, drift: number) {
    this.#node = node
    this.#clock = clock
    this.#runtime = runtime
    this.#mailbox = mailbox
    this.#watch = new Watch(clock, runtime, drift)
  }

  /**
   * Releases an owner id.
   *
   * @param until local time after which the server has forgotten it anyway.
   * @param least for how many ms from its grant on the name is to be kept from others all the same.
   * @returns the first try's answer, or null when there was none: then it goes on in the background.
   */
  release(
    owner: string,
    key: string,
    timeout: number,
    until: number,
    least = 0,
  ): Promise<Answer | null> {
    this.#mailbox.unregister(owner)
    return this.#try({ owner, key, timeout, until, least }, true)
  }

  /** Written with as few promises as there can be: every release of a lock goes through it. */
  #try(orphan: Orphan, first = false): Promise<Answer | null> {
    const { owner, key, timeout, least } = orphan
    this.#trying++
    return this.#node
      .ask('release', key, timeout, () => releaseFields(owner, least))
      .then(
        (answer) => this.#tried(orphan, first, answer),
        () => this.#tried(orphan, first, null),
      )
  }

  #tried(orphan: Orphan, first: boolean, answer: Answer | null): Answer | null {
    const { owner, key, timeout, until, least } = orphan
    if (--this.#trying === 0) this.#idle?.()
    if (answer && answer.verdict[0] !== 'error') {
      const look = (): void =>
        void this.release(owner, key, timeout, this.#clock.now() + LOOK_MS, least)
      this.#watch.released(key, answer, look)
      return answer
    }
    if (first) {
      // A grant that was pushed to it meanwhile shows that the server has it still: released at once.
      this.#mailbox.register(owner, { pushed: () => void this.#try(orphan) })
      void this.#again(orphan, until, FIRST_RETRY_MS)
    }
    return null
  }

  async #again(orphan: Orphan, until: number, delay: number): Promise<void> {
    if (!this.#closed && this.#clock.now() + delay < until) {
      await this.#sleep(delay)
      if (!(await this.#try(orphan))) {
        return this.#again(orphan, until, Math.min(delay * 2, LONGEST_RETRY_MS))
      }
    }
    this.#mailbox.unregister(orphan.owner)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(
        () => {
          this.#retries.delete(timer)
          resolve()
        },
        ms,
        false,
      )
      this.#retries.add(timer)
    })
  }

  /** Waits for what is under way, and tries no more: what is left ends by its own expiry. */
  async close(): Promise<void> {
    this.#closed = true
    this.#watch.close()
    for (const timer of this.#retries) timer.cancel()
    this.#retries.clear()
    if (this.#trying > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }
}
