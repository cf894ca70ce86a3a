import { events } from '../base/events.js'
import type { Timer } from '../base/runtime.js'
import { encodeEdges, type Edge } from '../kernel/edges.js'
import type { Lease } from '../lease/lease.js'
import { eventOf } from '../line/claim.js'
import type { Take } from '../line/member.js'
import type { Waiter } from '../line/waiter.js'
import type { Wish } from '../line/wish.js'
import type { Hold } from './context.js'
import { again, circleAt, type Circle } from './deadlock-graph.js'
import { AGAIN_MS, cycleOf, deadlockError } from './deadlock-report.js'
import { walk } from './deadlock-walk.js'
import type { Engine } from './engine.js'
import type { OnDeadlock } from './options.js'

/** Waits that are shorter than this send nothing. */
const FIRST_MS = 1000
/** Those who began to wait at the same moment have told the server by then, too. */
const SETTLED_MS = 250
const LONGEST_MS = 60_000
/** A wait that is limited to less is left to its limit. */
const LIMITED_MS = 3000
/** How often a circle that is seen is looked at in quick succession. */
const QUICK_LOOKS = 8
/** One holder's record has room for so many waits. */
const MOST_EDGES = 64

/** The waits of which the server was told, by what their contexts hold. */
const waitsBehind = new WeakMap<Lease, Set<Watch>>()

/** Whether a wait goes on of which the server was told that this lease hangs on it. */
export function hangsOn(lease: Lease): boolean {
  return (waitsBehind.get(lease)?.size ?? 0) > 0
}

/** What is handed over hangs on no wait of ours any more, although its tenure goes on. Never throws. */
export async function cutLoose({ node }: Engine, lease: Lease): Promise<void> {
  if (!hangsOn(lease)) return
  const { key, timeout } = lease.terms
  const cut = node.ask('edge', key, timeout, () => [lease.owner, encodeEdges([])])
  await Promise.allSettled([cut])
}

/**
 * Waits for a grant, and watches meanwhile for a deadlock.
 *
 * @param held what the context of this call holds at the moment; undefined: nothing, now or later.
 * @param take makes of the grant, in the same turn, what the caller gets.
 */
export function acquireWatched<T>(
  engine: Engine,
  wish: Wish & { readonly deadlock: OnDeadlock },
  held: (() => readonly Hold[]) | undefined,
  take: Take<T>,
): Promise<T> {
  if (!held || wish.deadlock === 'off' || wish.wait <= FIRST_MS) {
    return engine.queue.acquire(wish, take)
  }
  return watched(engine, wish, held, take)
}

async function watched<T>(
  engine: Engine,
  wish: Wish & { readonly deadlock: OnDeadlock },
  held: () => readonly Hold[],
  take: Take<T>,
): Promise<T> {
  let watch: Watch | undefined
  try {
    return await engine.queue.acquire(wish, take, (waiter) => {
      watch = new Watch(engine, waiter, wish.deadlock, held)
    })
  } finally {
    watch?.end()
  }
}

/**
 * One wait of a context that may hold something. When it has lasted a second it notes in the records of
 * what its context holds that these hang on it, and soon looks whether it is part of a circle; so
 * again when it has lasted 2, 4, 8 seconds. A circle that was seen is looked at once more half a second
 * later; one that is still there is a deadlock, and the youngest wait in it ends. That is as a rule the
 * one that closed the circle, and each finds out for itself: nobody has to be told.
 */
class Watch {
  readonly #engine: Engine
  readonly #waiter: Waiter
  readonly #breaks: boolean
  readonly #held: () => readonly Hold[]
  #since: number
  readonly #leases = new Set<Lease>()
  /** When to look next, ms of waiting. */
  #due = FIRST_MS
  #timer: Timer
  #over = false
  #round = 0
  #before: Circle | null = null
  #quick = 0
  #told = new Set<string>()

  constructor(engine: Engine, waiter: Waiter, on: OnDeadlock, held: () => readonly Hold[]) {
    this.#engine = engine
    this.#waiter = waiter
    this.#breaks = on === 'break'
    this.#held = held
    this.#since = engine.clock.now()
    this.#timer = this.#after(FIRST_MS, 'note')
    waiter.onRename = () => this.#anew()
  }

