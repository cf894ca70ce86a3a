import { systemRuntime } from '../../base/runtime.js'
import type { Reply } from '../../clients/port.js'
import { unpacked } from '../protocol.js'
import { attempt, type Call, type Item } from './call.js'
import { globToRegExp } from './glob.js'
import { bootstrap, guard, unguarded } from './guard.js'
import { history, index, past } from './history.js'
import { Name } from './name.js'
import type { Keys } from './state.js'
import { operations, type Operation, type Together } from './operations.js'
import { Keyspace } from './store.js'

const version = '1'
/** A side key of a name, which `list` leaves out. */
const sideKey = /^\{[^}]*\}:hf:/

/** Told of a channel's messages, at once and in order; must not throw. */
export type Listener = (message: string) => void

interface Subscriber {
  readonly onMessage: Listener
  readonly onDrop: (() => void) | undefined
}

/** Options of {@link MemoryServer}. */
export interface MemoryServerOptions {
  /** Server time: an integer, in microseconds. Default: the time of this process. */
  readonly now?: (() => number) | undefined
}

const newRun = (): string => systemRuntime.randomHex(8)
const processTime = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000)

/**
 * A server that lives in this process: the scripts of `kernel/lua` with the same replies, messages
 * and keys. It is the reference that the Lua is compared with, and what runs without a Redis.
 */
export class MemoryServer {
  /** The keys, for tests that look at them or spoil them. Its clock stands still between calls. */
  readonly space: Keyspace
  /** The first 16 characters of a run id; another after each restart. */
  runId: string = newRun()
  /** For tests: the error text with which every PUBLISH fails from now on. */
  publishFails: string | undefined
  /** For tests: a strict ACL forbids INFO. */
  infoFails = false
  readonly #now: () => number
  readonly #channels = new Map<string, Set<Subscriber>>()
  #us = 0

  constructor({ now = processTime }: MemoryServerOptions = {}) {
    this.#now = now
    this.space = new Keyspace(() => Math.floor(this.#us / 1000))
  }

  /** Runs a script by its name; throws only if there is no such script. */
  execute(script: string, keys: readonly string[], args: readonly string[]): Reply {
    const us = this.#tick()
    const run = this.infoFails ? '' : this.runId
    if (script === 'list') return [String(us), run, '', this.#list(String(args[2]))]
    if (script === 'status') return [String(us), run, '', this.#status(String(args[1]))]
    const now = Math.floor(us / 1000)
    if (script === 'history') return [String(us), run, '', history(this.space, keys, args, now)]
    if (script === 'past') return [String(us), run, '', past(this.space, keys, args)]
    if (script === 'index') return [String(us), run, '', index(this.space, keys, args, now)]
    if (script === 'bootstrap')
      return [String(us), run, '', bootstrap(this.space, keys, args, us, run)]
    const operation = operations.get(script)
    if (operation === undefined && script !== 'hello') throw new Error(`no script named ${script}`)
    const guarded =
      args[0] === version ? unguarded : guard(this.space, keys, String(args[0]), us, run)
    if ('wrong' in guarded) return [String(us), run, '', ['error', guarded.wrong]]
    const call: Call = {
      us,
      now,
      run,
      ...guarded,
      space: this.space,
      subscribers: (channel) => this.subscribers(channel),
      timeless: 0,
      messages: [],
    }
    const items: Item[] = []
    const fields = operation?.fields ?? 0
    const count = operation === undefined ? 0 : Math.floor(keys.length / 5)
    const given = unpacked(args.slice(1), count, fields)
    for (let i = 0; i < count; i++) {
      const own = keys.slice(5 * i, 5 * i + 5) as readonly string[] as Keys
      items.push({ keys: own, field: (j) => String(given[i]![j - 1]) })
    }
    const replies = operation === undefined ? [] : carryOut(call, operation, items)
    const failed = this.publishFails !== undefined && call.messages.length > 0
    if (!failed) for (const [channel, message] of call.messages) this.publish(channel, message)
    if (call.timeless > 0 && call.timeless === count && guarded === unguarded) {
      return ['', '', '', ...replies]
    }
    return [String(us), run, failed ? String(this.publishFails) : '', ...replies]
  }

  /**
   * Subscribes to a channel until the returned function is called, or the server restarts.
   *
   * @param onDrop - told when a restart has ended the subscription.
   */
  subscribe(channel: string, onMessage: Listener, onDrop?: () => void): () => void {
    const subscriber: Subscriber = { onMessage, onDrop }
    const all = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, all.add(subscriber))
    return () => {
      all.delete(subscriber)
      if (all.size === 0 && this.#channels.get(channel) === all) this.#channels.delete(channel)
    }
  }

  /** How many subscribe to a channel, as PUBSUB NUMSUB says. */
  subscribers(channel: string): number {
    return this.#channels.get(channel)?.size ?? 0
  }

  /** Delivers a message, and says to how many. */
  publish(channel: string, message: string): number {
    const all = [...(this.#channels.get(channel) ?? [])]
    for (const { onMessage } of all) onMessage(message)
    return all.length
  }

  /** For tests: a plain SET of somebody else, with or without PX. */
  set(key: string, value: string, pxMs?: number): void {
    const us = this.#tick()
    this.space.set(key, value, pxMs === undefined ? null : Math.floor(us / 1000) + pxMs)
  }

  del(key: string): void {
    this.space.del(key)
  }

  keys(): readonly string[] {
    this.#tick()
    return this.space.keys()
  }

  /** FLUSHALL. */
  flush(): void {
    this.space.clear()
  }

  /** Comes back empty, as another run, and without its subscribers. */
  restart(): void {
    this.flush()
    this.runId = newRun()
    const dropped = [...this.#channels.values()].flatMap((all) => [...all])
    this.#channels.clear()
    for (const { onDrop } of dropped) onDrop?.()
  }

  #tick(): number {
    return (this.#us = this.#now())
  }

  #status(channel: string): Reply {
    const about = ['memory', '', 'master', 'noeviction'].map((x) => (this.infoFails ? '' : x))
    return [...about, this.subscribers(channel), this.infoFails ? '' : '0']
  }

  /** The whole of a SCAN in one step. */
  #list(pattern: string): Reply {
    const match = globToRegExp(pattern)
    const found = this.space
      .keys()
      .filter((key) => match.test(key) && !sideKey.test(key))
      .filter((key) => typeof this.space.peek(key) === 'string')
    return ['0', ...found]
  }
}

function carryOut(
  call: Call,
  operation: Operation | Together,
  items: readonly Item[],
): readonly Reply[] {
  if (operation.grants && call.quarantined !== null) {
    return items.map(() => ['quarantine', String(call.quarantined)])
  }
  if ('together' in operation) return operation.together(items, call)
  const replies = items.map(({ keys, field }) =>
    attempt(call, keys, () => operation.run(new Name(call, keys), field, call)),
  )
  return operation.brief && items.length > 1 ? replies.map(brief) : replies
}

/** Of a call with several names, the usual verdicts as one text each: clients take long over lists. */
function brief(reply: readonly Reply[]): Reply {
  const [status, holder] = reply
  const usual =
    status === 'granted' ||
    (status === 'renewed' && reply.length < 5) ||
    (status === 'released' && holder === '-')
  return usual ? reply.join(' ') : reply
}
