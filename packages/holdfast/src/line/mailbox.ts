import type { LocalClock } from '../base/clock.js'
import type { Subscription } from '../clients/port.js'
import { channelOf, decodePush, type Push } from '../kernel/protocol.js'
import type { Nodes } from '../quorum/nodes.js'

/** Takes the messages for one owner id. `received` is local time. */
export interface Recipient {
  /** Whether the owner id holds the lock for somebody. */
  readonly holds?: boolean
  pushed(push: Push, received: number): void
}

/**
 * This client's channel: subscribed once, when somebody is to wait for the first time. Messages are
 * handed to whoever is registered for their owner id.
 */
export class Mailbox {
  readonly #node: Nodes
  readonly #clock: LocalClock
  readonly channel: string
  readonly #recipients = new Map<string, Recipient>()
  readonly #onGap: () => void
  #subscription: Promise<Subscription> | null = null
  #live = false
  #closed = false

  constructor(node: Nodes, clock: LocalClock, client: string, onGap: () => void) {
    this.#node = node
    this.#clock = clock
    this.channel = channelOf(client)
    this.#onGap = onGap
  }

  /** Whether the server has confirmed the subscription. */
  get live(): boolean {
    return this.#live
  }

  /** Whether somebody has asked for the subscription: it is confirmed, or on its way. */
  get wanted(): boolean {
    return this.#subscription !== null
  }

  /** Resolves when messages arrive; rejects with the client's error when they cannot. */
  async open(): Promise<void> {
    this.#subscription ??= this.#node.subscribe(this.channel, {
      onMessage: (message) => this.#deliver(message),
      onGap: () => this.#onGap(),
      onEnd: () => this.#ended(),
    })
    const mine = this.#subscription
    try {
      const subscription = await mine
      if (this.#closed) await subscription.close()
      // It may have ended since.
      else if (this.#subscription === mine) this.#live = true
    } catch (error) {
      if (this.#subscription === mine) this.#subscription = null
      throw error
    }
  }

  /** The waiters ask, and open it anew before they stand in line again. */
  #ended(): void {
    if (this.#closed) return
    this.#live = false
    this.#subscription = null
    this.#onGap()
  }

  /** A message that should have come is missing: see {@link Subscription.suspect}. */
  suspect(): void {
    void this.#subscription?.then(
      (subscription) => subscription.suspect?.(),
      () => undefined,
    )
  }

  register(owner: string, recipient: Recipient): void {
    this.#recipients.set(owner, recipient)
  }

  holds(owner: string): boolean {
    return this.#recipients.get(owner)?.holds === true
  }

  unregister(owner: string): void {
    this.#recipients.delete(owner)
  }

  #deliver(message: string): void {
    const push = decodePush(message)
    if (push) this.tell(push)
  }

  /** What a message says, or an answer of which a message tells too. */
  tell(push: Push): void {
    this.#recipients.get(push.owner)?.pushed(push, this.#clock.now())
  }

  async close(): Promise<void> {
    const live = this.#live
    this.#closed = true
    this.#live = false
    // One that was never confirmed may never be: `open` ends it if it is, nobody waits for that.
    if (live) await (await this.#subscription)?.close()
  }
}
