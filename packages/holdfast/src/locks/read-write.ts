import type { Engine } from './engine.js'
import type { ReadWriteOptions } from './options.js'
import { Taker } from './taker.js'

/**
 * A lock that many readers or one writer have. One line for both: who comes first is served first, so
 * neither starves the other; readers who stand next to each other are let in together. Each reader
 * has a lease of its own. A writer excludes the mutex of the same name too.
 *
 * ```ts
 * const catalog = locks.readWrite('catalog')
 * await catalog.read().use(async ({ signal }) => { ... })
 * await catalog.write().use(async ({ signal, fence }) => { ... })
 * ```
 *
 * Whoever reads and wants to write releases first: a writer waits for all readers, itself included.
 * Whoever writes can go on as a reader: `Lock.downgrade`.
 */
export class ReadWrite {
  /** As it was given, without the prefix. */
  readonly name: string
  readonly #read: Taker
  readonly #write: Taker

  /** For this library only. */
  constructor(engine: Engine, name: string, options: ReadWriteOptions) {
    this.name = name
    this.#read = new Taker(engine, name, 's', options, 'read')
    this.#write = new Taker(engine, name, 'x', options, 'write')
  }

  /** The side that many have at a time. */
  read(): Taker {
    return this.#read
  }

  /** The side that one has, and nobody beside it. */
  write(): Taker {
    return this.#write
  }
}
