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
    connection.value = 'away'
    // A browser gives up for good where the answer was an error. The page does not.
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(open, 2000)
    void explain(page, asked)
  })
}

function close(): void {
  clearTimeout(retry)
  source?.close()
  source = null
}

/** An event source does not say why it failed: the page is asked for once, to show what the answer says. */
async function explain(page: PageName, asked: string): Promise<void> {
  try {
    const params = new URLSearchParams(asked)
    params.delete('page')
    const answer = await fetch(`api/${page}?${params}`)
    if (answer.ok || asked !== current) return
    const { error } = (await answer.json()) as Failure
    trouble.value = { ...error, advice: error.advice ?? '' }
  } catch {
    // The server is away, which the page says already.
  }
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
  }, 1000)
  let hidden: ReturnType<typeof setTimeout> | undefined
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden)
    if (document.visibilityState === 'hidden') hidden = setTimeout(close, HIDDEN_FOR)
    else if (!source) open()
  })
}
