import { milliseconds } from '../base/duration.js'
import { events } from '../base/events.js'
import { entryFields, type Note } from '../kernel/history.js'
import { slotOf } from '../kernel/names.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'

/** Where entries go, how many are kept there, and for how long, ms. */
export interface HistoryStream {
  readonly key: string
  readonly entries: number
  readonly keep: number
}

/** The most entries, and names, of one call. */
const MOST_SENT = 200
/** So many entries are kept until they are told. */
const MOST_KEPT = 5000
const TIMEOUT_MS = 500

interface Entry {
  readonly to: HistoryStream
  readonly note: Note
  /** Local time. */
  readonly at: number
}

type Share = readonly [to: HistoryStream, entries: readonly Entry[]]

/** What is to be told of a history: so much of it at most, and what is lacking then is counted. */
export class Outbox {
  readonly #engine: Engine
  readonly #index: string | null
  #entries: Entry[] = []
  /** Entries that are not told yet. */
  #kept = 0
  /** How many are lacking in each stream. */
  readonly #missed = new Map<HistoryStream, number>()
  /** A failure was told, and nothing has succeeded since. */
  #troubled = false

  constructor(engine: Engine, index: string | null) {
    this.#engine = engine
    this.#index = index
  }

  get empty(): boolean {
    return this.#entries.length === 0
  }

  /** For how long one call may take, ms. */
  get timeout(): number {
    const { nodeTimeout = TIMEOUT_MS } = this.#engine.options
    return milliseconds('options.nodeTimeout', nodeTimeout, 1)
  }

  add(to: HistoryStream, note: Note): void {
    if (this.#kept >= MOST_KEPT) return this.#miss(to, 1)
    this.#kept++
    this.#entries.push({ to, note, at: this.#engine.clock.now() })
  }

  #miss(to: HistoryStream, count: number): void {
    this.#missed.set(to, (this.#missed.get(to) ?? 0) + count)
  }

  /**
   * Tells what there is at the moment, in as few calls as there may be. Never throws.
   *
   * @param marks for the index, as its script takes them.
   */
  async tell(marks: readonly string[]): Promise<void> {
    const entries = this.#entries
    this.#entries = []
    const calls = Math.ceil(Math.max(entries.length, marks.length / 2) / MOST_SENT)
    for (let i = 0; i < calls; i++) {
      const own = entries.slice(i * MOST_SENT, (i + 1) * MOST_SENT)
      await this.#tell(own, marks.slice(2 * i * MOST_SENT, 2 * (i + 1) * MOST_SENT))
      this.#kept -= own.length
    }
  }

  /** One call; on a cluster one for each slot. */
  async #tell(entries: readonly Entry[], marks: readonly string[]): Promise<void> {
    const streams = new Map<HistoryStream, Entry[]>()
    for (const entry of entries) {
      const list = streams.get(entry.to)
      if (list) list.push(entry)
      else streams.set(entry.to, [entry])
    }
    const index = this.#index !== null && marks.length > 0 ? this.#slot(this.#index) : null
    const slots = new Map<number, Share[]>(index === null ? [] : [[index, []]])
    for (const share of streams) {
      const slot = this.#slot(share[0].key)
      const list = slots.get(slot)
      if (list) list.push(share)
      else slots.set(slot, [share])
    }
    await Promise.all(
      [...slots].map(([slot, shares]) => this.#send(shares, slot === index ? marks : [])),
    )
  }

  #slot(key: string): number {
    return this.#engine.node.cluster ? slotOf(key) : 0
  }

  async #send(shares: readonly Share[], marks: readonly string[]): Promise<void> {
    const now = this.#engine.clock.now()
    const keys: string[] = []
    const args = [String(shares.length)]
    const lacking = new Map<HistoryStream, number>()
    for (const [to, entries] of shares) {
      const missed = this.#missed.get(to) ?? 0
      this.#missed.delete(to)
      lacking.set(to, missed + entries.length)
      const fields = entries.map(({ note, at }) => entryFields(note, now - at))
      const { client: owner } = this.#engine.queue
      const { info } = entries[0]!.note
      if (missed > 0) fields.unshift(entryFields({ event: 'missed', owner, ms: missed, info }, 0))
      keys.push(to.key)
      args.push(String(to.entries), String(to.keep), String(fields.length), ...fields.flat())
    }
    if (marks.length > 0) keys.push(this.#index!)
    try {
      const asked = this.#engine.node.aside('history', keys, [...args, ...marks], this.timeout)
      const { verdict } = await asked
      if (verdict[0] !== 'noted') throw classify(new Error(verdict[1]), 'the server')
      this.#troubled = false
    } catch (error) {
      let missed = 0
      for (const [to, count] of lacking) {
        this.#miss(to, count)
        missed += count
      }
      if (!this.#troubled) events.historyFailed({ missed, error })
      this.#troubled = true
    }
  }
}
