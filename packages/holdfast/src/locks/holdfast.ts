import type { Duration } from '../base/duration.js'
import type { Runtime } from '../base/runtime.js'
import type { Port } from '../clients/port.js'
import type { Client } from '../clients/recognise.js'
import { tellAll } from '../clients/shapes.js'
import { checkName } from '../kernel/names.js'
import type { HistoryEntry } from '../kernel/history.js'
import { inMemory } from '../kernel/in-memory.js'
import { AllOf, type AllItem } from './all-of.js'
import type { RenewResult } from './by-owner.js'
import type { Finding } from './doctor/findings.js'
import type { DoctorOptions } from './doctor/options.js'
import type { Deadlock, DeadlocksOptions } from './deadlocks.js'
import { Election } from './election.js'
import { Engine } from './engine.js'
import { checkHoldfast } from './guard.js'
import type { Lock, ReleaseResult } from './lock.js'
import type { ForceResult, LockState } from './inspect.js'
import type { ListEnd, ListOptions } from './list-options.js'
import { LockManager } from './lock-manager.js'
import type { FollowOptions, HistoryPage, PageOptions } from './history.js'
import { checkMutex, Mutex } from './mutex.js'
import { Owner } from './owner.js'
import { ReadWrite } from './read-write.js'
import { doctorPart, more } from './parts.js'
import type { PingOptions, PingResult } from './ping.js'
import type { RevokeResult } from './revoke.js'
import { Semaphore } from './semaphore.js'
import {
  checkInMemory,
  checkLock,
  HANDOVER,
  checkLockManager,
  checkSemaphore,
  type ElectionOptions,
  type HoldfastOptions,
  type LockOptions,
  type ReadWriteOptions,
  type MutexOptions,
  type SemaphoreOptions,
  type TakeOverOptions,
} from './options.js'
import { ReentrantMutex } from './reentrant.js'
import { Watch } from './watch.js'

/**
 * Locks on one server. Make one for each client and keep it: it has one subscription and one renewal
 * timer for all its locks.
 *
 * ```ts
 * const locks = new Holdfast(redis)
 * await locks.mutex('invoice:42').use(async ({ signal, fence }) => { ... })
 * ```
 */
export class Holdfast implements AsyncDisposable {
  readonly #engine: Engine

  /**
   * @param client a client of ioredis, iovalkey, node-redis or Valkey GLIDE, or a Port of your own; or
   * several of them, each of an independent server, three or five: then a majority decides (Redlock), and
   * the first start of the servers needs `bootstrap()`.
   * @throws ERR_CONFIG when it is none of these, ERR_INVALID_ARGUMENT for options.
   */
  constructor(client: Client | Port | readonly (Client | Port)[], options: HoldfastOptions = {}) {
    const clients = tellAll(client)
    checkHoldfast(options, clients)
    this.#engine = new Engine(clients, options)
  }

  /**
   * Locks inside this process only, on the same kernel kept in memory: for unit tests, and for
   * programs that have no Redis and say so.
   *
   * @param options.clock a clock to turn by hand (`ManualClock` of `holdfast/testing`).
   * @throws ERR_INVALID_ARGUMENT
   */
  static inMemory(
    options: Omit<HoldfastOptions, 'runtime'> & { clock?: Runtime | undefined } = {},
  ): Holdfast {
    checkInMemory(options)
    const { clock, ...rest } = options
    const now = clock && ((): number => Math.floor(clock.wall() * 1000))
    return new Holdfast(inMemory(now), { ...rest, ...(clock ? { runtime: clock } : {}) })
  }

