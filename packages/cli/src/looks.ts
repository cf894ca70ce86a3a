import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldfastError, Look, Watch } from 'holdfast'
import { unlessAborted } from './interrupt.js'

/** What is heard of a server that is looked at again and again. */
export interface Looked {
  readonly look: (look: Look) => void
  /** It cannot be asked now; once for each trouble. */
  readonly trouble: (message: string) => void
}

/** What may pass. */
const PASSES = ['ERR_UNAVAILABLE', 'ERR_NO_QUORUM']

/**
 * Looks, and again so many ms after the look before ended, until the signal aborts.
 *
 * @throws the signal's reason; what does not pass by itself
 */
export async function looks(
  watch: Pick<Watch, 'look'>,
  every: number,
  signal: AbortSignal,
  to: Looked,
): Promise<never> {
  for (let before = ''; ;) {
    try {
      const look = await unlessAborted(signal, watch.look())
      before = ''
      to.look(look)
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = error as HoldfastError
      if (!PASSES.includes(code)) throw error
      if (before !== code) to.trouble(message)
      before = code
    }
    await sleep(every, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
