import { HoldfastError, type Holdfast, type Look } from 'holdfast'
import type { Action } from './model.js'

/** What is asked of a Holdfast: any copy of it. */
export interface LocksLike extends Pick<
  Holdfast,
  | 'inspect'
  | 'list'
  | 'history'
  | 'deadlocks'
  | 'doctor'
  | 'ping'
  | 'revoke'
  | 'forceRelease'
  | 'prefix'
> {
  watch(
    pattern?: string,
    options?: { readonly from?: 'index' | 'scan'; readonly budget?: number },
  ): { look(): Promise<Look> }
}

/** What somebody wants to do. */
export interface Wish {
  readonly action: 'look' | Action
  /** Which lock; missing of `look`. */
  readonly name?: string
}

/** True: yes. A text: yes, and that is who it is, for `audit`. A Response is sent as it is: a login, 401. */
type Verdict = boolean | string | Response

/** What was done, or refused. */
export interface AuditEntry {
  /** ms since 1970 by this machine's clock. */
  readonly at: number
  readonly action: Action
  readonly name: string
  /** As `authorize` said. */
  readonly by?: string
  /** Of revoke: what was told to the holder. */
  readonly reason?: string
  /** Of force: free at once. */
  readonly now?: boolean
  /** What the server answered; or why not. */
  readonly result: object | { readonly refused: string }
}

export interface DashboardOptions {
  /** What may be done from the page. Default false: nothing, it only looks. */
  readonly actions?: false | readonly Action[] | undefined
  /**
   * Asked before every answer, and every 15 s of a live one. Default: everybody may, which is for a page that only
   * this machine, or whoever has passed the guard of your own server, can reach.
   */
  readonly authorize?: ((request: Request, wish: Wish) => Verdict | Promise<Verdict>) | undefined
  /** Told what was done, and what was refused. Default: a line of JSON on stderr. */
  readonly audit?: ((entry: AuditEntry) => void | Promise<void>) | undefined
  /** Shown above the page. Default 'Holdfast'. */
  readonly title?: string | undefined
  /**
   * Names of elections, or beginnings of names with a `*` behind, to be shown beside those that are found: whoever
   * leads or stands for one says so, and so does a history. For those that nobody leads, and that are in none.
   */
  readonly elections?: readonly string[] | undefined
  /**
   * Where names are looked for. Default: in the index of the history if one is written (`history: true` of
   * Holdfast), else by a SCAN of at most 2,000 keys every 5 s.
   */
  readonly from?: 'index' | 'scan' | undefined
}

export interface Settings {
  readonly actions: readonly Action[]
  readonly authorize: DashboardOptions['authorize']
  readonly audit: (entry: AuditEntry) => void | Promise<void>
  readonly title: string
  readonly elections: readonly string[]
  readonly from: 'index' | 'scan' | undefined
}

export function invalid(what: string, given: unknown, expected: string): HoldfastError {
  let shown: string
  try {
    shown = JSON.stringify(given) ?? String(given)
  } catch {
    shown = typeof given
  }
  const message = `${what} is ${shown.slice(0, 100)}; expected ${expected}`
  return new HoldfastError('ERR_INVALID_ARGUMENT', message, { given, expected })
}

const KNOWN = ['actions', 'authorize', 'audit', 'title', 'elections', 'from']
const ACTIONS: readonly unknown[] = ['revoke', 'force']

/** Reads the options. @throws ERR_INVALID_ARGUMENT */
export function settingsOf(options: DashboardOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', options, `an object of ${KNOWN.join(', ')}`)
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) throw invalid('options', key, `only ${KNOWN.join(', ')}`)
  }
  const { actions = false, authorize, audit = toStderr, title = 'Holdfast', from } = options
  const { elections = [] } = options
  if (actions !== false && !(Array.isArray(actions) && actions.every((a) => ACTIONS.includes(a)))) {
    throw invalid('options.actions', actions, "false, or a list of 'revoke' and 'force'")
  }
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw invalid('options.authorize', authorize, 'a function')
  }
  if (typeof audit !== 'function') throw invalid('options.audit', audit, 'a function')
  if (typeof title !== 'string') throw invalid('options.title', title, 'a text')
  if (!(Array.isArray(elections) && elections.every((name) => typeof name === 'string'))) {
    throw invalid('options.elections', elections, 'a list of names')
  }
  if (from !== undefined && from !== 'index' && from !== 'scan') {
    throw invalid('options.from', from, "'index' or 'scan'")
  }
  return { actions: actions || [], authorize, audit, title, elections, from }
}

function toStderr(entry: AuditEntry): void {
  process.stderr.write(`${JSON.stringify({ audit: 'holdfast', ...entry })}\n`)
}
