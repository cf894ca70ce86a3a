import { HoldfastError } from '../base/errors.js'
import { inTime } from '../base/in-time.js'
import type { Timer } from '../base/runtime.js'
import type { Subscription } from '../clients/port.js'
import { decodeNews, electionChannel, newsOf, type News } from '../kernel/news.js'
import { classify } from '../quorum/replies.js'
import { Backoff } from '../line/pace.js'
import type { Engine } from './engine.js'

// A lease that ends at t is over by the server's clock a moment later.
const AFTER_END_MS = 5
// No look comes sooner than this after the last one, whatever the answers say.
const LEAST_GAP_MS = 50
// Changes that nobody has taken yet; of more the oldest go.
const KEPT = 1000

/** Who leads. */
export interface Leader {
  /** The owner id of its lock: one for each time that somebody leads. */
  readonly owner: string
  /** The `label` of its election or Holdfast; missing where it has none. */
  readonly label?: string
  /** The name of its machine. */
  readonly host?: string
  /** Its process on that machine. */
  readonly pid?: number
  /** The fencing token; null where the server does not know it any more. */
  readonly fence: number | null
  /** Since when, ms since 1970 by the server's clock; null as above. */
  readonly since: number | null
}

type Waiting = {
  resolve: (result: IteratorResult<Leader | null>) => void
  reject: (error: unknown) => void
}

/** One loop over the leaders of an election. */
export class Observation implements AsyncIterableIterator<Leader | null> {
  readonly #engine: Engine
  readonly #key: string
  readonly #timeout: number
  readonly #signal: AbortSignal | undefined
  readonly #backoff: Backoff
  readonly #end = (): void => this.#finish()
  #state: 'new' | 'open' | 'over' = 'new'
  #subscription: Subscription | null = null
  /** What was last told or seen; undefined before. */
  #news: News | undefined
  readonly #changes: (Leader | null)[] = []
  readonly #waiting: Waiting[] = []
  #error: unknown
  #timer: Timer | null = null
  #looking = false
  /** A look is wanted that is newer than the one under way. */
  #again = false

  constructor(engine: Engine, key: string, timeout: number, signal: AbortSignal | undefined) {
    this.#engine = engine
    this.#key = key
    this.#timeout = timeout
    this.#signal = signal
    this.#backoff = new Backoff(engine.runtime)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Leader | null>> {
    if (this.#state === 'new') this.#start()
    const change = this.#changes.shift()
    if (change !== undefined) return Promise.resolve({ done: false, value: change })
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      return Promise.reject(error)
    }
    if (this.#state === 'over') return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#arm()
    })
  }

  return(): Promise<IteratorResult<Leader | null>> {
    this.#changes.length = 0
    this.#finish()
    return Promise.resolve({ done: true, value: undefined })
  }

  #start(): void {
    if (this.#signal?.aborted) return this.#finish()
    this.#state = 'open'
    this.#signal?.addEventListener('abort', this.#end)
    this.#engine.closing.add(this.#end)
    void this.#subscribe(true)
  }

  /** Subscribes before it looks: nothing is missed in between. */
  async #subscribe(first: boolean): Promise<void> {
    const { node, runtime } = this.#engine
    try {
      const opening = node.subscribe(electionChannel(node.keyPrefix + this.#key), {
        onMessage: (message) => this.#told(message),
        onGap: () => void this.#look(),
        onEnd: () => this.#lostSubscription(),
      })
      let late = false
      // One that is confirmed too late, or after the end, is of no use to anybody.
      const closed = opening.then((one) => {
        if (late || !this.#open) void one.close()
        return one
      })
      this.#subscription = await inTime(runtime, closed, this.#timeout, () => {
        late = true
        throw new HoldfastError('ERR_UNAVAILABLE', 'the subscription was not confirmed')
      })
    } catch (error) {
      const trouble = classify(error, 'the subscriber connection')
      if (first || trouble.code === 'ERR_CONFIG') return this.#fail(trouble)
      await this.#backoff.pause(false)
      return this.#open ? this.#subscribe(false) : undefined
    }
    await this.#look(first)
  }

  get #open(): boolean {
    return this.#state === 'open'
  }

  #lostSubscription(): void {
    this.#subscription = null
    if (this.#open) void this.#subscribe(false)
  }

  /** Asks the server who leads. */
  async #look(first = false): Promise<void> {
    if (!this.#open) return
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    this.#again = false
    const before = this.#news
    try {
      const answer = await this.#engine.node.ask('inspect', this.#key, this.#timeout, () => [])
      this.#backoff.reset()
      // With news that came meanwhile it is not known which is older: tokens tell.
      if (this.#open) this.#apply(newsOf(answer.raw, answer.now), this.#news === before)
    } catch (error) {
      const trouble = classify(error, 'the client')
      if (first || trouble.code === 'ERR_CONFIG') this.#fail(trouble)
      else this.#again = true
      if (this.#open) await this.#backoff.pause(false)
    }
    this.#looking = false
    if (this.#again) await this.#look()
  }

  #told(message: string): void {
    const news = decodeNews(message)
    if (news && this.#open) this.#apply(news, false)
  }

  /** @param sure whether it is known to be newer than what was told before. */
  #apply(news: News, sure: boolean): void {
    const before = this.#news
    if (before && !sure && !newer(news, before)) return
    const same = before !== undefined && before.owner === news.owner
    this.#news = { ...news, at: this.#engine.clock.now() }
    this.#arm()
    if (!same) this.#change(leaderOf(news))
  }

  #change(leader: Leader | null): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting.resolve({ done: false, value: leader })
    else {
      this.#changes.push(leader)
      if (this.#changes.length > KEPT) this.#changes.shift()
    }
  }

  /** Looks when the leader's lease should have ended, as last told. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    const { clock, runtime } = this.#engine
    const { owner, at = 0, left } = this.#news ?? { owner: null, left: 0 }
    if (!this.#open || owner === null) return
    const due = at + Math.max(left + AFTER_END_MS, LEAST_GAP_MS)
    const look = (): void => void this.#look()
    this.#timer = runtime.setTimer(look, Math.max(0, due - clock.now()), this.#waiting.length > 0)
  }

  #fail(error: unknown): void {
    if (!this.#open) return
    const waiting = this.#waiting.shift()
    if (waiting) waiting.reject(error)
    else this.#error = error
    this.#finish()
  }

  #finish(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#timer?.cancel()
    this.#backoff.cancel()
    this.#signal?.removeEventListener('abort', this.#end)
    this.#engine.closing.delete(this.#end)
    void this.#subscription?.close()
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined })
  }
}

/** Tokens only grow; with the same one, the end of a tenure comes after it. */
function newer(news: News, before: News): boolean {
  if (news.token !== before.token) return news.token > before.token
  return news.owner === before.owner || before.owner !== null
}

function leaderOf({ owner, record, token }: News): Leader | null {
  if (owner === null) return null
  const { label, host, pid, since = null } = record ?? {}
  return {
    owner,
    ...(label === undefined ? {} : { label }),
    ...(host === undefined ? {} : { host }),
    ...(pid === undefined ? {} : { pid }),
    fence: record?.token ?? (token === 0 ? null : token),
    since,
  }
}
