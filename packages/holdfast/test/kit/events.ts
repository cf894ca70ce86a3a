import { channel } from 'node:diagnostics_channel'
import type { HoldfastEvents } from '../../src/index.js'

type Name = keyof HoldfastEvents
type Seen = { [K in Name]: { readonly channel: K; readonly message: HoldfastEvents[K] } }[Name]

const names: Name[] = [
  'holdfast:requested',
  'holdfast:granted',
  'holdfast:queued',
  'holdfast:failed',
  'holdfast:long-hold',
  'holdfast:fenced',
  'holdfast:renewed',
  'holdfast:jeopardy',
  'holdfast:lost',
  'holdfast:revoked',
  'holdfast:released',
  'holdfast:handover',
  'holdfast:deadlock',
  'holdfast:clock-step',
  'holdfast:push-failed',
  'holdfast:history-failed',
  'holdfast:eviction',
]

/** What is published on the diagnostics channels of this process, in its order. */
export class Events {
  readonly seen: Seen[] = []
  readonly #stop: (() => void)[] = []

  constructor() {
    for (const name of names) {
      const listener = (message: unknown): void => {
        this.seen.push({ channel: name, message } as Seen)
      }
      channel(name).subscribe(listener)
      this.#stop.push(() => channel(name).unsubscribe(listener))
    }
  }

  of<K extends Name>(name: K): HoldfastEvents[K][] {
    return this.seen
      .filter((event) => event.channel === name)
      .map((event) => event.message as HoldfastEvents[K])
  }

  stop(): void {
    for (const stop of this.#stop) stop()
  }
}
