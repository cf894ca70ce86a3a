import type { HoldfastError } from '../base/errors.js'
import type { Lease } from '../lease/lease.js'
import type { Renewer } from '../lease/renewer.js'

/**
 * What all handles of one lease share. An ordinary lock has one handle; re-entry makes more, and the
 * last one that is released ends the lease.
 */
export class Tenure {
  readonly lease: Lease
  /** Handles that are not released yet. */
  count: number
  /** Called when the last handle is released. */
  onEnd: (() => void) | null = null
  /** Of an owner: takes on the tenure that follows this one, of a writer that goes on as a reader. */
  keeper: ((next: Tenure) => void) | null = null
  #functions = 0

  constructor(lease: Lease, count: number) {
    this.lease = lease
    this.count = count
  }

  /** A handle is released. @returns whether it was the last. */
  leave(): boolean {
    if (--this.count > 0) return false
    this.onEnd?.()
    return true
  }

  /**
   * Somebody waits for a function, so the timers of this lease keep the process alive.
   *
   * @returns a function that ends this, and says whether the lease was lost.
   */
  hold(renewer: Renewer): () => HoldfastError | null {
    this.#functions++
    this.lease.keepAlive = true
    renewer.arm(this.lease)
    return () => {
      this.#functions--
      // An inner function that is done leaves the outer one waiting.
      if (this.#functions === 0) {
        this.lease.keepAlive = false
        renewer.rest()
      }
      return this.lease.lost
    }
  }
}
