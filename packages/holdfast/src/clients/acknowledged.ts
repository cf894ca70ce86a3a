import { HoldfastError } from '../base/errors.js'
import type { Open, Runner, Subscriber } from './common.js'
import type { Port, Reply, Script } from './port.js'

/** A script as it is to be written to a connection. */
export interface Call {
  readonly script: Script
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** By its text: the server does not know its hash. */
  readonly text: boolean
}

/** What came of calls, and how many replicas have acknowledged all that they wrote. */
export interface Acknowledged {
  readonly replies: readonly PromiseSettledResult<unknown>[]
  readonly replicas: number
}

/**
 * Writes calls and a WAIT behind them to one connection, with nothing in between. Rejects when the WAIT
 * has no answer.
 */
export type Pipeline = (
  calls: readonly Call[],
  replicas: number,
  ms: number,
) => Promise<Acknowledged>

/** Our scripts never answer with an error of this kind, so nothing has been done yet. */
export const unknownScript = (error: unknown): boolean =>
  /NOSCRIPT|NoScriptError/.test(String(error))

/** Of a client that writes commands in the order in which it is given them. */
export const inOrder =
  (runner: Runner, wait: (replicas: number, ms: number) => Promise<unknown>): Pipeline =>
  async (calls, replicas, ms) => {
    const given = calls.map(({ script, keys, args, text }) =>
      text ? runner.byText(script.lua, keys, args) : runner.byHash(script.sha1, keys, args),
    )
    const [count, ...replies] = await Promise.allSettled([wait(replicas, ms), ...given])
    if (count!.status === 'rejected') throw count!.reason
    return { replies, replicas: Number(count!.value) }
  }

interface Request extends Call {
  readonly replicas: number
  readonly ms: number
  readonly timer: NodeJS.Timeout
  readonly resolve: (outcome: { reply: Reply; replicas: number }) => void
  readonly reject: (error: unknown) => void
}

/** How long beyond the time of a WAIT a connection may be silent before it is given up for another. */
const SILENCE_MS = 4000

/**
 * Runs scripts on a second connection, each with a WAIT for replicas. WAIT covers what its own connection
 * has written, and holds up whatever stands behind it there. So one WAIT at a time is under way; what
 * is asked for meanwhile goes together, with the next.
 */
export function acknowledging(open: Open): {
  run: NonNullable<Port['runAcknowledged']>
  close(): void
} {
  let waiting: Request[] = []
  let own: Subscriber | undefined
  /** Ends what is under way on a connection that there is no more. */
  let broken: ((error: unknown) => void) | null = null
  let closed = false

  const drop = (request: Request, error: unknown): void => {
    clearTimeout(request.timer)
    request.reject(error)
  }
  const dropAll = (error: unknown): void => {
    for (const request of waiting.splice(0)) drop(request, error)
  }

  const send = async (subscriber: Subscriber, sent: readonly Request[]): Promise<void> => {
    for (const { timer } of sent) clearTimeout(timer)
    // The one with the least time would hear of a failure too late.
    const ms = Math.min(...sent.map((one) => one.ms))
    const timer = setTimeout(() => subscriber.reset?.(), ms + SILENCE_MS)
    timer.unref()
    try {
      const most = Math.max(...sent.map((one) => one.replicas))
      const done = subscriber.pipeline!(sent, most, ms)
      // A client may send the WAIT once more, on another connection, where it has nothing to wait for.
      const over = new Promise<never>((_resolve, reject) => (broken = reject))
      const { replies, replicas } = await Promise.race([done, over])
      sent.forEach((one, i) => {
        const reply = replies[i]!
        if (reply.status === 'fulfilled') one.resolve({ reply: reply.value as Reply, replicas })
        else if (one.text || !unknownScript(reply.reason)) one.reject(reply.reason)
        else waiting.push({ ...one, text: true })
      })
    } catch (error) {
      for (const one of sent) one.reject(error)
    } finally {
      clearTimeout(timer)
      broken = null
    }
  }

  const flush = (): void => {
    if (broken || waiting.length === 0 || !own?.ready) return
    const sent = waiting
    waiting = []
    void send(own, sent).finally(flush)
  }

  return {
    run: (script, keys, args, replicas, timeout) =>
      new Promise((resolve, reject) => {
        if (closed) throw new HoldfastError('ERR_CLOSED', 'This port is closed.')
        const late = (): void => {
          waiting = waiting.filter((one) => one !== request)
          reject(new Error('The connection on which replicas are waited for is not there.'))
        }
        const timer = setTimeout(late, timeout)
        // Half of it: the WAIT of those before may have to be waited for first.
        const ms = Math.max(1, Math.floor(timeout / 2))
        const asked = { script, keys, args, text: false, replicas, ms, timer }
        const request: Request = { ...asked, resolve, reject }
        waiting.push(request)
        own ??= open({
          message: () => undefined,
          ready: () => {
            // A client that was ended while it connected may connect all the same.
            if (closed) return own?.end()
            broken?.(new Error('The connection broke.'))
            flush()
          },
          error: (error) => {
            // Clients try again even then, for ever, and nothing but a person can help.
            if (/\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(String(error))) dropAll(error)
          },
          ended: (error) => {
            broken?.(error)
            dropAll(error)
          },
        })
        if (own.ready) flush()
        else own.start()
      }),
    close: () => {
      if (closed) return
      closed = true
      const error = new HoldfastError('ERR_CLOSED', 'This port was closed.')
      broken?.(error)
      dropAll(error)
      own?.end()
    },
  }
}
