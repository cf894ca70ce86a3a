import type { AllItem, Lock, LockOptions, LockSet } from '../../src/index.js'
import type { SimProcess } from './client.js'
import type { Dice } from './dice.js'
import { ABORTED, type How, type Recorder } from './recorder.js'
import type { Resource } from './resource.js'
import type { Schedule } from './schedule.js'

export type Kind = 'mutex' | 'read' | 'write' | 'semaphore' | 'all' | 'reentrant' | 'election'

/** What else may happen to a lock, as parts of all tenures. */
export interface Habits {
  readonly kinds: Partial<Record<Kind, number>>
  /** Of each kind there are so many names. */
  readonly names: number
  readonly limit: number
  /** How long a lock is held, ms on average. */
  readonly hold: number
  /** How long between two calls of a task. */
  readonly pause: number
  /** ttl, ms: from, to. */
  readonly ttl: readonly [number, number]
  /** Somebody forces or revokes a lock, parts of all steps. */
  readonly forced: number
  readonly handedOver: number
  readonly aborted: number
  /** Parts of all calls that do not wait, do not renew. */
  readonly tries: number
  readonly fixed: number
  /** holdAtLeast, lockDelay, maxHold. */
  readonly extras: number
  /** Beside 0 the calls ask on the same terms, so that they can hand locks on. */
  readonly localHandovers: number
  /** For how long a process keeps what it has released, ms. */
  readonly linger: number
}

/** The longest claim of any call, ms. */
export const MOST_CLAIM = 300
/** The most that an option may keep a name for beyond its lease. */
export const MOST_KEPT = 200
const MOST_WAIT = 2500

/** What the tasks of a run share. */
export interface Stage {
  readonly schedule: Schedule
  readonly recorder: Recorder
  readonly resource: Resource
  readonly habits: Habits
  /** Those that live. */
  readonly processes: readonly SimProcess[]
  over: boolean
}

/** What is held: one lock, or several. */
interface Held {
  readonly locks: readonly Lock[]
  readonly how: readonly How[]
  readonly release: () => Promise<unknown>
}

/** One of the tasks of a process: it takes locks, holds them and lets go, over and over. */
export class Task {
  readonly #process: SimProcess
  readonly #stage: Stage
  readonly #dice: Dice

  constructor(process: SimProcess, stage: Stage, dice: Dice) {
    this.#process = process
    this.#stage = stage
    this.#dice = dice
  }

  async run(): Promise<void> {
    const { habits } = this.#stage
    while (!this.#stage.over && !this.#process.closed) {
      await this.#step()
      await this.#process.sleep(this.#dice.around(habits.pause))
    }
  }

