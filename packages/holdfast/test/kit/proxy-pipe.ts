import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

/** What one direction of a proxy does with its bytes: shared by all its connections. */
export interface Rules {
  /** Ms that each byte is late. */
  delay: number
  /** Bytes are kept, and go on in their order when this ends. */
  frozen: boolean
  /** Bytes are thrown away. */
  dropped: boolean
  /** One byte at a time, this many ms apart (0: one each turn of the event loop); null: as they come. */
  split: number | null
}

export const plain = (): Rules => ({ delay: 0, frozen: false, dropped: false, split: null })

/** `end`: the sender has closed its side. `cut`: this is where the connection breaks. */
type Item = { readonly at: number; readonly what: Buffer | 'end' | 'cut' }

/** One direction of one connection. */
export class Pipe {
  /** Whether bytes were thrown away: then nothing that follows makes sense to the receiver. */
  torn = false
  readonly #to: Socket
  readonly #rules: Rules
  readonly #cut: () => void
  #queue: Item[] = []
  #pumping = false

  constructor(to: Socket, rules: Rules, cut: () => void) {
    this.#to = to
    this.#rules = rules
    this.#cut = cut
  }

  take(what: Buffer | 'end' | 'cut'): void {
    if (this.#rules.dropped && what !== 'cut') {
      this.torn = true
      return
    }
    this.#queue.push({ at: performance.now() + this.#rules.delay, what })
    void this.pump()
  }

  /** Also called when the rules have changed. */
  async pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#queue.length > 0 && !this.#rules.frozen && !this.#to.destroyed) {
      const { at, what } = this.#queue[0]!
      // Kept by a delay that is over now: the rest need not wait for it.
      const wait = this.#rules.delay === 0 ? 0 : at - performance.now()
      if (wait > 0) {
        await sleep(Math.min(wait, 20), undefined, { ref: false })
        continue
      }
      this.#queue.shift()
      if (what === 'cut') this.#cut()
      else if (what === 'end') this.#to.end()
      else if (this.#rules.split === null || what.length === 1) this.#write(what)
      else {
        this.#write(what.subarray(0, 1))
        this.#queue.unshift({ at, what: what.subarray(1) })
      }
      const { split } = this.#rules
      if (split !== null) await (split === 0 ? turn() : sleep(split, undefined, { ref: false }))
    }
    this.#pumping = false
  }

  #write(bytes: Buffer): void {
    if (this.#to.writable) this.#to.write(bytes)
  }
}
