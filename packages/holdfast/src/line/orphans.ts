import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { NameKeys } from '../kernel/names.js'
import { releaseFields } from '../kernel/protocol.js'
import type { Answer } from '../quorum/node.js'
import type { Nodes } from '../quorum/nodes.js'
import type { Mailbox } from './mailbox.js'
import { Watch } from './watch.js'

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 2000
/** How long a look at a claim that was given away is tried for. */
const LOOK_MS = 30_000

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
  readonly #trying = new Set<Promise<unknown>>()
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
  async release(
    owner: string,
    keys: NameKeys,
    timeout: number,
    until: number,
    least = 0,
  ): Promise<Answer | null> {
    this.#mailbox.unregister(owner)
    const send = (): Promise<Answer | null> => this.#try(owner, keys, timeout, least)
    const answer = await send()
    if (answer) return answer
    // A grant that was pushed to it meanwhile shows that the server has it still: released at once.
    this.#mailbox.register(owner, { pushed: () => void send() })
    void this.#again(owner, send, until, FIRST_RETRY_MS)
    return null
  }

  #try(owner: string, keys: NameKeys, timeout: number, least: number): Promise<Answer | null> {
    const trying = this.#node
      .ask('release', keys, timeout, () => releaseFields(owner, least))
      .then(
        (answer) => {
          if (answer.verdict[0] === 'error') return null
          const look = (): void =>
            void this.release(owner, keys, timeout, this.#clock.now() + LOOK_MS, least)
          this.#watch.released(keys[0], answer, look)
          return answer
        },
        () => null,
      )
      .finally(() => this.#trying.delete(trying))
    this.#trying.add(trying)
    return trying
  }

  async #again(
    owner: string,
    send: () => Promise<Answer | null>,
    until: number,
    delay: number,
  ): Promise<void> {
    if (!this.#closed && this.#clock.now() + delay < until) {
      await this.#sleep(delay)
      if (!(await send())) {
        return this.#again(owner, send, until, Math.min(delay * 2, LONGEST_RETRY_MS))
      }
    }
    this.#mailbox.unregister(owner)
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
    await Promise.all(this.#trying)
  }
}
