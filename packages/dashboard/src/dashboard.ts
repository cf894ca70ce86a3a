import { Handler } from './handler.js'
import { checkLocks, settingsOf, type DashboardOptions, type LocksLike } from './options.js'

/** A page, its data and its actions, as one function from requests to answers. */
export interface Dashboard {
  /** Answers a request, below whatever path it is mounted: of Hono, Bun, Deno, Next and all that speak `fetch`. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Whether somebody is asked who may look. */
  readonly guarded: boolean
  /** Ends all live pages. The Holdfast stays open. */
  close(): void
}

/**
 * Makes a dashboard of a Holdfast. It asks nothing of the server until somebody looks.
 *
 * @param locks one whose prefix and servers are those of the locks; its processes write a history, if pages are to have
 * one and names are to be found without SCAN: `new Holdfast(client, { history: true })`.
 * @throws ERR_INVALID_ARGUMENT
 */
export function createDashboard(locks: LocksLike, options: DashboardOptions = {}): Dashboard {
  checkLocks(locks)
  const settings = settingsOf(options)
  const handler = new Handler(locks, settings)
  return {
    fetch: (request) => handler.fetch(request),
    guarded: settings.authorize !== undefined,
    close: () => handler.close(),
  }
}
