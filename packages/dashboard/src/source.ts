import type { Deadlock, HoldfastError, ListEnd, LockState } from 'holdfast'
import { healthOf } from './health.js'
import { freeState, Known } from './known.js'
import type { Health } from './model.js'
import type { LocksLike, Settings } from './options.js'
import { namesOf, pageOf, type Facts } from './pages.js'
import { Past } from './past.js'
import { People } from './people.js'
import { troubleOf, warn } from './trouble.js'
import type { View } from './views.js'

const EVERY_MS = 1000
/** What was asked so long ago is not asked again. */
const FRESH_MS = 900
/** After so long without a look all is looked through anew. */
const STALE_MS = 10_000
/** Names of the index that are looked through by each look, beside those that are seen. */
const SWEPT = 200
/** So many names that something happened to are looked at by each look. */
const CHANGED = 500
const SCAN_MS = 5000
const SCAN_KEYS = 2000
const DEADLOCKS_MS = 2000
/** The same for those who see only whether there is one. */
const SELDOM_MS = 10_000
const HEALTH_MS = 30_000
const CLOCK_MS = 60_000

/** Somebody who looks. */
interface Viewer {
  readonly view: View
  readonly hear: (event: 'page' | 'trouble', json: string) => void
  /** What was said last, without its time. */
  said: string
  at: number
}

/**
 * What all viewers see. While somebody looks it asks once a second: what is new in the history, the states of what
 * can be seen, of what changed, and of a part of the rest. With nobody there it asks nothing.
 */
export class Source {
  readonly #locks: LocksLike
  readonly #settings: Settings
  readonly #people = new People()
  readonly #known = new Known(this.#people)
  readonly #past: Past
  readonly #viewers = new Set<Viewer>()
  readonly #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #tick: Promise<void> | null = null
  #askedAt = -Infinity
  #error: unknown = null
  /** What is left of the index to look through in this round, and when it began. */
  #round: AsyncGenerator<LockState, ListEnd> | null = null
  #roundAt = 0
  #complete = false
  #scan: ReturnType<LocksLike['watch']> | null = null
  #scannedAt = -Infinity
  #ahead = 0
  #clockAt = -Infinity
  #deadlocks: readonly Deadlock[] = []
  #health: Omit<Health, 'at'> | null = null
  readonly #seldomly = new Map<string, { readonly at: number; readonly done: Promise<void> }>()
  #closed = false

  constructor(locks: LocksLike, settings: Settings) {
    this.#locks = locks
    this.#settings = settings
    this.#past = new Past(locks, this.#people)
  }

  get viewers(): number {
    return this.#viewers.size
  }

