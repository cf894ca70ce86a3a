import { invalid } from '../base/errors.js'
import type { Mode } from '../kernel/protocol.js'
import { refuseOwn, type Hold } from './context.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import type { AcquireOptions } from './options.js'
import type { Tenure } from './tenure.js'
import { Turns, type Patience } from './turns.js'

/** What an owner has, or is about to have, of one name. */
interface Holding {
  /** One call at a time asks the server; the others then re-enter what it got. */
  readonly turns: Turns
  tenure: Tenure | null
}

/** Options of an `acquire` that may be an owner's. */
export type Owned<Options extends AcquireOptions> = Options & {
  /**
   * Who takes it, from `owner()` of the same Holdfast. What it holds already of a mutex with
   * `reentrant: true` it gets at once; else a wait for what it holds itself is refused.
   */
  readonly owner?: Owner | undefined
}

/**
 * Whoever takes locks by handles: `acquire({ owner })`. The handles of one owner are one line of work: it
 * does not wait for itself, and while it waits for a lock, nothing that it holds is thought to be let go.
 */
export class Owner {
  /** @internal */
  readonly engine: Engine
  readonly #holdings = new Map<string, Holding>()
  readonly #tenures = new Set<Tenure>()

  /** For this library only. */
  constructor(engine: Engine) {
    this.engine = engine
  }

  /**
   * What it holds now.
   *
   * @internal
   */
  holds(): readonly Hold[] {
    const held = [...this.#tenures].filter(({ lease }) => lease.check())
    return held.map(({ lease }) => ({ engine: this.engine, lease }))
  }

  /**
   * Takes what it does not hold yet.
   *
   * @internal
   * @throws ERR_DEADLOCK for a call that would wait for what this owner holds.
   */
  async take(name: string, mode: Mode, wait: number, take: () => Promise<Lock>): Promise<Lock> {
    // One try does not wait: it is told that the name is taken.
    if (wait > 0) refuseOwn(name, mode, this.#tenures)
    const lock = await take()
    this.#keep(lock.tenure)
    return lock
  }

  #keep(tenure: Tenure): void {
    this.#tenures.add(tenure)
    tenure.onEnd = () => this.#tenures.delete(tenure)
    tenure.keeper = (next) => this.#keep(next)
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
      const { onEnd } = tenure
      tenure.onEnd = () => {
        onEnd?.()
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
    return this.engine.again(tenure)
  }

  #tidy(name: string, { turns, tenure }: Holding): void {
    if (turns.idle && !tenure) this.#holdings.delete(name)
  }
}

/** Parts the owner from the options of a call. @throws ERR_INVALID_ARGUMENT */
export function splitOwner<Options extends AcquireOptions>(
  engine: Engine,
  options: Owned<Options> | undefined,
): { owner: Owner | undefined; rest: Options | undefined } {
  // What is no object of options is refused where all options are.
  if (typeof options !== 'object' || options === null || !('owner' in options)) {
    return { owner: undefined, rest: options }
  }
  const { owner, ...rest } = options
  const known = owner === undefined || (owner instanceof Owner && owner.engine === engine)
  if (!known) throw invalid('options.owner', owner, 'an owner() of the same Holdfast')
  return { owner, rest: rest as unknown as Options }
}
