import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import { events, type FailedOutcome } from '../base/events.js'
import type { Runtime } from '../base/runtime.js'
import { decodeInfo, modeName } from '../kernel/protocol.js'
import type { Lease } from '../lease/lease.js'
import type { Wish } from '../line/wish.js'

/** Whether somebody is to be told of each call. */
export function told(): boolean {
  return events.requested.heard || events.failed.heard
}

/** Says that a call begins, if somebody listens. @returns since when, local time; else null. */
export function tellRequested(clock: LocalClock, wish: Wish): number | null {
  if (!told()) return null
  const { name, mode, type } = wish
  wish.call = { name, mode: modeName(mode), type }
  events.requested(wish.call)
  return clock.now()
}

/** Of calls whose beginning was told: says it, if they end without their locks. */
export async function tellFailed<T>(
  clock: LocalClock,
  wishes: readonly Wish[],
  since: number,
  asked: Promise<T>,
): Promise<T> {
  try {
    return await asked
  } catch (error) {
    for (const wish of events.failed.heard ? wishes : []) {
      const { call } = wish
      if (!call) continue
      const { name, mode, type } = call
      const waited = clock.now() - since
      events.failed({ name, mode, type, outcome: outcomeOf(wish, error), waited, error, call })
    }
    throw error
  }
}

function outcomeOf({ signal }: Wish, error: unknown): FailedOutcome {
  if (signal?.aborted && signal.reason === error) return 'aborted'
  const code = error instanceof HoldfastError ? error.code : null
  if (code === 'ERR_TIMEOUT') return 'timeout'
  if (code === 'ERR_TAKEN') return 'taken'
  return code === 'ERR_UNAVAILABLE' || code === 'ERR_NO_QUORUM' ? 'unavailable' : 'error'
}

/**
 * Watches that a lock is not held for longer than expected. It ends with the lease. A machine that slept
 * makes it late.
 */
export function watchHold(runtime: Runtime, lease: Lease): void {
  const { expectedHold: expected, info } = lease.terms
  const look = (): void => {
    if (!events.longHold.heard || !lease.check()) return
    const { heldFor: held, fence } = lease
    const { label } = decodeInfo(info)
    events.longHold({ ...lease.event(), fence, held, expected, label })
  }
  lease.overdue = runtime.setTimer(look, expected, false)
}
