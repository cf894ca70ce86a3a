import type { HoldfastError } from '../base/errors.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Subscription, SubscriptionEvents } from '../clients/port.js'
import type { Panel } from './panel.js'

const AGAIN_MS = 1000

/**
 * One channel, subscribed to on all nodes: live as soon as it is on a majority. Where it cannot be, or
 * ends, it is tried again, and what may have been missed is told as a gap.
 */
export class Subscriptions {
  readonly #panel: Panel
  readonly #runtime: Runtime
  readonly #channel: string
  readonly #onMessage: (node: number, message: string) => void
  readonly #onGap: () => void
  readonly #live: (Subscription | null)[]
  readonly #timers = new Set<Timer>()
  #closed = false

  constructor(
    panel: Panel,
    runtime: Runtime,
    channel: string,
    listener: { onMessage(node: number, message: string): void; onGap(): void },
  ) {
    this.#panel = panel
    this.#runtime = runtime
    this.#channel = channel
    this.#onMessage = (node, message) => listener.onMessage(node, message)
    this.#onGap = () => listener.onGap()
    this.#live = panel.nodes.map(() => null)
  }

  /** @throws the error of a node, when no majority can be subscribed to */
  open(): Promise<Subscription> {
    const { quorum, blocking, nodes } = this.#panel
    return new Promise((resolve, reject) => {
      let live = 0
      let failed = 0
      let over = false
      const settle = (error?: HoldfastError): void => {
        if (over) return
        if (live >= quorum) resolve(this.#handle())
        else if (error && failed >= blocking) {
          void this.close()
          reject(error)
        } else return
        over = true
      }
      nodes.forEach((_, node) => {
        this.#open(node).then(
          () => {
            live++
            settle()
          },
          (error: HoldfastError) => {
            failed++
            settle(error)
            this.#again(node)
          },
        )
      })
    })
  }

  async #open(node: number): Promise<void> {
    const events: SubscriptionEvents = {
      onMessage: (message) => this.#onMessage(node, message),
      onGap: () => this.#onGap(),
      onEnd: () => {
        this.#live[node] = null
        this.#again(node)
      },
    }
    const subscription = await this.#panel.nodes[node]!.subscribe(this.#channel, events)
    if (this.#closed) await subscription.close()
    else this.#live[node] = subscription
  }

  #again(node: number): void {
    if (this.#closed) return
    const open = (): void => {
      this.#timers.delete(timer)
      this.#open(node).then(
        () => this.#onGap(),
        () => this.#again(node),
      )
    }
    const timer = this.#runtime.setTimer(open, AGAIN_MS, false)
    this.#timers.add(timer)
  }

  #handle(): Subscription {
    return {
      close: () => this.close(),
      suspect: () => {
        for (const one of this.#live) one?.suspect?.()
      },
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    await Promise.all(this.#live.map(async (one) => one?.close()))
  }
}
