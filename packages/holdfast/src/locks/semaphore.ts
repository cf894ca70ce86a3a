import { HoldfastError, invalid } from '../base/errors.js'
import type { Answer } from '../quorum/node.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'
import { checkLimit, type PermitOptions, type SemaphoreOptions } from './options.js'
import { Taker } from './taker.js'

/** On several servers each permit is a slot: see docs/protocol.md, Quorum. */
const MOST_SLOTS = 1000

/** How a semaphore stands, as the server sees it now. */
export interface Permits {
  /** How many permits there are. While nobody holds or waits: the limit that was given here. */
  readonly limit: number
  /** How many are held. More than `limit` for a while after `resize` to less. */
  readonly used: number
  /**
   * How many are free. Those who wait come first; 0 while the name is held in another way, and after
   * `forceRelease` until all holders have gone.
   */
  readonly available: number
  /** How many calls wait. */
  readonly waiting: number
}

/**
 * A number of permits, across processes and machines: at most `limit` are held at one time. Each
 * acquisition takes one or several, all or none, and has its own lease, signal and fencing token;
 * those of a holder that died are free when its lease ends.
 *
 * All who use a semaphore at the same time give the same limit: another one is ERR_CONFIG, and names
 * both. Waiting is first come, first served, whatever the number of permits: a large request is
 * not overtaken by small ones.
 */
export class Semaphore extends Taker<PermitOptions> {
  readonly #engine: Engine
  #options: SemaphoreOptions

  /** For this library only. */
  constructor(engine: Engine, name: string, options: SemaphoreOptions) {
    super(engine, name, 'p', options, 'semaphore')
    if (engine.several && options.limit > MOST_SLOTS) {
      throw invalid('options.limit', options.limit, `at most ${MOST_SLOTS} on several servers`)
    }
    this.#engine = engine
    this.#options = options
  }

  /** The limit that this object asks with. */
  get limit(): number {
    return this.#options.limit
  }

  /**
   * How many permits are held and free, and how many calls wait. For people and metrics: the answer
   * is old when it comes, so do not decide by it, but use `tryAcquire`.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
   */
  available(): Promise<Permits> {
    return this.#ask('')
  }

  /**
   * Changes the limit for everybody, for as long as somebody holds permits or waits for them; and
   * what this object asks with. More lets in at once who fits; less takes nobody's permits, and
   * grants none until fewer are held. A waiter who wants more than there are from now on is
   * refused (ERR_CONFIG). Others may go on asking with the limit from before.
   *
   * @param limit 1 to 1,000,000.
   * @throws ERR_UNAVAILABLE when the server does not say; ERR_CONFIG, ERR_CLOSED,
   * ERR_INVALID_ARGUMENT
   */
  async resize(limit: number): Promise<Permits> {
    checkLimit('limit', limit)
    this.#engine.assertOpen()
    if (this.#engine.several && limit > MOST_SLOTS) {
      throw invalid('limit', limit, `at most ${MOST_SLOTS} on several servers`)
    }
    this.#options = { ...this.#options, limit }
    this.change(this.#options)
    return this.#ask(String(limit))
  }

  async #ask(wanted: string): Promise<Permits> {
    const { name } = this
    const engine = this.#engine
    await engine.start()
    const { timeout } = engine.settings(this.#options)
    const key = engine.prefix + name
    const ask = (): Promise<Answer> =>
      engine.node.ask('resize', key, timeout, ({ ms, run }) => [wanted, ms, run])
    let { verdict } = await ask()
    // Not carried out, because of another server run: the reply brought a sample of this one.
    if (verdict[0] === 'late') ({ verdict } = await ask())
    const [status, ...rest] = verdict
    if (status === 'error') throw classify(new Error(rest[0]), 'the server', name)
    if (status !== 'limit') {
      const message = `the server answered ${status} when it was asked for permits`
      throw new HoldfastError('ERR_UNAVAILABLE', message, { lock: name })
    }
    const [bound = 0, used = 0, waiting = 0] = rest.map(Number)
    const limit = bound || this.limit
    // Withheld: those who hold were asked to go, and nobody comes in before they have.
    const free = (rest[3] === 'p' || rest[3] === '-') && rest[4] !== '1'
    return { limit, used, available: free ? Math.max(0, limit - used) : 0, waiting }
  }
}
