import { AsyncLocalStorage } from 'node:async_hooks'
import { HoldfastError } from '../base/errors.js'
import type { Mode } from '../kernel/protocol.js'
import type { Lease } from '../lease/lease.js'
import type { Engine } from './engine.js'
import type { LockSet } from './lock-set.js'
import type { Lock } from './lock.js'
import { Turns } from './turns.js'

/** What a `use` takes. */
export interface Place {
  readonly engine: Engine
  readonly name: string
  readonly mode: Mode
  /** Whether a `use` inside of it may enter. */
  readonly reentrant: boolean
}

/** The inside of a `use`, entered: what it holds is released when the function ends. */
export interface Inside<Held> {
  run<T>(fn: (held: Held) => T | Promise<T>): Promise<T>
}

/** Which `use` the running code is inside of. */
const here = new AsyncLocalStorage<Scope>()
/** Scopes whose `use` is not over. Without one Node 20 need not watch every promise of the process. */
let scopes = 0

/**
 * The inside of one `use`: its function, and whatever that starts. Code carries its scope along into
 * timers and listeners, which may run long after the function; so a scope is never proof that a lock
 * is held, the handle of its `use` is. (Design review S16.)
 */
export class Scope implements Inside<Lock> {
  readonly place: Place
  /** Null when its `use` is over: a timer may keep this scope for long, and is to keep no more. */
  lock: Lock | null
  /** Those who re-enter this scope take turns: siblings exclude each other. */
  readonly turns: Turns = new Turns()
  #around: Scope | null
  /** The scope of the same lock that it re-entered. */
  #entered: Scope | null
  #watched = false

  /** @param around where its `use` was called. */
  constructor(
    place: Place,
    lock: Lock,
    entered: Scope | null = null,
    around: Scope | undefined = here.getStore(),
  ) {
    this.place = place
    this.lock = lock
    this.#entered = entered
    this.#around = alive(around)
    // The function may release the lock before it ends: from then on it is as anybody else.
    lock.onRelease = () => this.#left()
    scopes++
  }

  /** The nearest one around it whose `use` is not over. Those that are over are let go. */
  get around(): Scope | null {
    this.#around = alive(this.#around)
    return this.#around
  }

  /** Siblings that wait must hear of the end of the lease, at its time and not at their limit. */
  watch(): void {
    if (this.#watched) return
    this.#watched = true
    this.lock?.signal.addEventListener('abort', () => this.turns.stir(), { once: true })
  }

  /** Runs the function inside, and releases the lock. */
  run<T>(fn: (lock: Lock) => T | Promise<T>): Promise<T> {
    return inside(this, this.lock!, [this.lock!], fn)
  }

  #left(): void {
    if (--scopes === 0) here.disable()
    this.lock = null
    this.#around = alive(this.#around)
    // Who waits to enter has no lock to enter any more.
    this.turns.close()
    this.#passOn()
  }

  /** For whoever had the turn: it has left, and so has all that it let in. */
  childLeft(): void {
    this.turns.pass()
    // A scope that ends before those inside of it stands in its siblings' way until they have left.
    this.#passOn()
  }

  #passOn(): void {
    if (this.lock || !this.turns.idle) return
    this.#entered?.childLeft()
    this.#entered = null
  }
}

/** The inside of one `use` of several locks: a scope for each, one around the other. */
export class Scopes implements Inside<LockSet> {
  readonly #set: LockSet
  readonly #scope: Scope

  constructor(places: readonly Place[], set: LockSet) {
    this.#set = set
    let scope: Scope | undefined
    for (const [i, lock] of set.locks.entries()) {
      scope = scope ? new Scope(places[i]!, lock, null, scope) : new Scope(places[i]!, lock)
    }
    this.#scope = scope!
  }