  async #step(): Promise<void> {
    const dice = this.#dice
    const { habits } = this.#stage
    if (dice.chance(habits.forced)) return this.#disturb()
    const kind = dice.weighted(habits.kinds) ?? 'mutex'
    if (kind === 'all') return this.#all()
    if (kind === 'reentrant') return this.#reentrant()
    const options = this.#options()
    const wait = this.#wait()
    const { locks } = this.#process
    const name = this.#name(kind)
    const limit = habits.limit
    const weight = kind === 'semaphore' ? 1 + dice.below(Math.min(2, limit)) : 1
    const mode = kind === 'read' ? 's' : kind === 'semaphore' ? 'p' : 'x'
    const how: How = mode === 'p' ? { mode, weight, limit } : { mode }
    const made = await this.#call('acquire', name, options, wait, async (signal, call) => {
      const asked = { ...(wait === 0 ? {} : { wait }), ...(signal ? { signal } : {}) }
      let lock: Lock | null
      if (kind === 'semaphore') {
        const one = locks.semaphore(name, { ...options, limit })
        const permits = { ...asked, permits: weight }
        lock = wait === 0 ? await one.tryAcquire(permits) : await one.acquire(permits)
      } else {
        const { linger } = habits
        const keeps = linger > 0 && !options.holdAtLeast && options.renew !== false
        const own = keeps ? { ...options, linger } : options
        const sides = locks.readWrite(name, own)
        const one =
          kind === 'mutex' ? locks.mutex(name, own) : kind === 'read' ? sides.read() : sides.write()
        lock = wait === 0 ? await one.tryAcquire(asked) : await one.acquire(asked)
      }
      if (lock) this.#granted(call, lock, how)
      return lock
    })
    if (made)
      await this.#hold({ locks: [made], how: [how], release: () => made.release() }, options)
  }

  #name(kind: Kind): string {
    const letter = { mutex: 'm', read: 'w', write: 'w', semaphore: 's', reentrant: 'r' }[
      kind as string
    ]
    return `${letter}${this.#dice.below(this.#stage.habits.names)}`
  }

  #options(): LockOptions {
    const dice = this.#dice
    const { habits } = this.#stage
    const [least, most] = habits.ttl
    const extra = (): boolean => dice.chance(habits.extras)
    const shared = habits.localHandovers > 0
    return {
      ttl: Math.round(shared ? most : dice.between(least, most)),
      claim: shared ? 200 : Math.round(dice.between(100, MOST_CLAIM)),
      ...(dice.chance(habits.fixed) ? { renew: false } : {}),
      ...(extra() ? { holdAtLeast: dice.below(MOST_KEPT) } : {}),
      ...(extra() ? { lockDelay: dice.below(MOST_KEPT) } : {}),
      ...(extra() ? { maxHold: 20 + dice.below(200) } : {}),
    }
  }

  #wait(): number {
    const dice = this.#dice
    if (dice.chance(this.#stage.habits.tries)) return 0
    return Math.round(dice.chance(0.5) ? MOST_WAIT : dice.between(20, MOST_WAIT))
  }

  /** A call that wants a lock: it may be aborted, and has to settle in time. */
  async #call<T>(
    op: string,
    name: string,
    { ttl }: LockOptions,
    wait: number,
    work: (signal: AbortSignal | undefined, call: number) => Promise<T>,
  ): Promise<T | null> {
    const dice = this.#dice
    const timeout = Math.min(500, Math.max(50, Number(ttl) / 10))
    // What it gave up it gives back, for one command more; another server run makes it ask again.
    const limit = wait === 0 ? 3 * timeout : wait
    const end = new AbortController()
    const aborts = dice.chance(this.#stage.habits.aborted)
    if (aborts) this.#process.clock.setTimer(() => end.abort(ABORTED), dice.around(60))
    const signal = aborts ? end.signal : undefined
    const [lease] = this.#stage.habits.ttl
    const about = { name, limit, grace: timeout, ...(op === 'acquire' ? { lease } : {}) }
    const { recorder } = this.#stage
    return (await recorder.call(this.#process, op, about, (call) => work(signal, call))).value
  }

  #granted(call: number, lock: Lock, how: How): void {
    this.#stage.recorder.granted(this.#process, call, lock, how)
  }

  /** Holds for a while, does what holders do, and lets go in one of several ways. */
  async #hold(held: Held, { ttl, renew }: LockOptions): Promise<void> {
    const dice = this.#dice
    const { habits, resource, recorder } = this.#stage
    const process = this.#process
    let left = dice.around(dice.chance(0.04) ? Number(ttl) : habits.hold)
    while (left > 0) {
      const part = Math.min(left, dice.around(20))
      await process.sleep(part)
      left -= part
      for (const [i, lock] of held.locks.entries()) {
        if (recorder.look(process, lock) && held.how[i]!.mode === 'x') resource.write(process, lock)
      }
      if (dice.chance(0.03)) await this.#ask(held.locks[0]!, Number(ttl))
    }
    const [lock] = held.locks
    const alone = held.locks.length === 1
    // Without renewal it may also be left to its end.
    if (renew === false && dice.chance(0.2)) return
    if (alone && dice.chance(habits.handedOver)) return this.#handOver(lock!, held.how[0]!)
    if (alone && lock!.name.startsWith('w') && held.how[0]!.mode === 'x' && dice.chance(0.2)) {
      return this.#downgrade(lock!)
    }
    await this.#release(held)
  }

  async #release({ locks, release }: Held): Promise<void> {
    const { recorder } = this.#stage
    const limit = 520
    await recorder.call(this.#process, 'release', { limit }, () => {
      for (const lock of locks) recorder.ends(this.#process, lock)
      return release()
    })
  }

  async #ask(lock: Lock, ttl: number): Promise<void> {
    const { recorder } = this.#stage
    const limit = 3 * 500 + 20
    if (this.#dice.chance(0.5)) {
      await recorder.call(this.#process, 'verify', { limit }, () => lock.verify())
    } else {
      const ms = Math.round(ttl * this.#dice.between(1, 1.5))
      await recorder.call(this.#process, 'extend', { limit }, () => lock.extend(ms))
    }
    recorder.look(this.#process, lock)
  }

  async #downgrade(lock: Lock): Promise<void> {
    const { recorder } = this.#stage
    const how: How = { mode: 's' }
    const made = await recorder.call(this.#process, 'downgrade', { limit: 2000 }, async (call) => {
      recorder.ends(this.#process, lock)
      const reader = await lock.downgrade()
      this.#granted(call, reader, how)
      return reader
    })
    if (!made.value) return
    await this.#process.sleep(this.#dice.around(this.#stage.habits.hold))
    const reader = made.value
    await this.#release({ locks: [reader], how: [how], release: () => reader.release() })
  }

  async #handOver(lock: Lock, how: How): Promise<void> {
    const { recorder, processes } = this.#stage
    const given = await recorder.call(this.#process, 'handOver', { limit: 2500 }, async () => {
      const token = await lock.handOver()
      // Until here it was this one's, and from here on nobody's.
      this.#stage.recorder.add({
        kind: 'ended',
        client: this.#process.name,
        owner: lock.owner,
        how: 'released',
      })
      return token
    })
    if (given.value === null) {
      await this.#release({ locks: [lock], how: [how], release: () => lock.release() })
      return
    }
    const other = this.#dice.pick(processes)
    if (other.state !== 'runs') return
    const { ttl } = { ttl: Math.round(this.#dice.between(...this.#stage.habits.ttl)) }
    const taken = await recorder.call(other, 'takeOver', { limit: 2500 }, async (call) => {
      const mine = await other.locks.takeOver(given.value!, { ttl })
      recorder.granted(other, call, mine, how)
      return mine
    })
    if (!taken.value) return
    const mine = taken.value
    await other.sleep(this.#dice.around(this.#stage.habits.hold))
    await recorder.call(other, 'release', { limit: 520 }, () => {
      recorder.ends(other, mine)
      return mine.release()
    })
  }

  /** Several names in one call, of several kinds. */
  async #all(): Promise<void> {
    const dice = this.#dice
    const { habits, recorder } = this.#stage
    const { locks } = this.#process
    const options = this.#options()
    const items: AllItem[] = []
    const how: How[] = []
    const { limit } = habits
    for (let i = 0; i < habits.names; i++) {
      if (dice.chance(0.7)) {
        items.push(locks.mutex(`m${i}`, options))
        how.push({ mode: 'x' })
      }
      if (dice.chance(0.4)) {
        items.push(locks.readWrite(`w${i}`, options).read())
        how.push({ mode: 's' })
      }
      if (dice.chance(0.4)) {
        items.push({ lock: locks.semaphore(`s${i}`, { ...options, limit }), permits: 1 })
        how.push({ mode: 'p', weight: 1, limit })
      }
    }
    if (items.length === 0) return
    const wait = this.#wait()
    const all = locks.all(items, options)
    const set = await this.#call('all', 'all', options, wait, async (signal, call) => {
      const asked = signal ? { signal } : {}
      const got: LockSet | null =
        wait === 0 ? await all.tryAcquire(asked) : await all.acquire({ ...asked, wait })
      for (const [i, lock] of got?.locks.entries() ?? []) {
        recorder.granted(this.#process, call, lock, how[i]!)
      }
      return got
    })
    if (set) await this.#hold({ locks: set.locks, how, release: () => set.release() }, options)
  }

  /** `use`, and inside of it another one. */
  async #reentrant(): Promise<void> {
    const { recorder, resource } = this.#stage
    const process = this.#process
    const name = this.#name('reentrant')
    const options = this.#options()
    const mutex = process.locks.mutex(name, { ...options, reentrant: true })
    const wait = this.#wait()
    await recorder.call(process, 'use', { name }, (call) =>
      mutex.use(
        async (lock) => {
          this.#granted(call, lock, { mode: 'x' })
          await process.sleep(this.#dice.around(this.#stage.habits.hold))
          const inner = await mutex
            .use(async (again) => {
              if (again.fence !== lock.fence) throw new Error('a re-entry has another fence')
              if (recorder.look(process, again)) resource.write(process, again)
              await process.sleep(this.#dice.around(5))
            })
            .catch((error: unknown) => {
              if (lock.isHeld) throw error
            })
          recorder.ends(process, lock)
          return inner
        },
        { wait },
      ),
    )
  }

  /** Somebody asks for a lock, forces it, or looks. */
  async #disturb(): Promise<void> {
    const dice = this.#dice
    const { recorder, schedule } = this.#stage
    const { locks } = this.#process
    const name = this.#name(dice.pick(['mutex', 'write', 'semaphore'] as const))
    const limit = 2500
    const what = dice.pick(['force', 'force now', 'revoke', 'inspect'] as const)
    const client = this.#process.name
    // Carried out at any time until the answer, and perhaps without one.
    const forgot =
      what === 'force now'
        ? recorder.add({ kind: 'forgot', client, name, to: Infinity, why: what })
        : null
    await recorder.call(this.#process, what, { limit }, async () => {
      if (what === 'revoke') return locks.revoke(name)
      if (what === 'inspect') return locks.inspect(name)
      return locks.forceRelease(name, { now: what === 'force now' })
    })
    if (forgot) forgot.to = schedule.monotonic()
  }
}
