/**
 * Watches who is inside of what. It does not trust the locks: it counts in the server, in one step
 * with what it looks at, and compares fencing tokens as a careful resource would.
 */
export class Witness {
  violations = []
  /** The most that were inside of a place at one time, by kind. */
  most = {}
  #store

  constructor(store) {
    this.#store = store
  }

  violated(what) {
    this.violations.push(what)
  }

  expect(holds, otherwise) {
    if (!holds) this.violated(otherwise)
  }

  /**
   * Goes in, works, goes out.
   *
   * @param {string} place
   * @param {string} kind of visitor: each is counted for itself
   * @param {number} weight as how many it counts
   * @param {(inside: Record<string, number>) => boolean} allowed may so many be inside together?
   * @param {() => Promise<unknown>} work
   */
  async visit(place, kind, weight, allowed, work) {
    const inside = await this.#store.add(place, kind, weight)
    this.most[kind] = Math.max(this.most[kind] ?? 0, inside[kind])
    this.expect(allowed(inside), `${place}: inside are ${JSON.stringify(inside)}`)
    try {
      return await work()
    } finally {
      await this.#store.add(place, kind, -weight)
    }
  }

  /** An exclusive holder shows its fencing token: it has to be larger than the one before. */
  async claim(place, fence) {
    const before = Number((await this.#store.swap(`fence:${place}`, fence)) ?? 0)
    this.expect(fence > before, `${place}: token ${fence} came after ${before}`)
  }

  /** Writes a value for all to see, and says what was there. */
  swap(name, value) {
    return this.#store.swap(name, value)
  }

  /** Adds to a number for all to see, and says what it is. */
  async add(name, by) {
    return (await this.#store.add(name, 'n', by)).n
  }
}
