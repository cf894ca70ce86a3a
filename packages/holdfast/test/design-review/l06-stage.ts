import { Redis } from 'ioredis'
import { recognise } from '../../src/clients/recognise.js'
import type { Port, Reply } from '../../src/clients/port.js'
import { Holdfast } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { keysOf } from '../../src/kernel/names.js'
import { acquireFields, packed, PROTOCOL, type Request } from '../../src/kernel/protocol.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import { startServer } from '../../src/testing/index.js'

const NAME = 'x'
const KEYS = keysOf(NAME, 'lock:')
const [, , LINE, SHARED, META] = KEYS
const BATCH = 100

/** What one call of a script did: by how much line and shared became less. */
interface Seen {
  readonly script: string
  readonly items: number
  readonly heads: number
  readonly members: number
}

/** Waiters of one process, by the number of each. */
interface Crowd {
  ask(sequence: number): Promise<string>
  /** As if it had died: its subscription is gone. */
  leave(): Promise<void>
}

/** What a server is to these tests beside its ports. */
interface Server {
  open(): Port
  size(key: string): Promise<number>
  seed(
    members: readonly (readonly [member: string, score: number, record: string])[],
  ): Promise<void>
  keys(): Promise<readonly string[]>
  stop(): Promise<void>
}

function inMemory(): Server {
  const server = new MemoryServer()
  return {
    open: () => memoryPort(server),
    size: (key) => Promise.resolve((server.keys(), server.space.zset(key).size)),
    async seed(members) {
      server.keys()
      for (const [member, score, record] of members) {
        server.space.zadd(SHARED, score, member)
        server.space.hset(META, member, record)
      }
    },
    keys: () => Promise.resolve(server.keys()),
    stop: () => Promise.resolve(),
  }
}

async function real(): Promise<Server> {
  const server = await startServer()
  const admin = new Redis(server.url)
  const clients: Redis[] = [admin]
  return {
    open() {
      const client = new Redis(server.url)
      clients.push(client)
      return recognise(client)
    },
    size: (key) => admin.zcard(key),
    async seed(members) {
      const many = admin.pipeline()
      for (const [member, score, record] of members) {
        many.zadd(SHARED, score, member)
        many.hset(META, member, record)
      }
      await many.exec()
    },
    keys: () => admin.keys('*'),
    async stop() {
      for (const client of clients) client.disconnect()
      await server.stop()
    },
  }
}

/** One name on one server, and what each call took off its line and its shared holders. */
export class Stage {
  readonly seen: Seen[] = []
  readonly #server: Server
  readonly #open: { close(): Promise<void> }[] = []
  #last: Promise<unknown> = Promise.resolve()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(where: 'memory' | 'a real server'): Promise<Stage> {
    return new Stage(where === 'memory' ? inMemory() : await real())
  }

  locks(): Holdfast {
    // It takes long for a thousand who ask at once.
    const locks = new Holdfast(this.#watched(), { nodeTimeout: 60_000 })
    this.#open.push(locks)
    return locks
  }

  /** Waiters of a process without a Holdfast: what they hear, a test says what to do about. */
  async stand(
    client: string,
    requests: readonly Request[],
    onMessage: (text: string) => void = () => {},
  ): Promise<Crowd> {
    const port = this.#watched()
    const events = { onMessage, onGap: () => {} }
    const subscription = await port.subscribe(`lock:client:${client}`, events)
    const ask = async (from: number, count: number): Promise<readonly string[]> => {
      const some = requests.slice(from, from + count)
      const fields = some.map((one, i) =>
        acquireFields(`${client}.${from + i}`, one, true, '', { ms: '', run: '' }),
      )
      const keys = some.flatMap(() => KEYS)
      const reply = (await port.run(scripts.acquire, keys, [
        PROTOCOL,
        ...packed(fields),
      ])) as Reply[][]
      return reply.slice(3).map(([verdict]) => String(verdict))
    }
    for (let i = 0; i < requests.length; i += BATCH) {
      const wrong = (await ask(i, BATCH)).find((verdict) => verdict !== 'queued')
      if (wrong) throw new Error(`waiters were to stand in line, and not: ${wrong}`)
    }
    const crowd: Crowd = {
      ask: async (sequence) => (await ask(sequence, 1))[0]!,
      leave: () => subscription.close(),
    }
    this.#open.push(port)
    return crowd
  }

  /** Shared holders beside one that lives, whose time was up long ago. */
  expired(count: number, mode: 's' | 'p'): Promise<void> {
    const owner = (i: number): string => `${'d'.repeat(32)}.${i + 1}`
    return this.#server.seed(
      Array.from({ length: count }, (_, i) => [
        owner(i),
        1000 + i,
        `${mode} 1 1000 1000 - ${i + 1} 1000 0 []`,
      ]),
    )
  }

  /** Once no call is under way. */
  async idle(): Promise<void> {
    for (let last; last !== this.#last;) await (last = this.#last)
  }

  waiting(): Promise<number> {
    return this.#server.size(LINE)
  }

  members(): Promise<number> {
    return this.#server.size(SHARED)
  }

  /** Keys that are left, but fences. */
  async left(): Promise<readonly string[]> {
    return (await this.#server.keys()).filter((key) => !key.includes(':hf:fence:'))
  }

  async close(): Promise<void> {
    for (const one of this.#open) await one.close()
    await this.#server.stop()
  }

  #watched(): Port {
    const port = this.#server.open()
    // What changes around a call must be that call's doing: one at a time.
    const run: Port['run'] = (script, keys, args) => {
      const done = this.#last.then(async () => {
        const [line, shared] = await this.#sizes()
        const reply = await port.run(script, keys, args)
        const [heads, members] = await this.#sizes()
        this.seen.push({
          script: script.name,
          items: keys.length / KEYS.length,
          heads: line - heads,
          members: shared - members,
        })
        return reply
      })
      this.#last = done.catch(() => {})
      return done
    }
    return {
      kind: port.kind,
      get ready() {
        return port.ready
      },
      onReady: (callback) => port.onReady(callback),
      run,
      subscribe: (channel, events) => port.subscribe(channel, events),
      close: () => port.close(),
    }
  }

  async #sizes(): Promise<readonly [line: number, shared: number]> {
    return [await this.waiting(), await this.members()]
  }
}
