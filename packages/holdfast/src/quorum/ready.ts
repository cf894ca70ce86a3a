import { HoldfastError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Port } from '../clients/port.js'
import { wordsOf } from '../clients/trouble.js'

/**
 * Waits for the client. One that is not ready would keep a request, and send it when nobody waits for
 * it any more. However many wait, the client has one listener: Node warns of more than ten.
 */
export class Ready {
  readonly #port: Port
  readonly #runtime: Runtime
  readonly #waiting = new Set<() => void>()
  #stop: (() => void) | null = null

  constructor(port: Port, runtime: Runtime) {
    this.#port = port
    this.#runtime = runtime
  }

  /**
   * Undefined if it is ready now: each turn of the event loop is a part of a hand-over's time.
   *
   * @throws ERR_UNAVAILABLE
   */
  within(timeout: number): Promise<void> | undefined {
    if (this.#port.ready) return undefined
    return new Promise((resolve, reject) => {
      const ready = (): void => {
        timer.cancel()
        resolve()
      }
      const timer = this.#runtime.setTimer(
        () => {
          this.#waiting.delete(ready)
          if (this.#waiting.size === 0) this.#rest()
          reject(this.#refusal(timeout))
        },
        timeout,
        true,
      )
      this.#waiting.add(ready)
      this.#stop ??= this.#port.onReady(() => {
        this.#stop = null
        const all = [...this.#waiting]
        this.#waiting.clear()
        for (const one of all) one()
      })
    })
  }

  #refusal(timeout: number): HoldfastError {
    const { kind } = this.#port
    const { state, error } = this.#port.trouble?.() ?? {}
    const why = [state, error === undefined ? undefined : wordsOf(error)].filter(Boolean)
    const message = `the ${kind} client is not ready (not connected for ${timeout} ms)`
    return new HoldfastError('ERR_UNAVAILABLE', [message, ...why].join(': '), { cause: error })
  }

  #rest(): void {
    this.#stop?.()
    this.#stop = null
  }
}