  /** It waits under another owner id, at the end of the line: that is another wait. */
  #anew(): void {
    if (this.#over) return
    this.#timer.cancel()
    this.#round++
    this.#since = this.#engine.clock.now()
    this.#due = FIRST_MS
    this.#before = null
    this.#timer = this.#after(FIRST_MS, 'note')
  }

  get #edge(): Edge {
    const { owner, wish } = this.#waiter
    return { key: wish.key, wait: owner, reports: !this.#breaks }
  }

  #after(ms: number, step: 'note' | 'look' | 'both'): Timer {
    return this.#engine.runtime.setTimer(() => void this.#look(step), ms, false)
  }

  /** The call is over. What the records say of it counts no more, because it left the line. */
  end(): void {
    this.#over = true
    this.#timer.cancel()
    for (const lease of this.#leases) waitsBehind.get(lease)?.delete(this)
  }

  /** Whether a look that was begun in an earlier round has nothing more to say. */
  #past(round: number): boolean {
    return this.#over || round !== this.#round
  }

  /** @param step what is to be done now: note the wait, look, or both. */
  async #look(step: 'note' | 'look' | 'both'): Promise<void> {
    const round = this.#round
    let then: (() => Timer) | undefined
    try {
      const noted = step === 'look' || (await this.#note())
      if (this.#past(round)) return
      if (noted && step === 'note') then = () => this.#after(SETTLED_MS, 'look')
      else if (noted) await this.#judge(round)
    } catch {
      // No right to a command, no server: the wait has its own ways to find out.
      if (!this.#past(round)) this.#before = null
    }
    if (this.#past(round)) return
    if (this.#before && this.#quick <= QUICK_LOOKS) then = () => this.#after(AGAIN_MS, 'look')
    this.#timer = then ? then() : this.#later()
  }

  #later(): Timer {
    const waited = this.#engine.clock.now() - this.#since
    while (this.#due <= waited) this.#due += Math.min(this.#due, LONGEST_MS)
    return this.#after(this.#due - waited, 'both')
  }

  async #judge(round: number): Promise<void> {
    const { timeout } = this.#waiter.wish
    const mine = this.#edge
    const seen = await walk(this.#engine.node, timeout, [mine])
    // What the context has let go meanwhile may be held on the server for a moment more.
    const behind = new Set(this.#held().map(({ lease }) => lease.owner))
    const circle = circleAt(mine, behind, seen)
    // It may have been granted the name since.
    if (this.#past(round) || !this.#waiter.line?.waiters.includes(this.#waiter)) return
    if (circle && again(this.#before, circle)) this.#deadlock(circle)
    this.#before = circle
    this.#quick = circle ? this.#quick + 1 : 0
  }

  /** Notes the wait with what its context holds. @returns whether anything was. */
  async #note(): Promise<boolean> {
    const held = this.#held()
    const { timeout } = this.#waiter.wish
    const noted = await Promise.allSettled(
      held.map(({ engine, lease }) => {
        let waits = waitsBehind.get(lease)
        if (!waits) waitsBehind.set(lease, (waits = new Set()))
        waits.add(this)
        this.#leases.add(lease)
        const others = [...waits].filter((one) => one !== this)
        const edges = [this, ...others].slice(0, MOST_EDGES).map((one) => one.#edge)
        const fields = [lease.owner, encodeEdges(edges)]
        return engine.node.ask('edge', lease.terms.key, timeout, () => fields)
      }),
    )
    return noted.some(({ status }) => status === 'fulfilled')
  }

  #deadlock(circle: Circle): void {
    const { owner, wish } = this.#waiter
    const { name } = wish
    if (circle.youngest.wait !== owner) return
    const broken = this.#breaks && wish.wait >= LIMITED_MS
    const cycle = cycleOf(circle, this.#engine.prefix)
    const known = [...circle.proof].every((one) => this.#told.has(one))
    this.#told = new Set(circle.proof)
    if (!known) events.deadlock({ ...eventOf(wish, owner), cycle, broken })
    if (broken) this.#waiter.giveUp(deadlockError(name, cycle))
  }
}