  /** What few programs call. */
  #more(): Promise<NonNullable<typeof more.loaded>> {
    return this.#engine.with(more)
  }

  /** What is put before a name to make its key. */
  get prefix(): string {
    return this.#engine.prefix
  }

  /**
   * A mutex that whoever holds it may take again.
   *
   * @param name any non-empty string of at most 1 KiB.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  mutex(name: string, options: MutexOptions & { readonly reentrant: true }): ReentrantMutex
  /**
   * A mutex: one holder at a time. Asks nothing of the server; keep it or make it anew for each use.
   *
   * @param name any non-empty string of at most 1 KiB.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  mutex(name: string, options?: MutexOptions): Mutex
  mutex(name: string, options: MutexOptions = {}): Mutex {
    this.#engine.assertOpen()
    checkName(name, this.#engine.prefix)
    checkMutex(options)
    const Kind = options.reentrant ? ReentrantMutex : Mutex
    return new Kind(this.#engine, name, options)
  }

  /**
   * A new owner, whose handles belong together: `acquire({ owner })` of any lock. It re-enters a mutex with
   * `reentrant: true`, is refused what would be a wait for itself (ERR_DEADLOCK), and its waits
   * count where deadlocks are looked for.
   */
  owner(): Owner {
    return new Owner(this.#engine)
  }

  /**
   * A read/write lock: many readers or one writer. Its write side is the mutex of the same name.
   *
   * @param name any non-empty string of at most 1 KiB.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  readWrite(name: string, options: ReadWriteOptions = {}): ReadWrite {
    this.#engine.assertOpen()
    checkName(name, this.#engine.prefix)
    checkLock(options, ['history', ...HANDOVER])
    return new ReadWrite(this.#engine, name, options)
  }

  /**
   * A semaphore: at most `limit` permits are held at one time.
   *
   * @param name any non-empty string of at most 1 KiB; a mutex of the same name excludes it.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  semaphore(name: string, options: SemaphoreOptions): Semaphore {
    this.#engine.assertOpen()
    checkName(name, this.#engine.prefix)
    checkSemaphore(options)
    return new Semaphore(this.#engine, name, options)
  }

  /**
   * Several names together, all or nothing: mutexes by their names, and locks of this Holdfast of any
   * kind.
   *
   * ```ts
   * await locks.all(['account:1', 'account:2']).use(async ({ signal, fences }) => { ... })
   * await locks.all([locks.readWrite('catalog').read(), { lock: semaphore, permits: 3 }, 'invoice:42'])
   * ```
   *
   * @param items 1 to 100, each name once. A re-entrant mutex is taken as any other.
   * @param options count for more than those of each lock, whose own `wait`, `signal` and `deadlock` do not
   * count.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  all(items: readonly AllItem[], options: LockOptions = {}): AllOf {
    this.#engine.assertOpen()
    checkLock(options)
    return new AllOf(this.#engine, items, options)
  }

  /**
   * An election: many processes campaign, one leads.
   *
   * @param name as of a mutex, which it is: a name is either the one or the other.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  election(name: string, options: ElectionOptions = {}): Election {
    this.#engine.assertOpen()
    checkName(name, this.#engine.prefix)
    checkLock(options, ['history'])
    return new Election(this.#engine, name, options)
  }

  /**
   * The same locks in the shape of the Web Locks API, for code that was written for `navigator.locks`.
   *
   * @param options of the locks that it takes: a request waits without limit, with a signal of its own.
   * @throws ERR_INVALID_ARGUMENT, ERR_CLOSED
   */
  lockManager(options: Omit<LockOptions, 'wait' | 'signal'> = {}): LockManager {
    this.#engine.assertOpen()
    checkLockManager(options)
    return new LockManager(this.#engine, options)
  }

  /**
   * Goes on with a lock that another process handed over, of whatever kind: with a new owner id, a
   * larger fence, and a lease, signal and options of its own, by one round trip. A token works once.
   *
   * @param token what `handOver` of that lock gave. The server must be the same.
   * @throws ERR_LOST when the lease is over, or somebody took it over before. ERR_UNAVAILABLE when the
   * server does not say, also the second time: then the token may be used up, and what it took is
   * released. ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async takeOver(token: string, options: TakeOverOptions = {}): Promise<Lock> {
    return this.#engine.takeOver(token, options)
  }

  /**
   * Prolongs a lock that nobody renews, by its owner id: one that was handed over (`handOver`), or whose process is
   * gone. Owner id and fence stay as they are, and one round trip is all. It makes no lock of it: whoever has
   * the owner id looks after the time himself. Never shortens a lease.
   *
   * @param owner as `lock.owner`, and as `inspect` shows it.
   * @param options.ttl the lease from now on. Default 10 s, at least 50 ms.
   * @throws ERR_LOST when it is not held any more, or somebody forced its release; ERR_UNAVAILABLE when the
   * server does not say. ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async renew(
    name: string,
    owner: string,
    options: { readonly ttl?: Duration | undefined } = {},
  ): Promise<RenewResult> {
    return (await this.#more()).renewByOwner(this.#engine, name, owner, options)
  }

  /**
   * Releases such a lock, at once: a `holdAtLeast` of its does not count. Of a lock of this Holdfast take
   * `lock.release()`, which tells the handle too.
   *
   * @returns as `lock.release`.
   * @throws ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async release(name: string, owner: string): Promise<ReleaseResult> {
    return (await this.#more()).releaseByOwner(this.#engine, name, owner)
  }

  /**
   * For health checks: one script call, by the client and with the rights that locks need, which
   * writes nothing. Of a cluster it asks one primary.
   *
   * @throws ERR_UNAVAILABLE when the server is away, does not answer in time or is a replica,
   * ERR_CONFIG when it refuses, ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async ping(options: PingOptions = {}): Promise<PingResult> {
    return (await this.#more()).ping(this.#engine, options)
  }

  /**
   * Looks at all that a lock depends on: of each server round trips, clocks, memory, persistence, replicas, rights
   * and settings, of several servers how they go together. It takes a lock of its own for a moment, and
   * sends itself a message. What cannot be seen, because a right is missing, is a note and says so.
   *
   * @returns what was found, also what is right: docs/operations.md has a table. It never rejects for
   * what is wrong with a server.
   * @throws ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async doctor(options: DoctorOptions = {}): Promise<Finding[]> {
    const { doctor } = await this.#engine.with(doctorPart)
    return doctor(this.#engine, options)
  }

  /**
   * Of several servers, or with `strictFailover`: says that no lease can be alive, so that servers that
   * know nothing grant at once and not after their quarantine. Call it by hand, once, after the first start
   * of all servers and after all of them lost their memory; not whenever a process starts. It does
   * nothing where one of the servers grants already.
   *
   * @returns whether a quarantine was ended.
   * @throws ERR_NO_QUORUM, ERR_UNAVAILABLE unless every server answers. ERR_CONFIG, ERR_CLOSED
   */
  async bootstrap(): Promise<boolean> {
    return (await this.#more()).bootstrap(this.#engine)
  }

  /** Who holds a name and who waits for it, as the server sees it now. */
  async inspect(name: string): Promise<LockState> {
    return (await this.#more()).inspect(this.#engine, name)
  }

  /**
   * The names that are held now and match a glob (`*`, `?`, `[ab]`), by a SCAN in steps: a name that
   * is taken or released meanwhile may be missed. A pattern without a glob is one name, and no SCAN.
   *
   * @returns as the value of the iterator's end: whether all keys were looked through within the
   * `budget`.
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async *list(
    pattern = '*',
    options: ListOptions = {},
  ): AsyncGenerator<LockState, ListEnd, undefined> {
    return yield* (await this.#more()).list(this.#engine, pattern, options)
  }

  /**
   * What happened, as the option `history` had it written down: newest first. Of a name whose lock asked
   * for a history of its own that one; else what is in the history of the prefix, of which 10,000 entries are
   * looked through for one page, so that it may have few entries, or none, and still a `next`. What this
   * process has to tell is written first.
   *
   * @param name without the prefix; undefined: whatever is in the history of the prefix.
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT; `signal.reason` when aborted.
   */
  async history(name?: string, options: PageOptions = {}): Promise<HistoryPage> {
    return (await this.#more()).history(this.#engine, name, options)
  }

  /**
   * The same as it goes on, oldest first: it asks every second. While the server is away it goes on
   * asking; it ends by `break`, its signal, or `close`.
   *
   * @throws as `history`: ERR_UNAVAILABLE at its beginning only.
   */
  async *follow(
    name?: string,
    options: FollowOptions = {},
  ): AsyncGenerator<HistoryEntry, void, undefined> {
    yield* (await this.#more()).follow(this.#engine, name, options)
  }

  /**
   * Watches names from outside, for people and dashboards: each `look()` says who holds and waits now,
   * and what changed since the look before. Asks nothing of the server between looks, and what comes and goes
   * between two is not seen.
   *
   * @param pattern as of `list`.
   * @throws ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  watch(pattern = '*', options: ListOptions = {}): Watch {
    return new Watch(this.#engine, pattern, options)
  }

  /**
   * Ends somebody else's tenure: its signal aborts, and the name goes on when it has let go, at the
   * latest when its lease ends (it is not renewed any more). With `now` the name is free at once,
   * although the holder may still believe in it: only fencing protects then. A holder of another
   * library can only be ended with `now`.
   */
  async forceRelease(name: string, options: { now?: boolean } = {}): Promise<ForceResult> {
    return (await this.#more()).forceRelease(this.#engine, name, options)
  }

  /**
   * Who waits in a circle now, under this prefix and where that leads, whether or not it is about to be
   * broken. Changes nothing. It looks at every name that is held, and twice where it found something.
   * Waits that have not lasted a second are not seen.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT
   */
  async deadlocks(options: DeadlocksOptions = {}): Promise<Deadlock[]> {
    return (await this.#more()).deadlocks(this.#engine, options)
  }

  /**
   * Asks whoever holds the name now to let go, please: `lock.revoked` aborts there. Nothing else
   * changes: it holds on, and is renewed, until it releases. See `forceRelease` for one who does not.
   *
   * @param options.reason told to the holder, with the label of this Holdfast. At most 256 characters.
   */
  async revoke(name: string, options: { reason?: string | undefined } = {}): Promise<RevokeResult> {
    return (await this.#more()).revoke(this.#engine, name, options)
  }

  /**
   * Ends this Holdfast: new calls fail (ERR_CLOSED), waits are cancelled, held locks are released
   * (their signals abort), its own connection ends. The client stays open.
   */
  close(): Promise<void> {
    return this.#engine.close()
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
