import { HoldfastError } from '../base/errors.js'
import type { Timer } from '../base/runtime.js'
import { contention, type NotAfter } from '../kernel/protocol.js'
import type { Grant } from '../lease/lease.js'
import type { Answer } from '../quorum/node.js'
import { classify, isConfig } from '../quorum/replies.js'
import { Backoff, CallTime } from './pace.js'
import { Part } from './part.js'
import type { Queue } from './queue.js'
import { refusal } from './refusal.js'
import type { Wish } from './wish.js'

/** For how long, at most, what is held waits for another name; and a part of the lease. */
const PATIENCE_MS = 1000
const PATIENCE_PART = 1 / 4

/**
 * One call that wants several names, all or nothing. It asks for all at once where they share a slot,
 * else slot by slot. It waits in one line only, that of the first name it lacks, and then tries all
 * again (review L9).
 *
 * All names have one order, the same in every process. While it waits for one it holds none that comes
 * after it, so that calls do not wait for each other in a circle; and those that come before only
 * for a moment, so that nobody waits long for a name on which nothing is done. Then it gives them
 * back and keeps its place.
 */
export class Several {
  readonly #queue: Queue
  readonly #standIn: (wish: Wish) => Promise<Grant>
  /** In the order of all names; and by slot. */
  readonly #parts: readonly Part[]
  readonly #slots: readonly (readonly Part[])[]
  readonly #first: Wish
  readonly #time: CallTime
  readonly #ttl: number
  readonly #backoff: Backoff
  #over: { readonly reason: unknown } | undefined
  #interrupt: ((reason: unknown) => void) | null = null
  /** Since when it holds some of its names, local time. */
  #holds: number | null = null
  #late = 0
  #trouble: HoldfastError | null = null
  #contention: ReturnType<typeof contention> = {}

  /** @param wishes one or more, with one time limit for each request, one `wait` and one `signal`. */
  constructor(queue: Queue, wishes: readonly Wish[], stand: (wish: Wish) => Promise<Grant>) {
    this.#queue = queue
    this.#standIn = stand
    const slots = new Map<number, Part[]>()
    for (const wish of wishes.toSorted(byKey)) {
      const slot = queue.node.slot(wish.key)
      const part = new Part(queue, wish)
      const others = slots.get(slot)
      if (others) others.push(part)
      else slots.set(slot, [part])
    }
    const ordered = [...slots].toSorted(([a], [b]) => a - b)
    this.#slots = ordered.map(([, parts]) => parts)
    this.#parts = this.#slots.flat()
    this.#first = this.#parts[0]!.wish
    this.#ttl = Math.min(...wishes.map(({ ttl }) => ttl))
    this.#time = new CallTime(queue, this.#first)
    this.#backoff = new Backoff(queue.runtime)
  }

