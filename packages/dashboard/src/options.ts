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

/** Shows a value in an error message: short, and nothing of what is in it. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value)
      ? `an array of ${value.length}`
      : `an object (${value.constructor?.name ?? 'no class'})`
  }
  return String(value)
}

/** An argument that cannot be right, in the words of the library. */
export function invalid(what: string, given: unknown, expected: string): HoldfastError {
  const message = `${what}: expected ${expected}, but got ${show(given)}`
  // A client has its password in it, and whoever prints an error prints its facts.
  const facts = typeof given === 'object' ? { expected } : { given, expected }
  return new HoldfastError('ERR_INVALID_ARGUMENT', message, facts)
}

/** Refuses what is no option. @throws ERR_INVALID_ARGUMENT */
export function known(options: unknown, names: readonly string[]): void {
  const all = names.join(', ')
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw invalid('options', options, `an object of options (${all})`)
  }
  for (const key of Object.keys(options as object)) {
    if (!names.includes(key)) throw invalid(`options.${key}`, key, `one of ${all}`)
  }
}

/** Whether it has these methods: copies of a class are told by shape. */
export function has(given: unknown, methods: readonly string[]): boolean {
  const parts = given as Readonly<Record<string, unknown>> | null | undefined
  return methods.every((name) => typeof parts?.[name] === 'function')
}

const ASKED = [
  'inspect',
  'list',
  'history',
  'deadlocks',
  'doctor',
  'ping',
  'revoke',
  'forceRelease',
  'watch',
] as const satisfies readonly (keyof LocksLike)[]

/** @throws ERR_INVALID_ARGUMENT */
export function checkLocks(locks: unknown): void {
  if (has(locks, ASKED)) return
  throw invalid('locks', locks, 'a Holdfast, such as new Holdfast(client) makes')
}

const KNOWN = ['actions', 'authorize', 'audit', 'title', 'elections', 'from']
const ACTIONS: readonly unknown[] = ['revoke', 'force']

/** Reads the options. @throws ERR_INVALID_ARGUMENT */
export function settingsOf(options: DashboardOptions): Settings {
  known(options, KNOWN)
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