  /** Tells of a page as it is now and whenever it changes. @returns the end of it */
  watch(view: View, hear: Viewer['hear']): () => void {
    const viewer: Viewer = { view, hear, said: '', at: -Infinity }
    this.#viewers.add(viewer)
    void this.#now()
    return () => {
      this.#viewers.delete(viewer)
      if (this.#viewers.size === 0) clearTimeout(this.#timer)
    }
  }

  /** A page as it is now. @throws what Redis says, if it cannot be asked */
  async page(view: View): Promise<object> {
    const viewer: Viewer = { view, hear: () => undefined, said: '', at: -Infinity }
    this.#viewers.add(viewer)
    try {
      await this.#now()
      // Not for those that stay: they see it as soon as it is there.
      if (view.page === 'health') await this.#doctor()
      if (view.page === 'graph') await this.#circles(DEADLOCKS_MS)
      if (this.#error) throw this.#error
      return pageOf(view, this.#facts())
    } finally {
      this.#viewers.delete(viewer)
      if (this.#viewers.size === 0) clearTimeout(this.#timer)
    }
  }

  /** Names in which the text is. */
  async search(text: string, most: number): Promise<string[]> {
    await this.page({ page: 'processes' })
    return this.#known.search(text, most)
  }

  /** What was done to a name shows at once. */
  changed(name: string): void {
    this.#changed.add(name)
  }

  close(): void {
    this.#closed = true
    this.#viewers.clear()
    clearTimeout(this.#timer)
  }

  /** Looks, also for one who has just come: what is fresh is not asked again. */
  async #now(): Promise<void> {
    // The one under way does not know of the newest viewer.
    while (this.#tick) await this.#tick
    await this.#look()
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    const begun = Date.now()
    this.#tick = this.#ask()
      .then(() => this.#well())
      .catch((error: unknown) => this.#ill(error))
    await this.#tick
    this.#tick = null
    if (this.#viewers.size === 0 || this.#closed) return
    clearTimeout(this.#timer)
    const next = (): void => {
      if (!this.#tick) void this.#look()
    }
    this.#timer = setTimeout(next, Math.max(50, EVERY_MS - (Date.now() - begun)))
  }

  #facts(): Facts {
    return {
      known: this.#known,
      past: this.#past,
      people: this.#people,
      settings: this.#settings,
      prefix: this.#locks.prefix,
      now: Date.now(),
      ahead: this.#ahead,
      complete: this.#complete && !this.#known.full,
      indexed: this.#indexed,
      deadlocks: this.#deadlocks,
      health: this.#health,
    }
  }

  get #indexed(): boolean {
    const { from } = this.#settings
    return from === undefined ? this.#past.kept : from === 'index'
  }

  async #ask(): Promise<void> {
    const begun = Date.now()
    if (begun - this.#askedAt >= FRESH_MS) {
      const stale = begun - this.#askedAt >= STALE_MS
      if (begun - this.#clockAt >= CLOCK_MS) await this.#clock()
      for (const name of await this.#past.read()) this.#changed.add(name)
      if (this.#indexed) await this.#sweep(stale)
      else await this.#scanned()
      this.#askedAt = Date.now()
    }
    await this.#inspect(begun - FRESH_MS)
    for (const { view } of this.#viewers) {
      if (view.page === 'lock') await this.#past.readOwn(view.name, begun)
    }
    const pages = new Set([...this.#viewers].map(({ view }) => view.page))
    // These take a while, and nobody waits for them.
    if (pages.has('health')) void this.#doctor()
    if (pages.has('graph')) void this.#circles(DEADLOCKS_MS)
    else if (pages.has('overview')) void this.#circles(SELDOM_MS)
  }

  async #clock(): Promise<void> {
    const { clockOffset } = await this.#locks.ping()
    this.#ahead = (clockOffset.least + clockOffset.most) / 2
    this.#clockAt = Date.now()
  }

  /** A step through the index, or all of it: the state of each name is looked at once in a round. */
  async #sweep(stale: boolean): Promise<void> {
    const all = stale || !this.#complete
    if (stale) {
      this.#round = null
      this.#deadlocks = []
    }
    if (!this.#round) {
      this.#round = this.#locks.list('*', { from: 'index' })
      this.#roundAt = Date.now()
    }
    const until = Date.now() + EVERY_MS
    for (let i = 0; all ? Date.now() < until : i < SWEPT; i++) {
      const step = await this.#round.next().catch((error: unknown) => {
        this.#round = null
        throw error
      })
      if (!step.done) {
        this.#known.put(step.value, Date.now())
        continue
      }
      this.#round = null
      this.#complete = true
      // In the index no more: released without a word, or gone.
      for (const name of this.#known.before(this.#roundAt)) this.#changed.add(name)
      return
    }
  }

  async #scanned(): Promise<void> {
    if (Date.now() - this.#scannedAt < SCAN_MS) return
    this.#scan ??= this.#locks.watch('*', { from: 'scan', budget: SCAN_KEYS })
    const { states, complete } = await this.#scan.look()
    this.#scannedAt = Date.now()
    this.#known.replace(states, this.#scannedAt)
    this.#complete = complete
  }

  /** Looks at what can be seen and at what changed, unless it was looked at since then. */
  async #inspect(since: number): Promise<void> {
    const facts = this.#facts()
    const names = new Set<string>()
    for (const { view } of this.#viewers) for (const name of namesOf(view, facts)) names.add(name)
    for (const name of names) {
      const seen = this.#known.seen(name)
      if (seen && seen.at > since && !this.#changed.has(name)) names.delete(name)
    }
    let left = CHANGED
    for (const name of this.#changed) {
      if (left-- === 0) break
      names.add(name)
    }
    const look = async (name: string): Promise<LockState> => {
      try {
        return await this.#locks.inspect(name)
      } catch (error) {
        const { code, lock } = error as HoldfastError
        // Its key has become something else than a lock.
        if (code === 'ERR_CONFIG' && lock === name) return freeState(name)
        // No lock can have it, and others look at other names.
        if (code === 'ERR_INVALID_ARGUMENT') return freeState(name)
        throw error
      }
    }
    const states = await Promise.all([...names].map(look))
    const at = Date.now()
    for (const state of states) {
      this.#known.put(state, at)
      this.#changed.delete(state.name)
    }
  }

  /** Once in a while, one at a time, and for all who ask. */
  #seldom(what: string, ms: number, ask: () => Promise<void>): Promise<void> {
    const before = this.#seldomly.get(what)
    if (before && Date.now() - before.at < ms) return before.done
    const done = ask().catch(() => {
      // The next look says what is wrong.
      this.#seldomly.delete(what)
    })
    this.#seldomly.set(what, { at: Date.now(), done })
    return done
  }

  #circles(every: number): Promise<void> {
    return this.#seldom('deadlocks', every, async () => {
      const names = this.#known.contended(10_000).seen.map(({ state }) => state.name)
      this.#deadlocks = names.length === 0 ? [] : await this.#locks.deadlocks({ names })
    })
  }

  #doctor(): Promise<void> {
    return this.#seldom('doctor', HEALTH_MS, async () => {
      const name = `holdfast-dashboard ${this.#people.who({ label: 'doctor' }).id}`
      const findings = await this.#locks.doctor({ name })
      this.#health = healthOf(findings, Math.round(Date.now() + this.#ahead))
    })
  }

  #well(): void {
    const back = this.#error !== null
    this.#error = null
    const facts = this.#facts()
    const made = new Map<string, string>()
    for (const viewer of this.#viewers) {
      // Once a second is enough for people.
      if (!back && facts.now - viewer.at < FRESH_MS) continue
      const key = JSON.stringify(viewer.view)
      let json = made.get(key)
      if (json === undefined) made.set(key, (json = JSON.stringify(pageOf(viewer.view, facts))))
      // `{"at":1700000000000,` comes first.
      this.#say(viewer, 'page', json, json.slice(json.indexOf(',')), back)
    }
  }

  #ill(error: unknown): void {
    const before = this.#error as Error | null
    this.#error = error
    const again = before !== null && before?.message === (error as Error | undefined)?.message
    // All may be different when it is back.
    this.#askedAt = -Infinity
    const trouble = troubleOf(error)
    if (trouble.code === 'ERR_INTERNAL' && !again) warn(error)
    const json = JSON.stringify(trouble)
    for (const viewer of this.#viewers) this.#say(viewer, 'trouble', json, json, false)
  }

  #say(
    viewer: Viewer,
    event: 'page' | 'trouble',
    json: string,
    what: string,
    again: boolean,
  ): void {
    if (!again && viewer.said === what) return
    viewer.said = what
    viewer.at = Date.now()
    viewer.hear(event, json)
  }
}
