// What the processes reported, and what it proves.

/** The process of a waiter: p3 of p3·2. */
export const processOf = (who) => who.split('·')[0]

/** A part of sorted numbers, such as 0.99; null where there are none. */
function quantile(sorted, part) {
  if (sorted.length === 0) return null
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

/** Critical sections as they were reported. Times are ns of the machine's clock. */
export class Ledger {
  /** Where no two processes are, all hand-overs are timed; else those between processes. */
  #alone
  #sections = new Map()
  #open = new Map()
  #dead = new Map()
  troubles = []

  constructor(names, alone) {
    this.#alone = alone
    for (const name of names) this.#sections.set(name, [])
  }

  take(message) {
    const { type, name, who } = message
    if (type === 'enter') {
      const { fence, pushed, at } = message
      const section = { name, who, fence, pushed, enter: at, leave: null, wrote: false }
      this.#sections.get(name).push(section)
      this.#open.set(who, section)
    } else if (type === 'leave') {
      Object.assign(this.#open.get(who), { leave: message.at, wrote: message.wrote })
      this.#open.delete(who)
    } else if (type === 'trouble') {
      this.troubles.push(`${who}: ${message.message}`)
    }
  }

  /** A process is no more: nothing of it can happen after `at`. */
  died(process, at) {
    this.#dead.set(process, at)
  }

  /** Who is inside, by what was reported. */
  inside(name) {
    return this.#sections
      .get(name)
      .filter((section) => section.leave === null && !this.#dead.has(processOf(section.who)))
      .map((section) => section.who)
  }

  /** The first section of a lock after a moment. */
  after(name, at) {
    return this.#ordered(name).find((section) => section.enter > at)
  }

  #ordered(name) {
    return this.#sections.get(name).toSorted((a, b) => a.enter - b.enter)
  }

  /** Judges one lock. Reports of several processes come in any order, so it begins at the start. */
  audit(name) {
    const result = { completed: 0, cutShort: 0, overlaps: 0, disorder: 0, handovers: 0, ms: [] }
    let last = null
    let end = -Infinity
    let fence = -Infinity
    for (const section of this.#ordered(name)) {
      const { who, enter, leave, wrote, pushed } = section
      const died = this.#dead.get(processOf(who))
      if (wrote) result.completed++
      // It may have written or not, and cannot tell any more.
      else if (leave === null && died !== undefined) result.cutShort++
      if (enter < end) result.overlaps++
      if (section.fence !== null && section.fence <= fence) result.disorder++
      if (pushed) result.handovers++
      const apart = last !== null && processOf(last.who) !== processOf(who)
      if (pushed && last?.leave && (apart || this.#alone)) {
        result.ms.push((enter - last.leave) / 1e6)
      }
      // One that is still inside, or whose leave is under way to us, is judged when it has left.
      end = Math.max(end, leave ?? died ?? enter)
      fence = Math.max(fence, section.fence ?? -Infinity)
      last = section
    }
    return result
  }

  /** All locks together. */
  total() {
    const sum = { completed: 0, cutShort: 0, overlaps: 0, disorder: 0, handovers: 0, ms: [] }
    for (const name of this.#sections.keys()) {
      const one = this.audit(name)
      for (const key of Object.keys(sum)) {
        if (key === 'ms') sum.ms.push(...one.ms)
        else sum[key] += one[key]
      }
    }
    sum.ms.sort((a, b) => a - b)
    return { ...sum, p50: quantile(sum.ms, 0.5), p99: quantile(sum.ms, 0.99) }
  }
}
