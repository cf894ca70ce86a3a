import type { Port, Reply, Script, Subscription } from '../../src/clients/port.js'
import type { SubscriptionEvents } from '../../src/clients/port.js'
import type { ClientClock } from './client-clock.js'
import type { Parcel, SimNet } from './sim-net.js'

interface Open {
  readonly channel: string
  readonly events: SubscriptionEvents
  unsubscribe: () => void
}

/** One client's way to the server, through the net. */
export class SimPort implements Port {
  readonly kind = 'sim'
  /** The subscriber connection hangs on another node: it is not counted, yet it is told. */
  elsewhere = false
  /** False: a subscription is never confirmed. */
  subscribable = true
  closed = false
  /** How many replicas acknowledge what is written. With fewer than asked for a WAIT takes all of its time. */
  acknowledges = 1
  /** How often they were asked. */
  waits = 0
  readonly #net: SimNet
  readonly #clock: ClientClock
  readonly #subscriptions = new Set<Open>()
  readonly #wishes = new Set<() => void>()
  #ready = true

  constructor(net: SimNet, clock: ClientClock) {
    this.#net = net
    this.#clock = clock
  }

  get ready(): boolean {
    return this.#ready
  }

  set ready(ready: boolean) {
    this.#ready = ready
    if (!ready) return
    for (const wish of this.#wishes) queueMicrotask(wish)
    this.#wishes.clear()
  }

  onReady(callback: () => void): () => void {
    let wanted = true
    const wish = (): void => {
      if (wanted) callback()
    }
    if (this.#ready) queueMicrotask(wish)
    else this.#wishes.add(wish)
    return () => {
      wanted = false
      this.#wishes.delete(wish)
    }
  }

  /** Listeners for `ready` that were left behind. */
  get wishes(): number {
    return this.#wishes.size
  }

  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const what = script.name
    const request: Parcel = { direction: 'request', port: this, what, keys, args, message: '' }
    const reply: Parcel = { ...request, direction: 'reply' }
    this.#net.note(this, what, keys)
    return new Promise((resolve, reject) => {
      const execute = (): void => {
        const said = this.#net.server.execute(what, keys, args)
        const read = (): void => {
          try {
            resolve(this.#net.rewritten(said, reply))
          } catch (error) {
            reject(error as Error)
          }
        }
        this.#net.carry(reply, () => this.#clock.receive(read))
      }
      queueMicrotask(() => this.#net.carry(request, execute))
    })
  }

  async runAcknowledged(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    replicas: number,
    timeout: number,
  ): Promise<{ reply: Reply; replicas: number }> {
    this.waits++
    const reply = await this.run(script, keys, args)
    if (this.acknowledges < replicas) {
      await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, timeout / 2))
    }
    return { reply, replicas: this.acknowledges }
  }

  async subscribe(channel: string, events: SubscriptionEvents): Promise<Subscription> {
    await Promise.resolve()
    if (!this.subscribable) return new Promise<never>(() => undefined)
    const open: Open = { channel, events, unsubscribe: () => undefined }
    this.#subscribe(open)
    this.#subscriptions.add(open)
    return {
      close: async () => {
        this.#subscriptions.delete(open)
        open.unsubscribe()
      },
    }
  }

  #subscribe(open: Open): void {
    const onMessage = (message: string): void => {
      const what = message.split(' ')[1] ?? ''
      const parcel: Parcel = { direction: 'push', port: this, what, keys: [], args: [], message }
      const read = (): void => {
        if (this.#subscriptions.has(open)) open.events.onMessage(message)
      }
      this.#net.carry(parcel, () => this.#clock.receive(read))
    }
    open.unsubscribe = this.elsewhere
      ? this.#net.subscribeFar(open.channel, onMessage)
      : this.#net.server.subscribe(open.channel, onMessage, () => this.#again(open))
  }

  #again(open: Open): void {
    this.#clock.receive(() => {
      if (!this.#subscriptions.has(open)) return
      this.#subscribe(open)
      open.events.onGap()
    })
  }

  /** The subscriber connection breaks: the server counts it no more. */
  cutPushes(): void {
    for (const { unsubscribe } of this.#subscriptions) unsubscribe()
  }

  /** It is back, and says so. */
  mendPushes(): void {
    for (const open of this.#subscriptions) this.#again(open)
  }

  async close(): Promise<void> {
    this.closed = true
    for (const { unsubscribe } of this.#subscriptions) unsubscribe()
    this.#subscriptions.clear()
  }
}
