import type { Engine } from './engine.js'
import { Lock } from './lock.js'
import type { Tenure } from './tenure.js'
import { Turns, type Patience } from './turns.js'

/** What an owner has, or is about to have, of one name. */
interface Holding {
  /** One call at a time asks the server; the others then re-enter what it got. */
  readonly turns: Turns
  tenure: Tenure | null
}

/** Whoever takes locks by handles and may take again what it holds: `acquire({ owner })`. */
export class Owner {
  /** @internal */
  readonly engine: Engine
  readonly #holdings = new Map<string, Holding>()

  /** @internal */
  constructor(engine: Engine) {
    this.engine = engine
  }

  /**
   * Re-enters what this owner holds, or takes it.
   *
   * @internal
   */
  async acquire(patience: Patience, take: () => Promise<Lock>): Promise<Lock> {
    const { name } = patience
    let holding = this.#holdings.get(name)
    if (!holding) {
      holding = { turns: new Turns(), tenure: null }
      this.#holdings.set(name, holding)
    }
    const { turns } = holding
    const mine = turns.take(patience, holding.tenure)
    if (mine !== true) await mine
    try {
      this.engine.assertOpen()
      if (holding.tenure) return this.#again(holding.tenure)
      const lock = await take()
      const { tenure } = lock
      holding.tenure = tenure
      tenure.onEnd = () => {
        holding.tenure = null
        this.#tidy(name, holding)
      }
      return lock
    } finally {
      turns.pass()
      this.#tidy(name, holding)
    }
  }

  #again(tenure: Tenure): Lock {
    const { lost } = tenure.lease
    if (lost) throw lost
    return new Lock(this.engine, tenure)
  }

  #tidy(name: string, { turns, tenure }: Holding): void {
    if (turns.idle && !tenure) this.#holdings.delete(name)
  }
}