  /** @returns the grants, by the names' wishes. */
  async run(): Promise<ReadonlyMap<Wish, Grant>> {
    const { signal } = this.#first
    signal?.throwIfAborted()
    this.#time.start(this)
    if (signal) this.#queue.onAbort(signal, this)
    try {
      for (;;) {
        const lacking = await this.#try()
        this.#assertWanted()
        if (lacking === null) return this.#taken()
        if (lacking) await this.#stand(lacking)
        this.#assertWanted()
      }
    } catch (error) {
      for (const part of this.#parts) part.giveBack()
      throw error
    } finally {
      this.#time.cancel()
      this.#backoff.cancel()
      if (signal) this.#queue.offAbort(signal, this)
    }
  }

  /** Its time is over. */
  passed(): void {
    this.giveUp(this.#trouble ?? this.#refusal('ERR_TIMEOUT'))
  }

  /** Ends the call without a lock. */
  giveUp(reason: unknown): void {
    this.#over ??= { reason }
    this.#interrupt?.(this.#over.reason)
  }

  #assertWanted(): void {
    if (this.#over) throw this.#over.reason
  }

  #unlessOver<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject
      work.then(resolve, reject)
    })
  }

  #refusal(code: 'ERR_TAKEN' | 'ERR_TIMEOUT', about = this.#contention): HoldfastError {
    const { name, wait } = this.#first
    return refusal(code, { name: about.lock ?? name, wait }, about)
  }

  #taken(): ReadonlyMap<Wish, Grant> {
    for (const part of this.#parts) part.tell(this.#time.since)
    return new Map(this.#parts.map((part) => [part.wish, part.grant!]))
  }

  /** @returns null when it holds all, the first name that it lacks, or undefined: try again. */
  async #try(): Promise<Part | null | undefined> {
    for (const parts of this.#slots) {
      for (const part of parts) if (part.grant && !this.#usable(part)) part.giveBack()
      let verdict: Part | null | undefined
      try {
        verdict = await this.#ask(parts)
      } catch (error) {
        this.#assertWanted()
        verdict = await this.#troubled(error, parts)
      }
      if (verdict !== null) return verdict
    }
    if (this.#parts.every((part) => this.#usable(part))) return null
    const late = new HoldfastError('ERR_UNAVAILABLE', 'a grant came too late to be used')
    return this.#troubled(late, this.#parts)
  }

  #usable(part: Part): boolean {
    return this.#queue.clock.now() < part.usableUntil
  }

  async #ask(parts: readonly Part[]): Promise<Part | null | undefined> {
    let sent = false
    const wanted = parts.map((part) => ({
      key: part.wish.key,
      fields: (notAfter: NotAfter) => {
        if (this.#over) return null
        sent = true
        return part.fields(this.#time.within(notAfter))
      },
    }))
    const owners = parts.map((part) => part.nameOwner())
    const asked = this.#queue.node.together('all', wanted, this.#first.timeout)
    // The release of a call that is over may have come before its request: this one is the last word.
    const overtaken = (answers?: readonly Answer[]): void => {
      if (!this.#over || !sent) return
      parts.forEach((part, i) => {
        const status = answers?.[i]?.verdict[0]
        if (status !== 'taken' && status !== 'free') void part.release(owners[i]!)
      })
    }
    void asked.then(overtaken, () => overtaken())
    const answers = await this.#unlessOver(asked)
    this.#trouble = null
    return this.#answered(parts, answers)
  }

  async #answered(
    parts: readonly Part[],
    answers: readonly Answer[],
  ): Promise<Part | null | undefined> {
    let lacking: Part | null = null
    let again = false
    let late = false
    for (const [i, part] of parts.entries()) {
      const answer = answers[i]!
      const [status = '', ...rest] = answer.verdict
      switch (status) {
        case 'granted':
        case 'held':
          part.granted(answer, rest.map(Number))
          break
        case 'free':
          part.drop()
          break
        case 'taken':
          part.drop()
          if (!lacking) this.#contention = contention(part.wish.name, rest, answer.now)
          lacking ??= part
          break
        case 'forced':
        case 'lapsed':
          // Withheld from others until we let go of it; or over. An owner id is not used twice.
          part.giveBack()
          again = true
          break
        case 'late':
          late = true
          break
        default:
          throw isConfig(rest[0] ?? '')
            ? classify(new Error(rest[0]), 'the server', part.wish.name)
            : new HoldfastError('ERR_UNAVAILABLE', `the server could not do it: ${rest[0]}`)
      }
    }
    if (late) return this.#tooLate()
    this.#late = 0
    if (lacking || again) return lacking ?? undefined
    this.#backoff.reset()
    return null
  }

  /** Not carried out; the reply brought a sample of what may be a new server run. */
  async #tooLate(): Promise<undefined> {
    if (this.#late++ < 2) return
    // By our own limit, in the last moments: that is no trouble of the server's.
    if (this.#time.ending) return this.#unlessOver(this.#backoff.pause()) as Promise<undefined>
    throw new HoldfastError('ERR_UNAVAILABLE', 'the request reached the server too late')
  }

  /** Gives back what it holds, and what it may hold, before it tries again. */
  async #troubled(error: unknown, parts: readonly Part[]): Promise<undefined> {
    const [only, ...more] = parts
    const name = more.length === 0 ? only!.wish.name : undefined
    const trouble = classify(error, 'the client', name)
    this.#trouble = trouble
    if (trouble.code === 'ERR_CONFIG' || this.#first.wait === 0) throw trouble
    this.#letGo(this.#parts)
    await this.#unlessOver(this.#backoff.pause())
  }

  #letGo(parts: readonly Part[]): void {
    for (const part of parts) part.giveBack()
    if (!this.#parts.some(({ grant }) => grant)) this.#holds = null
  }

  async #stand(lacking: Part): Promise<void> {
    const { wait, signal } = this.#first
    if (wait === 0) throw this.#refusal('ERR_TAKEN')
    const { clock, runtime } = this.#queue
    const at = this.#parts.indexOf(lacking)
    let before = this.#parts.slice(0, at).filter(({ grant }) => grant)
    // What was free is soon taken again; what was waited for is dear.
    if (!before.some(({ waited }) => waited)) before = []
    this.#letGo(this.#parts.filter((part) => !before.includes(part)))
    // It came to the front of this line before: what it waits for is no long line, but a holder who takes long.
    const front = lacking.place.ticket !== 0
    let long = false
    let patience: Timer | null = null
    if (before.length > 0) {
      const ms = this.#patience(before)
      const over = (): void => {
        this.#letGo(before)
        long = front
      }
      patience = runtime.setTimer(over, ms, true)
    }
    try {
      const left = Math.max(1, this.#time.left())
      // What it is granted it asks for again at once, together with the rest: a claim is enough.
      const wish = {
        ...lacking.wish,
        renew: true,
        wait: left,
        signal,
        contention: this.#contention,
        place: lacking.place,
      }
      lacking.stood(await this.#standIn(wish))
      this.#holds ??= clock.now()
      // From the front it would keep the others from what it cannot use, again and again.
      if (long) for (const { place } of this.#parts) place.ticket = 0
    } catch (error) {
      const timedOut = error instanceof HoldfastError && error.code === 'ERR_TIMEOUT'
      throw timedOut ? this.#refusal('ERR_TIMEOUT', factsOf(error)) : error
    } finally {
      patience?.cancel()
    }
  }

  /** How long what is held may wait for another name: each time, and all together less than a lease. */
  #patience(held: readonly Part[]): number {
    const now = this.#queue.clock.now()
    this.#holds ??= now
    const ends = Math.min(this.#holds + this.#ttl, ...held.map((part) => part.usableUntil))
    return Math.max(0, Math.min(PATIENCE_MS, this.#ttl * PATIENCE_PART, ends - now))
  }
}

function factsOf({ lock, holder, remaining }: HoldfastError): ReturnType<typeof contention> {
  if (lock === undefined) return {}
  return { lock, holder: holder ?? null, remaining: remaining ?? null }
}

function byKey({ key: a }: Wish, { key: b }: Wish): number {
  return a < b ? -1 : 1
}
