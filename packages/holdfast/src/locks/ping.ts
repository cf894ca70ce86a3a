import { milliseconds, type Duration } from '../base/duration.js'
import { HoldfastError } from '../base/errors.js'
import type { Engine } from './engine.js'
import { known, type HoldfastOptions } from './options.js'
import { askStatus } from './status.js'

/** Options of a ping. */
export interface PingOptions {
  /** Time limit of the whole call. Default: `nodeTimeout` of the Holdfast, or 500 ms. */
  readonly timeout?: Duration | undefined
}

/** What a ping found. Null is what the server's ACL keeps back. */
export interface PingResult {
  /** From the sending to the answer, ms. */
  readonly latency: number
  readonly server: {
    /** `redis`, `valkey`, or `memory` for `Holdfast.inMemory()`. */
    readonly engine: string | null
    /** Such as `7.0.15`; null in memory. */
    readonly version: string | null
    /** Names one life of the server's process: another one after a restart or a failover. */
    readonly run: string | null
    /** Its `maxmemory-policy`. Anything but `noeviction` may evict locks that are held. */
    readonly evictionPolicy: string | null
  }
  /** The server's clock minus the wall clock of this process is between these, ms. */
  readonly clockOffset: { readonly least: number; readonly most: number }
  /**
   * Whether the server sees the subscription by which waiters are told of grants: false while its
   * connection is broken. Null when nobody has waited yet, so that there is none, or it cannot be
   * told (the ACL keeps it back, or it hangs on another node of a cluster).
   */
  readonly subscribed: boolean | null
}

export async function ping(engine: Engine, options: PingOptions): Promise<PingResult> {
  engine.assertOpen()
  const status = await askStatus(engine, pingTimeout(engine.options, options))
  engine.eviction.tell(status)
  if (status.role === 'slave') {
    throw new HoldfastError('ERR_UNAVAILABLE', 'the server is a replica: no lock is granted there')
  }
  const { now, received, sent, subscribers } = status
  // Local time has a zero of its own.
  const wall = engine.runtime.wall() - engine.clock.now()
  return {
    latency: received - sent,
    server: {
      engine: status.engine,
      version: status.version,
      run: status.run,
      evictionPolicy: status.policy,
    },
    clockOffset: { least: now - received - wall, most: now - sent - wall },
    subscribed: engine.queue.mailbox.wanted && subscribers !== null ? subscribers > 0 : null,
  }
}

/** Reads the options of a ping: its time limit in ms. @throws ERR_INVALID_ARGUMENT */
function pingTimeout(all: HoldfastOptions, options: PingOptions): number {
  known('options', options, ['timeout'])
  const { timeout = all.nodeTimeout ?? 500 } = options
  return milliseconds('options.timeout', timeout, 1)
}
