// Every kind of lock as a mutex: what the suite of the mutex asks for, done by another kind.
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import {
  Holdfast,
  type AcquireOptions,
  type Leadership,
  type Lock,
  type LockOptions,
  type LockSet,
  type Mutex,
} from '../../src/index.js'
import { unlessTaken } from '../../src/locks/takes.js'
import type { ConformanceTarget } from '../../src/testing/index.js'

type AsMutex = Pick<Mutex, 'name' | 'acquire' | 'tryAcquire' | 'use' | 'tryUse'>
export type Kind = (locks: Holdfast, name: string, options?: LockOptions) => AsMutex

/** A mutex from a way to acquire; `use` and the single tries follow from it. */
function from(name: string, acquire: (options?: AcquireOptions) => Promise<Lock>): AsMutex {
  const once = (options: object = {}): Promise<Lock | null> =>
    unlessTaken(acquire({ ...options, wait: 0 }))
  const run = async <T>(lock: Lock, fn: (lock: Lock) => T | Promise<T>): Promise<T> => {
    try {
      return await fn(lock)
    } finally {
      await lock.release()
    }
  }
  return {
    name,
    acquire,
    tryAcquire: once,
    use: async (fn, options) => run(await acquire(options), fn),
    tryUse: async (fn, options) => {
      const lock = await once(options)
      return lock ? { ran: true, result: await run(lock, fn) } : { ran: false }
    },
  }
}

/** The parts of a handle that `instead` does not have are those of `of`. */
function handle(of: object, instead: object): Lock {
  return new Proxy(of, {
    get(_, key) {
      const from = key in instead ? instead : of
      const value: unknown = Reflect.get(from, key, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  }) as Lock
}

const leader = (one: Leadership): Lock => handle(one, { release: () => one.resign() })

/** The lock of the suite's name, which is held, released and lost as the set that it belongs to. */
function inSet(set: LockSet, name: string): Lock {
  const own = set.locks.find((lock) => lock.name === name)!
  // A lock that is lost is over; the rest of a set is to be released.
  set.signal.addEventListener('abort', () => void set.release())
  return handle(own, set)
}

const all =
  (along: (name: string) => readonly string[]): Kind =>
  (locks, name, options) => {
    const set = locks.all([...along(name), name], options)
    return {
      name,
      acquire: async (o) => inSet(await set.acquire(o), name),
      tryAcquire: async (o) => {
        const taken = await set.tryAcquire(o)
        return taken && inSet(taken, name)
      },
      use: (fn, o) => set.use((taken) => fn(inSet(taken, name)), o),
      tryUse: (fn, o) => set.tryUse((taken) => fn(inSet(taken, name)), o),
    }
  }

export const FILLER = 'filler'

/** Somebody who has four of the five permits of each name, for as long as the test runs. */
export class Filler {
  readonly #names = new Map<string, Promise<Lock>>()
  readonly #target: ConformanceTarget
  #locks: Promise<Holdfast> | null = null

  constructor(target: ConformanceTarget) {
    this.#target = target
  }

  take(name: string): Promise<Lock> {
    this.#locks ??= this.#target
      .open()
      .then(({ client }) => new Holdfast(client, { label: FILLER, nodeTimeout: 5000 }))
    let taken = this.#names.get(name)
    if (!taken) {
      const options = { limit: 5, ttl: 60_000 }
      taken = this.#locks.then((locks) =>
        locks.semaphore(name, options).acquire({ permits: 4, wait: 0 }),
      )
      this.#names.set(name, taken)
    }
    return taken
  }

  async close(): Promise<void> {
    await (await this.#locks)?.close()
  }
}

// oxlint-disable-next-line typescript/unbound-method -- it is called with its `this` below
const { mutex } = Holdfast.prototype

export const kinds: Readonly<Record<string, Kind>> = {
  'the write side of a read/write lock': (locks, name, options) =>
    locks.readWrite(name, options).write(),
  'a re-entrant mutex': (locks, name, options) =>
    mutex.call(locks, name, { ...options, reentrant: true }),
  'a semaphore of one': (locks, name, options) => locks.semaphore(name, { ...options, limit: 1 }),
  'an election': (locks, name, options) => {
    const election = locks.election(name, { wait: 10_000, ...options })
    return from(name, async (o) => leader(await election.campaign(o)))
  },
  'all of one': all(() => []),
  // In the order of all names they come later, so that the name's own line is waited in.
  'all of three': all((name) => [`~2:${name}`, `~1:${name}`]),
}

/** One of five permits, when somebody has the four others. */
export const lastPermit =
  (filler: Filler): Kind =>
  (locks, name, options) => {
    const semaphore = locks.semaphore(name, { ...options, limit: 5 })
    return from(name, async (o) => {
      await filler.take(name)
      return semaphore.acquire(o)
    })
  }

export function memoryTarget(): ConformanceTarget {
  const server = new MemoryServer()
  const open: ConformanceTarget['open'] = () => {
    const client = memoryPort(server)
    return Promise.resolve({ client, close: () => client.close() })
  }
  return { open }
}
