import type { Engine } from './engine.js'
import type { Leader, Observation } from './observe.js'
import { more } from './parts.js'

const OVER = { done: true, value: undefined } as const

/** An `Observation`, which is loaded when the loop begins. */
export class LaterObservation implements AsyncIterableIterator<Leader | null> {
  readonly #engine: Engine
  readonly #asked: [key: string, timeout: number, signal: AbortSignal | undefined]
  #made: Promise<Observation | null> | null = null
  #over = false

  constructor(engine: Engine, key: string, timeout: number, signal: AbortSignal | undefined) {
    this.#engine = engine
    this.#asked = [key, timeout, signal]
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #make(): Promise<Observation | null> {
    try {
      const part = await this.#engine.with(more)
      return this.#over ? null : new part.Observation(this.#engine, ...this.#asked)
    } catch (error) {
      // As `close` ends every loop.
      if (this.#engine.closed) return null
      throw error
    }
  }

  async next(): Promise<IteratorResult<Leader | null>> {
    if (this.#over) return OVER
    this.#made ??= this.#make()
    return (await this.#made)?.next() ?? OVER
  }

  async return(): Promise<IteratorResult<Leader | null>> {
    this.#over = true
    const made = await this.#made?.catch(() => null)
    return made?.return() ?? OVER
  }
}
