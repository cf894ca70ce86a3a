import type { Lock } from '../../src/index.js'
import type { SimProcess } from './client.js'
import type { Dice } from './dice.js'
import type { Recorder } from './recorder.js'
import type { Schedule } from './schedule.js'

/** What the locks guard: for each name a register that refuses a token below the highest it has seen. */
export class Resource {
  readonly #highest = new Map<string, number>()
  readonly #schedule: Schedule
  readonly #recorder: Recorder
  readonly #dice: Dice

  constructor(schedule: Schedule, recorder: Recorder, dice: Dice) {
    this.#schedule = schedule
    this.#recorder = recorder
    this.#dice = dice
  }

  /** A write that is on its way for a moment, and seldom for long. */
  write({ name: client }: SimProcess, { name, owner, fence: token }: Lock): void {
    const mean = this.#dice.chance(0.05) ? 300 : 1
    this.#schedule.setTimer(() => {
      const accepted = token >= (this.#highest.get(name) ?? 0)
      if (accepted) this.#highest.set(name, token)
      this.#recorder.count(accepted ? 'writes' : 'writes refused')
      this.#recorder.add({ kind: 'write', client, name, owner, token, accepted })
    }, this.#dice.around(mean))
  }
}
