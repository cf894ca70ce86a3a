import { milliseconds, type Duration } from '../base/duration.js'
import { invalid, type HoldfastError } from '../base/errors.js'
import type { Timer } from '../base/runtime.js'
import { decodeEntries, historyKey, prefixKeys, type HistoryEntry } from '../kernel/history.js'
import { checkName } from '../kernel/names.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'
import { aSignal, known } from './options.js'

const TIMEOUT_MS = 500
const LIMIT = 100
const MOST_READ = 1000
/** So many entries of the prefix are looked through for one page of a name. */
const MOST_LOOKED = 10_000
const LEAST_EVERY_MS = 100

/** Options of `history`. */
export interface PageOptions {
  /** How many entries at most: 1 to 1000; default 100. */
  readonly limit?: number | undefined
  /** Only entries before this one: its `id`, or `next` of the page before. */
  readonly before?: string | undefined
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined
}

/** A part of a history. */
export interface HistoryPage {
  /** Newest first, as they were written: times of different processes may differ by a tenth of a second. */
  readonly entries: readonly HistoryEntry[]
  /** `before` of the next page; null: that was all. */
  readonly next: string | null
}

/** Options of `follow`. */
export interface FollowOptions {
  /**
   * Begins behind this entry: its `id`; `0-0`: with the oldest one. Default: with what happens from now on.
   */
  readonly after?: string | undefined
  /** How often it asks the server for more. Default 1 s, at least 100 ms. */
  readonly every?: Duration | undefined
  /** Ends the loop, without an error. */
  readonly signal?: AbortSignal | undefined
}

/** Before all entries. */
const BEGINNING = '0-0'
const ID = /^\d{1,15}-\d{1,15}$/

function checkId(what: string, id: unknown): void {
  if (id === undefined || (typeof id === 'string' && ID.test(id))) return
  throw invalid(what, id, 'the id of an entry')
}

/** The stream of a name, and that of the prefix, in which it is if it has none of its own. */
function keysOf(engine: Engine, name: string | undefined): { own: string | null; all: string } {
  engine.assertOpen()
  if (name !== undefined) checkName(name, engine.prefix)
  const own = name === undefined ? null : historyKey(name, engine.prefix)
  return { own, all: prefixKeys(engine.prefix).stream }
}

interface Step {
  readonly entries: readonly HistoryEntry[]
  /** How many were read, known or not, and the id of the last of them. */
  readonly count: number
  readonly last: string | null
}

async function read(
  { node }: Engine,
  key: string,
  side: 'before' | 'after',
  id: string,
  count: number,
): Promise<Step> {
  const { raw } = await node.aside('past', [key], [side, id, String(count)], TIMEOUT_MS)
  if (raw[0] === 'error') throw classify(new Error(String(raw[1])), 'the server')
  return decodeEntries(raw)
}

/** What is lacking may be of any name. */
function isOf(name: string | undefined): (entry: HistoryEntry) => boolean {
  return (entry) => name === undefined || entry.event === 'missed' || entry.name === name
}

export async function history(
  engine: Engine,
  name: string | undefined,
  options: PageOptions,
): Promise<HistoryPage> {
  known('options', options, ['limit', 'before', 'signal'])
  const { limit = LIMIT, before, signal } = options
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_READ)) {
    throw invalid('options.limit', limit, `a whole number from 1 to ${MOST_READ}`)
  }
  checkId('options.before', before)
  if (before === BEGINNING) throw invalid('options.before', before, 'the id of an entry')
  aSignal(signal)
  const { own, all } = keysOf(engine, name)
  signal?.throwIfAborted()
  await engine.recorder?.tellNow()
  signal?.throwIfAborted()
  if (own !== null) {
    // A name has a stream of its own if there is anything in it.
    const whole = await read(engine, own, 'before', before ?? '', limit)
    if (whole.count > 0) return { entries: whole.entries, next: nextOf(whole, limit) }
  }
  return pageOf(engine, all, name, before ?? '', limit, signal)
}

function nextOf({ count, last }: Step, wanted: number): string | null {
  return count < wanted ? null : last
}

async function pageOf(
  engine: Engine,
  key: string,
  name: string | undefined,
  from: string,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<HistoryPage> {
  const wanted = name === undefined ? limit : MOST_READ
  const entries: HistoryEntry[] = []
  let next: string | null = from
  for (let looked = 0; next !== null && looked < MOST_LOOKED; looked += wanted) {
    const step = await read(engine, key, 'before', next, wanted)
    signal?.throwIfAborted()
    next = nextOf(step, wanted)
    for (const entry of step.entries.filter(isOf(name))) {
      if (entries.length === limit) return { entries, next: entries.at(-1)!.id }
      entries.push(entry)
    }
    if (name === undefined) break
  }
  return { entries, next }
}

export async function* follow(
  engine: Engine,
  name: string | undefined,
  options: FollowOptions,
): AsyncGenerator<HistoryEntry, void, undefined> {
  known('options', options, ['after', 'every', 'signal'])
  const { after, every = 1000, signal } = options
  checkId('options.after', after)
  const ms = milliseconds('options.every', every, LEAST_EVERY_MS)
  aSignal(signal)
  const { own, all } = keysOf(engine, name)
  const pause = new Pause(engine, signal)
  try {
    const places =
      own === null ? [{ key: all, id: after }] : [own, all].map((key) => ({ key, id: after }))
    for (const place of places)
      place.id ??= (await read(engine, place.key, 'before', '', 1)).last ?? BEGINNING
    while (!pause.over) {
      let more = false
      for (const place of places) {
        const step = await orLater(read(engine, place.key, 'after', place.id!, MOST_READ))
        place.id = step.last ?? place.id
        more ||= step.count === MOST_READ
        yield* step.entries.filter(isOf(place.key === all ? name : undefined))
        if (pause.over) return
      }
      if (!more) await pause.wait(ms)
    }
  } finally {
    pause.end()
  }
}

/** The server may be away for a while: the next question gets what happened meanwhile. */
async function orLater(reading: Promise<Step>): Promise<Step> {
  try {
    return await reading
  } catch (error) {
    const { code } = error as HoldfastError
    if (code !== 'ERR_UNAVAILABLE' && code !== 'ERR_NO_QUORUM') throw error
    return { entries: [], count: 0, last: null }
  }
}

/** Pauses of a loop, until its signal or the end of its Holdfast ends them for good. */
class Pause {
  over = false
  readonly #engine: Engine
  readonly #signal: AbortSignal | undefined
  #timer: Timer | null = null
  #go: () => void = () => undefined
  readonly #finish = (): void => {
    this.over = true
    this.#go()
  }

  constructor(engine: Engine, signal: AbortSignal | undefined) {
    this.#engine = engine
    this.#signal = signal
    this.over = signal?.aborted ?? false
    signal?.addEventListener('abort', this.#finish)
    engine.closing.add(this.#finish)
  }

  wait(ms: number): Promise<void> {
    if (this.over) return Promise.resolve()
    return new Promise((resolve) => {
      this.#timer = this.#engine.runtime.setTimer(resolve, ms, true)
      this.#go = resolve
    })
  }

  end(): void {
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#finish)
    this.#engine.closing.delete(this.#finish)
  }
}
