import { ManualClock } from '../../src/testing/manual-clock.js'

/** The one source of everything that is left to chance in a run: seeded, and forked for each who rolls. */
export class Dice {
  readonly #source: ManualClock

  constructor(seed: number) {
    this.#source = new ManualClock({ seed })
    // Neighbouring seeds begin alike.
    for (let i = 0; i < 4; i++) this.#source.random()
  }

  fork(): Dice {
    return new Dice(this.seed())
  }

  seed(): number {
    return this.below(2 ** 31)
  }

  /** In [0, 1). */
  roll(): number {
    return this.#source.random()
  }

  chance(part: number): boolean {
    return this.roll() < part
  }

  /** A whole number from 0 to below this one. */
  below(most: number): number {
    return Math.floor(this.roll() * most)
  }

  between(least: number, most: number): number {
    return least + this.roll() * (most - least)
  }

  /** Mostly short: with this mean, at most ten times of it. */
  around(mean: number): number {
    return Math.min(10 * mean, -mean * Math.log(1 - this.roll()))
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!
  }

  /** One of these, each as often as its weight says; null where there is none. */
  weighted<T extends string>(weights: Readonly<Partial<Record<T, number>>>): T | null {
    const all = Object.entries(weights) as [T, number][]
    let at = this.roll() * all.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [what, weight] of all) if ((at -= weight) < 0) return what
    return null
  }
}
