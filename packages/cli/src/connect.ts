import type { Holdfast, HoldfastOptions } from 'holdfast'
import { CONNECT_MS, makeClients, type Made } from './clients.js'
import { EXIT, Exit } from './exit.js'
import { guardingOf, type Guarding, type ServerOptions } from './options.js'

/** A Holdfast with its clients. Close it, also after an error. */
export interface Connection extends AsyncDisposable {
  readonly locks: Holdfast
  /** Without passwords, for messages; in the order of the URLs. */
  readonly servers: readonly string[]
  close(): Promise<void>
}

/** For who goes on without servers, until they are there. */
interface Patience {
  /** They cannot be reached now. */
  away(message: string): void
  /** Now they can: a majority of them. */
  back(): void
}

/**
 * Connects to the servers of `--url` or REDIS_URL: to each of them, or of several to a majority at least.
 *
 * @param patience without it, servers that are away are an error; what does not pass by itself always is.
 * @throws Exit (unavailable) with one line that says what each server said; Exit (usage)
 */
export async function connect(
  options: ServerOptions,
  more: Omit<HoldfastOptions, 'prefix' | keyof Guarding> = {},
  patience?: Patience,
): Promise<Connection> {
  const guarding = guardingOf(options)
  const [made, { Holdfast }] = await Promise.all([makeClients(options), import('holdfast')])
  const disconnect = (): void => made.forEach((one) => one.end())
  let locks: Holdfast
  try {
    await reach(made, patience)
    const clients = made.map(({ client }) => client)
    locks = new Holdfast(clients.length === 1 ? clients[0]! : clients, {
      ...more,
      ...guarding,
      prefix: options.prefix,
    })
  } catch (error) {
    disconnect()
    throw error
  }
  const close = async (): Promise<void> => {
    await locks.close()
    disconnect()
  }
  const servers = made.map(({ server }) => server)
  return { locks, servers, close, [Symbol.asyncDispose]: close }
}

async function reach(clients: readonly Made[], patience: Patience | undefined): Promise<void> {
  const majority = Math.floor(clients.length / 2) + 1
  const failed: string[] = []
  let passes = patience !== undefined
  await new Promise<void>((resolve, reject) => {
    let reached = 0
    clients.forEach((one) => {
      firstConnection(one).then(
        () => ++reached === majority && resolve(),
        (error: Error) => {
          passes &&= isAway(error)
          failed.push(`${one.server}: ${error.message}`)
          if (failed.length !== clients.length - majority + 1) return
          const what = clients.length === 1 ? '' : `a majority of ${clients.length} servers: `
          const message = `cannot reach ${what}${failed.join('; ')}`
          if (passes) {
            patience!.away(message)
            whenReady(clients, majority, () => patience!.back())
            return resolve()
          }
          reject(new Exit(EXIT.unavailable, 'unavailable', message))
        },
      )
    })
  })
}

function whenReady(clients: readonly Made[], count: number, then: () => void): void {
  let left = count
  for (const { client } of clients) {
    const ready = (): void => {
      if (--left === 0) then()
    }
    if (client.status === 'ready') ready()
    else client.once('ready', ready)
  }
}

const AWAY =
  /\b(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EPIPE|EAI_AGAIN)\b|Connection is closed\.$/

const CLOSED = 'Connection is closed.'
const NO_ANSWER = `no server answers: ${CLOSED}`
const SILENT = `no answer within ${CONNECT_MS / 1000} s`

/** Whether it is only not there: a wrong password, name or certificate stays wrong. */
function isAway({ code = '', message }: Error & { code?: string }): boolean {
  return AWAY.test(code) || AWAY.test(message) || message === SILENT
}

const SENTINELS_REFUSE = /sentinels are unreachable.*\b(NOAUTH|WRONGPASS)\b/s

/** Of a Cluster the client tells that no server was of use, and beside it what became of the last one. */
function causeOf(error: Error & { lastNodeError?: Error }): Error {
  if (SENTINELS_REFUSE.test(error.message))
    error.message += '; the own password of the Sentinels is in HOLDFAST_SENTINEL_PASSWORD'
  const cause: Error & { code?: string } = error.lastNodeError ?? error
  if (error.lastNodeError?.message === CLOSED) return new Error(NO_ANSWER)
  return cause.message === '' ? Object.assign(cause, { message: cause.code ?? 'refused' }) : cause
}

/** The client itself goes on trying after its first failure, which of several servers is welcome. */
async function firstConnection(made: Made): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  // A server that accepts and then says nothing.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(SILENT)), CONNECT_MS)
  })
  const why = new Promise<never>((_, reject) => {
    made.client.once('error', (error: Error) => reject(causeOf(error)))
  })
  try {
    await Promise.race([made.client.connect(), why, late])
  } catch (error) {
    // That a connection was closed is no reason; a refusal or a certificate is.
    if ((error as Error).message === NO_ANSWER) await Promise.race([made.alone?.(), late])
    throw error
  } finally {
    clearTimeout(timer)
  }
}