  /** Runs the function inside, and releases the locks. */
  run<T>(fn: (set: LockSet) => T | Promise<T>): Promise<T> {
    return inside(this.#scope, this.#set, this.#set.locks, fn)
  }
}

async function inside<Held extends Lock | LockSet, T>(
  scope: Scope,
  held: Held,
  locks: readonly Lock[],
  fn: (held: Held) => T | Promise<T>,
): Promise<T> {
  const { renewer } = scope.place.engine
  const holds = locks.map((lock) => lock.tenure.hold(renewer))
  const done = (): HoldfastError | undefined =>
    holds.map((end) => end()).find((lost) => lost !== null) ?? undefined
  let result: T
  try {
    // Asynchronous, so that a lazy promise, too, begins its work inside.
    result = await here.run(scope, async () => fn(held))
  } catch (error) {
    done()
    await held.release()
    throw error
  }
  const lost = done()
  await held.release()
  if (!lost) return result
  const { message } = lost
  const facts = { lock: lost.lock!, reason: lost.reason!, result, cause: lost }
  throw new HoldfastError('ERR_LOST', `${message}, while the function ran`, facts)
}

function alive(scope: Scope | null | undefined): Scope | null {
  let found = scope ?? null
  while (found && !found.lock) found = found.around
  return found
}

/**
 * The nearest `use` around the running code that is not over, and that keeps out whoever asks for
 * this name in this mode.
 */
export function enclosing(engine: Engine, name: string, mode: Mode): Scope | null {
  for (let scope = alive(here.getStore()); scope; scope = scope.around) {
    const { place } = scope
    if (place.engine !== engine || place.name !== name) continue
    if (excludes(place.mode, mode)) return scope
  }
  return null
}

/** What keeps a deadlock going: a lock that is held here, and by whom the server is told so. */
export interface Hold {
  readonly engine: Engine
  readonly lease: Lease
}

/**
 * What the running code holds around itself, and what its owner holds: a function that says it at any
 * later moment, without what has ended. Undefined: nothing, now or later.
 */
export function holdsHere(
  owner: { holds(): readonly Hold[] } | undefined,
): (() => readonly Hold[]) | undefined {
  const nearest = alive(here.getStore())
  if (!nearest && !owner) return undefined
  return () => {
    const holds = new Map<Lease, Hold>()
    for (let scope = alive(nearest); scope; scope = scope.around) {
      const { lock, place } = scope
      const { lease } = lock!
      if (lock!.isHeld) holds.set(lease, { engine: place.engine, lease })
    }
    for (const hold of owner?.holds() ?? []) holds.set(hold.lease, hold)
    return [...holds.values()]
  }
}

/** Whether who holds a name in one mode keeps out who asks for it in another. */
function excludes(held: Mode, wanted: Mode): boolean {
  return held === 'x' || wanted !== held
}

/** By the two modes, in the order of the alphabet. */
const WHAT_HELPS: Record<string, string> = {
  sx: 'A reader that is to write releases first; a writer may downgrade',
  px: 'A semaphore and a mutex of one name keep each other out: give one another name',
  ps: 'A semaphore and a read/write lock of one name keep each other out: give one another name',
}

/** @throws ERR_DEADLOCK for a call that would wait for the very code that makes it. */
export function refuseDeadlock(engine: Engine, name: string, mode: Mode): void {
  const scope = enclosing(engine, name, mode)
  // A lost lock stands in nobody's way.
  if (!scope?.lock?.isHeld) return
  const again =
    'Pass on the lock that use gives, or take it by use and with { reentrant: true } both times'
  throw waitForItself(scope.lock.lease, mode, 'a use around this call', again)
}

/** @throws ERR_DEADLOCK for a call of an owner that would wait for what it holds itself. */
export function refuseOwn(name: string, mode: Mode, holds: Iterable<Pick<Hold, 'lease'>>): void {
  for (const { lease } of holds) {
    const { terms } = lease
    // The clock last: an owner may hold thousands of others.
    if (terms.name !== name || !excludes(terms.mode, mode) || !lease.check()) continue
    throw waitForItself(
      lease,
      mode,
      'the owner of this call',
      'Take it with { reentrant: true } both times',
    )
  }
}

function waitForItself(lease: Lease, mode: Mode, who: string, again: string): HoldfastError {
  const { name } = lease.terms
  const held = Math.round(lease.heldFor)
  const message =
    `the lock ${JSON.stringify(name)} is held, for ${held} ms now, by ${who}, which would wait for itself. ` +
    (WHAT_HELPS[[mode, lease.terms.mode].sort().join('')] ?? again)
  return new HoldfastError('ERR_DEADLOCK', message, { lock: name, held })
}
