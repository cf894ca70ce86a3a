import { HoldfastError } from './errors.js'

/**
 * A part of the library that few processes need: it is loaded when it is first used, and is there at once
 * from then on. Only what is asynchronous anyway may wait for one, and nothing that a held lock depends on.
 */
export class Part<T> {
  /** What it is, for messages. */
  readonly #what: string
  readonly #import: () => Promise<T>
  #loading: Promise<T> | null = null
  /** Undefined until it is loaded. */
  loaded: T | undefined

  constructor(what: string, load: () => Promise<T>) {
    this.#what = what
    this.#import = load
  }

  /** @throws ERR_CONFIG when its file cannot be loaded; the next call tries again. */
  load(): Promise<T> {
    if (this.loaded) return Promise.resolve(this.loaded)
    this.#loading ??= this.#import().then(
      (part) => {
        this.#loading = null
        this.loaded = part
        return part
      },
      (cause: unknown) => {
        this.#loading = null
        const message = `${this.#what} could not be loaded. Is the package complete, and the same as when this process began?`
        throw new HoldfastError('ERR_CONFIG', message, { cause })
      },
    )
    return this.#loading
  }
}
