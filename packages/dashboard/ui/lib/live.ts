import { signal } from '@preact/signals-core'
import type { Failure, PageName, Pages, Trouble } from '../../src/model.js'

/** How the page stands to its server, and that one to Redis. */
export type Connection = 'connecting' | 'live' | 'trouble' | 'away'

export const connection = signal<Connection>('connecting')
export const trouble = signal<Trouble | null>(null)
export const paused = signal(false)
/** Moves once a second: ages, and what is left of a lease, are reckoned from it, without asking anybody. */
const now = signal(Date.now())
/** How far the server's clock is ahead of ours. */
let ahead = 0

/** The newest that was heard of a page. */
export interface View<P extends PageName> {
  readonly page: P
  readonly data: Pages[P]
  /** When it came, by our clock. */
  readonly since: number
  /** What it answers: an old answer stays up until the new one is there. */
  readonly query: string
}

const view = signal<View<PageName> | null>(null)

let source: EventSource | null = null
let current = ''
let retry: ReturnType<typeof setTimeout> | undefined
/** When the stream was asked for, or said something. */
let heard = 0
/** It says something every 15 s. A connection may be gone without anybody being told. */
const SILENT_MS = 40_000

/** What is known of a page; null before the first answer. */
export function viewOf<P extends PageName>(page: P): View<P> | null {
  const value = view.value
  return value?.page === page ? (value as View<P>) : null
}

/** Follows one page. The same again does nothing. What was there stays until the answer, if `keep` says so. */
export function watch(query: string, keep = false): void {
  if (query === current) return
  current = query
  if (!keep) view.value = null
  open()
}

function open(): void {
  close()
  const asked = current
  if (asked === '') return
  const page = (new URLSearchParams(asked).get('page') ?? 'overview') as PageName
  const events = new EventSource(`api/live?${asked}`)
  source = events
  heard = Date.now()
  for (const event of ['page', 'trouble', 'here']) {
    events.addEventListener(event, () => (heard = Date.now()))
  }
  events.addEventListener('page', (event: MessageEvent<string>) => {
    if (source !== events) return
    const data = JSON.parse(event.data) as Pages[typeof page]
    trouble.value = null
    connection.value = 'live'
    if (paused.value && view.peek()?.query === asked) return
    ahead = data.at - Date.now()
    now.value = Date.now()
    view.value = { page, data, since: now.value, query: asked }
  })
  events.addEventListener('trouble', (event: MessageEvent<string>) => {
    trouble.value = JSON.parse(event.data) as Trouble
    connection.value = 'trouble'
  })
  events.addEventListener('error', () => {
    if (source !== events) return
    lost()
    // A browser gives up for good where the answer was an error. The page does not.
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(open, 2000)
    void explain(events, asked)
  })
}

/** What was wrong before is another matter. */
function lost(): void {
  if (connection.value !== 'away') trouble.value = null
  connection.value = 'away'
}

function close(): void {
  clearTimeout(retry)
  source?.close()
  source = null
}

/** An event source does not say why it failed: its address is asked for once, to show what the answer says. */
async function explain(events: EventSource, asked: string): Promise<void> {
  const stop = new AbortController()
  let said: Trouble | null = null
  try {
    const answer = await fetch(`api/live?${asked}`, { signal: stop.signal })
    said = await refusalOf(answer)
  } catch {
    // The server is away, which the page says already.
  }
  stop.abort()
  if (source === events && connection.value === 'away') trouble.value = said
}

/** Why there is no success in it; null: it is one, or whoever answers for a server that is away. */
export async function refusalOf(answer: Response): Promise<Trouble | null> {
  if (/^application\/json\b/.test(answer.headers.get('content-type') ?? '')) {
    if (answer.ok) return null
    const { error } = (await answer.json()) as Failure
    return { ...error, advice: error.advice ?? '' }
  }
  // What `authorize`, or a guard before it, says in words of its own.
  const { status, redirected } = answer
  if (status !== 401 && status !== 403 && !redirected) return null
  const advice = 'Load the page again: you may be asked who you are.'
  return { code: 'ERR_FORBIDDEN', message: 'You may not look any more.', advice }
}

export function togglePause(): void {
  paused.value = !paused.value
  if (!paused.value) open()
}

/** The time on the server. */
export const serverNow = (): number => now.value + ahead

/** How long ago the data of a page came. */
export const elapsed = (since: number): number => Math.max(0, now.value - since)

/** How long a page that nobody can see goes on asking. */
const HIDDEN_FOR = 30_000

export function startClock(): void {
  setInterval(() => {
    // What is not known to go on stands still.
    if (!paused.value && connection.value === 'live') now.value = Date.now()
    if (!source || Date.now() - heard < SILENT_MS) return
    lost()
    open()
  }, 1000)
  let hidden: ReturnType<typeof setTimeout> | undefined
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden)
    if (document.visibilityState === 'hidden') hidden = setTimeout(close, HIDDEN_FOR)
    else if (!source) open()
  })
}
