const SLOTS = 16384

/**
 * Which run of a server gets a request, as far as answers have told: one for a single server, one
 * for each slot of a cluster. A wrong guess does no harm and costs a round trip: the server answers
 * `late`, and that answer says which run it is.
 */
export class Routes {
  readonly #runs: (string | null)[]

  constructor(cluster: boolean) {
    this.#runs = Array<string | null>(cluster ? SLOTS : 1).fill(null)
  }

  /** The run that last answered for this slot. */
  learnt(slot: number): string | null {
    return this.#runs[slot] ?? null
  }

  /** The same, or else the run of the nearest one: servers have ranges. */
  of(slot: number): string | null {
    const runs = this.#runs
    const known = this.learnt(slot)
    if (known !== null) return known
    for (let away = 1; away < runs.length; away++) {
      const near = runs[slot - away] ?? runs[slot + away] ?? null
      if (near !== null) return near
    }
    return null
  }

  answered(slot: number, run: string): void {
    this.#runs[slot] = run
  }
}
