/** Why a client is not ready, as far as it tells: for error messages. */
import { errorMonitor } from 'node:events'
import type { Emitter } from './common.js'
import type { Known, Shape } from './shapes.js'

/** What is remembered of a client. Its listeners know this and no Holdfast, which may be forgotten unclosed. */
interface Memory {
  users: number
  last: unknown
  readonly remember: (error: unknown) => void
  readonly forget: () => void
  readonly end: () => void
}

/** The last error of a client since it was last ready. */
export interface LastError {
  /** Undefined: there is none. */
  readonly error: unknown
  /** The client is ready: for one that does not tell. */
  readonly forget: () => void
  readonly close: () => void
}

const known = new WeakMap<Emitter, Memory>()

// Who listens to it does not count as a listener to 'error': without one an error is thrown, or
// printed, as ever.
const ERRORS = [errorMonitor as unknown as string]
// What clients of a Cluster tell of single nodes.
const OF_CLUSTERS = [...ERRORS, 'node error', 'node-error']

/**
 * Remembers the errors of a client, with one listener for all who ask, whatever Holdfast they belong
 * to: Node warns of more than ten. ioredis tells its errors only to those who listen to 'error'.
 */
export function lastErrorOf(client: Emitter, shape: Shape): LastError {
  const memory = known.get(client) ?? begin(client, shape)
  memory.users += 1
  let closed = false
  return {
    get error(): unknown {
      return memory.last
    },
    forget: memory.forget,
    close: () => {
      if (closed) return
      closed = true
      memory.users -= 1
      if (memory.users === 0) memory.end()
    },
  }
}

/** Listens to a client from now on, before anything is asked of it. @returns a function that ends it. */
export function heed(one: Known): () => void {
  return one.tells === undefined ? () => {} : lastErrorOf(one.client as Emitter, one).close
}

function begin(client: Emitter, { cluster, tells: ready = null }: Shape): Memory {
  const events = cluster ? OF_CLUSTERS : ERRORS
  const memory: Memory = {
    users: 0,
    last: undefined,
    remember: (error) => {
      memory.last = error
    },
    forget: () => {
      memory.last = undefined
    },
    end: () => {
      known.delete(client)
      for (const event of events) client.off(event, memory.remember)
      if (ready !== null) client.off(ready, memory.forget)
    },
  }
  known.set(client, memory)
  for (const event of events) client.on(event, memory.remember)
  if (ready !== null) client.on(ready, memory.forget)
  return memory
}

/**
 * What is said of a client of node-redis that is not open.
 *
 * @param opened whether it is known that it was open before.
 */
export const notOpen = (opened = false): string =>
  opened ? 'it was closed, or has given up' : 'it is not open: call `await client.connect()`'

/** What an error says: some have no message of their own, but are of several. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, errors, lastNodeError } = error as {
    code?: string
    errors?: readonly unknown[]
    lastNodeError?: unknown
  }
  const own = error.message || errors?.map(wordsOf).join(', ') || (code ?? error.name)
  return lastNodeError instanceof Error ? `${own} ${wordsOf(lastNodeError)}` : own
}
