// A name that is taken together with others is a mutex all the same: the suite of the mutex holds for it.
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { Holdfast, type Lock, type LockSet, type Mutex } from '../../src/index.js'
import {
  conformance,
  findServer,
  startServer,
  type ConformanceTarget,
  type RunningServer,
} from '../../src/testing/index.js'

/** What is taken along with a name. In the order of all names it comes later, so that the name's line is waited in. */
const kinds: Readonly<Record<string, (name: string) => readonly string[]>> = {
  'all of one': () => [],
  'all of three': (name) => [`~2:${name}`, `~1:${name}`],
}
let along = kinds['all of one']!

/** The lock of the suite's name, which is held, released and lost as the set that it belongs to. */
function inSet(set: LockSet, name: string): Lock {
  const own = set.locks.find((lock) => lock.name === name)!
  // A lock that is lost is over; the rest of a set is to be released.
  set.signal.addEventListener('abort', () => void set.release())
  return new Proxy(own, {
    get(_, key) {
      const of = key in set ? set : own
      const value: unknown = Reflect.get(of, key, of)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
}

vi.spyOn(Holdfast.prototype, 'mutex').mockImplementation(function (this: Holdfast, name, options) {
  const all = this.all([...along(name), name], options)
  return {
    name,
    acquire: async (o) => inSet(await all.acquire(o), name),
    tryAcquire: async (o) => {
      const set = await all.tryAcquire(o)
      return set && inSet(set, name)
    },
    use: (fn, o) => all.use((set) => fn(inSet(set, name)), o),
    tryUse: (fn, o) => all.tryUse((set) => fn(inSet(set, name)), o),
  } as Pick<Mutex, 'name' | 'acquire' | 'tryAcquire' | 'use' | 'tryUse'> as Mutex
})

function suites(target: ConformanceTarget): void {
  describe.each(Object.keys(kinds))('%s', (kind) => {
    beforeAll(() => {
      along = kinds[kind]!
    })
    for (const { name, run } of conformance(target)) it.concurrent(name, run)
  })
}

describe('memory', () => {
  const server = new MemoryServer()
  suites({
    open: () => {
      const client = memoryPort(server)
      return Promise.resolve({ client, close: () => client.close() })
    },
  })
})

for (const engine of ['redis', 'valkey'] as const) {
  if (!(await findServer({ engine }))) {
    it.skip(`${engine}: no ${engine}-server was found on this machine`)
    continue
  }
  describe(engine, () => {
    let server: RunningServer
    let admin: Redis
    beforeAll(async () => {
      server = await startServer({ engine })
      admin = new Redis(server.url)
    })
    afterAll(async () => {
      admin.disconnect()
      await server.stop()
    })
    suites({
      flushScripts: () => admin.script('FLUSH'),
      open: async () => {
        const client = new Redis(server.url)
        return { client, close: () => client.quit() }
      },
    })
  })
}
