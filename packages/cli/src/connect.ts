import type { Redis } from 'ioredis'
import type { Holdfast, HoldfastOptions } from 'holdfast'
import { EXIT, Exit } from './exit.js'
import { urlsOf, withoutPassword, type ServerOptions } from './options.js'

const CONNECT_MS = 5000

/** A Holdfast with its clients, in the order of the URLs. Close it, also after an error. */
export interface Connection extends AsyncDisposable {
  readonly locks: Holdfast
  readonly clients: readonly Redis[]
  /** Without passwords, for messages. */
  readonly servers: readonly string[]
  close(): Promise<void>
}

/** Reads the options only: nothing is connected. What is loaded here is loaded by nobody else. */
async function makeClients(options: ServerOptions): Promise<readonly Redis[]> {
  const urls = urlsOf(options)
  const { Redis } = await import('ioredis')
  return urls.map((url) => {
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      // docs/clients.md: nothing is kept for later, and it never gives up.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(times * 50, 2000),
    })
    // What concerns a lock is told by Holdfast.
    client.on('error', () => undefined)
    return client
  })
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
  more: Omit<HoldfastOptions, 'prefix'> = {},
  patience?: Patience,
): Promise<Connection> {
  const servers = urlsOf(options).map(withoutPassword)
  const [clients, { Holdfast }] = await Promise.all([makeClients(options), import('holdfast')])
  const disconnect = (): void => clients.forEach((client) => client.disconnect())
  let locks: Holdfast
  try {
    await reach(clients, servers, patience)
    locks = new Holdfast(clients.length === 1 ? clients[0]! : clients, {
      ...more,
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
  return { locks, clients, servers, close, [Symbol.asyncDispose]: close }
}

async function reach(
  clients: readonly Redis[],
  servers: readonly string[],
  patience: Patience | undefined,
): Promise<void> {
  const majority = Math.floor(clients.length / 2) + 1
  const failed: string[] = []
  let passes = patience !== undefined
  await new Promise<void>((resolve, reject) => {
    let reached = 0
    clients.forEach((client, i) => {
      firstConnection(client).then(
        () => ++reached === majority && resolve(),
        (error: Error) => {
          passes &&= isAway(error)
          failed.push(`${servers[i]}: ${error.message}`)
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

function whenReady(clients: readonly Redis[], count: number, then: () => void): void {
  let left = count
  for (const client of clients) {
    const ready = (): void => {
      if (--left === 0) then()
    }
    if (client.status === 'ready') ready()
    else client.once('ready', ready)
  }
}

const AWAY =
  /^(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EPIPE|EAI_AGAIN)$/

/** Whether it is only not there: a wrong password, name or certificate stays wrong. */
function isAway({ code, message }: Error & { code?: string }): boolean {
  return AWAY.test(code ?? '') || message === SILENT || message === 'Connection is closed.'
}

const SILENT = `no answer within ${CONNECT_MS / 1000} s`

/** The client itself goes on trying after its first failure, which of several servers is welcome. */
async function firstConnection(client: Redis): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  // A server that accepts and then says nothing.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(SILENT)), CONNECT_MS)
  })
  const why = new Promise<never>((_, reject) => {
    client.once('error', (error: Error & { code?: string }) =>
      reject(
        error.message === '' ? Object.assign(error, { message: error.code ?? 'refused' }) : error,
      ),
    )
  })
  try {
    await Promise.race([client.connect(), why, late])
  } finally {
    clearTimeout(timer)
  }
}
