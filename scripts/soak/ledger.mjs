/**
 * Who surely held a name, and when. Two whose times overlap are what a lock is there to prevent; and
 * so is a later one with a smaller token.
 */
export class Ledger {
  violations = []
  tenures = 0
  #names = new Map()

  /**
   * @param {object} tenure
   * @param {string} tenure.name
   * @param {number} tenure.fence
   * @param {number} tenure.from when `acquire` had resolved, by the machine's monotonic clock
   * @param {number} tenure.to the last moment at which the lock said that it was held
   */
  add({ name, fence, from, to }) {
    this.tenures++
    const all = this.#names.get(name) ?? []
    this.#names.set(name, all)
    // A report may come late, from a process that stood still.
    let at = all.length
    while (at > 0 && all[at - 1].fence > fence) at--
    const [before, after] = [all[at - 1], all[at]]
    const told = (what, other) => this.violations.push(`${name}: ${what}, ${other} and ${fence}`)
    if (before?.fence === fence) told('one token twice', before.fence)
    else if (before && before.to > from) told('two holders at a time', before.fence)
    if (after && to > after.from) told('two holders at a time', after.fence)
    all.splice(at, 0, { fence, from, to })
    if (all.length > 2000) all.splice(0, 1000)
  }
}
