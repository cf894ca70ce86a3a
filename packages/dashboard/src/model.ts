// What the server says to the page, as JSON: both import these types. Durations are ms, times ms since 1970 by the
// server's clock. Owner ids are in none of it.

/** A process, as far as it said who it is. What is chosen by others (labels, hosts, names) is text and nothing else. */
export interface Who {
  /** Of this process of the dashboard only: tells one from the other, and means nothing elsewhere. */
  readonly id: string
  readonly label?: string
  readonly host?: string
  readonly pid?: number
}

export type Mode = 'exclusive' | 'shared' | 'permits' | 'foreign'

/** One name. */
export interface Row {
  readonly name: string
  /** Null: nobody holds it. */
  readonly mode: Mode | null
  /** The first of them. */
  readonly holder: Who | null
  readonly holders: number
  readonly permits?: { readonly limit: number; readonly used: number }
  /** Of the first holder; null: nobody, or another library's, which does not say. */
  readonly heldFor: number | null
  /** What the lease has left; null also where it has no end. */
  readonly remaining: number | null
  /** The longest `remaining` that was seen of this holder: how long the bar of `remaining` is. */
  readonly ttlOf: number | null
  readonly fence: number | null
  /** How many stand in line. */
  readonly waiting: number
  /** How long the longest wait has lasted. */
  readonly longest: number | null
}

export type Sort = 'waiting' | 'held' | 'left' | 'name'

/** One page of the table. */
export interface Locks {
  readonly at: number
  /** Names that match the filter. */
  readonly total: number
  /** Names that are known. */
  readonly names: number
  readonly rows: readonly Row[]
  readonly offset: number
  /** False: names may be lacking yet. */
  readonly complete: boolean
  readonly filter: string
  readonly sort: Sort
  readonly reverse: boolean
  /** Whether names come from the index of a history; false: from a slow SCAN. */
  readonly history: boolean
}

/** One value for each bucket, the oldest first; null: nothing was measured. */
export interface Percentiles {
  readonly p50: readonly (number | null)[]
  readonly p95: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

/** What happened in the last hour, in buckets of `step` ms; the first begins at `from`. */
export interface Series {
  readonly step: number
  readonly from: number
  /** How long calls waited that were granted. */
  readonly wait: Percentiles
  /** How long locks were held that ended. */
  readonly hold: Percentiles
  /** From a release to the grant to the next in line; times of two processes, so a few ms more or less. */
  readonly handover: Percentiles
  /** How many were held, and how many calls waited, at the end of each bucket. */
  readonly held: readonly number[]
  readonly waitingCount: readonly number[]
}

export interface Overview {
  readonly at: number
  readonly prefix: string | null
  /** Names that are held. */
  readonly held: number
  /** Calls that stand in line. */
  readonly waiting: number
  /** Names that somebody waits for. */
  readonly contended: number
  readonly oldest: Row | null
  /** Circles of waits, as they were when last looked for. */
  readonly deadlocks: number
  /** Leases that were lost in the last 24 hours, as far as the history goes back; null without one. */
  readonly lost: number | null
  /** At most 10: those with the most waiters. */
  readonly top: readonly Row[]
  /** Null without a history. */
  readonly series: Series | null
  /** Whether there is a history; without one the page says how to have one. */
  readonly history: boolean
  readonly complete: boolean
}

export type HolderOf = Who & {
  readonly mode: Mode
  readonly heldFor: number | null
  readonly remaining: number | null
  readonly fence: number | null
  readonly permits?: number
}

export type WaiterOf = Who & {
  /** From 1 on. */
  readonly rank: number
  readonly mode: Mode
  readonly waitedFor: number
  readonly permits?: number
}

export type EntryEvent =
  | 'waiting'
  | 'gave-up'
  | 'granted'
  | 'released'
  | 'lost'
  | 'revoked'
  | 'deadlock'
  | 'missed'

/** What happened to a name. */
export interface Entry {
  /** Its place: later ones have larger ones. */
  readonly id: string
  readonly at: number
  readonly event: EntryEvent
  readonly who: Who
  readonly mode?: Mode
  readonly fence?: number
  readonly waited?: number
  readonly held?: number
  /** Why: of `gave-up` and `lost`; of `released` 'unsure' where the lease was over or the server could not be told. */
  readonly reason?: string
  /** Granted by a hand-over, without asking. */
  readonly pushed?: boolean
  /** Granted by another call of its process. */
  readonly local?: boolean
  /** Of `revoked`: who asked, and why. */
  readonly by?: Omit<Who, 'id'> & { readonly reason?: string }
  /** Of `deadlock`: the names of the circle, and whether it was given up. */
  readonly names?: readonly string[]
  readonly broken?: boolean
  /** Of `missed`: how many entries are lacking. */
  readonly count?: number
}

/** `counts[i]` are up to `bounds[i]` and above the bound before; the last of `counts`, one more, above all. */
export interface Histogram {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

export interface LockPage {
  readonly at: number
  readonly row: Row
  /** At most 100; `row.holders` counts all. */
  readonly holders: readonly HolderOf[]
  /** The first 100. */
  readonly line: readonly WaiterOf[]
  readonly waiterCount: number
  /** At most 100, the newest first; null without a history. */
  readonly history: readonly Entry[] | null
  readonly waits: Histogram | null
  readonly holds: Histogram | null
  /** Which of them this viewer may do. */
  readonly actions: readonly Action[]
}

export type Action = 'revoke' | 'force'

export interface GraphNode {
  readonly id: string
  readonly kind: 'lock' | 'who'
  readonly label: string
  /** Of a lock. */
  readonly name?: string
  /** Of a lock: how many stand in line, also those that are not shown. */
  readonly waiting?: number
  /** Of a process. */
  readonly who?: Who
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** A lock is held by a process (lock to who); a process waits for a lock (who to lock). */
  readonly kind: 'holds' | 'waits'
  /** Whether it is part of a circle. */
  readonly deadlock: boolean
}

/** Names that somebody waits for, who holds them and who waits: at most 200 names, the most waited for. */
export interface Graph {
  readonly at: number
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  /** The names of each circle. */
  readonly deadlocks: readonly (readonly string[])[]
  /** False: there are more than are shown. */
  readonly complete: boolean
}

export type ProcessRow = Who & {
  readonly holds: number
  readonly waits: number
  /** At most 10 of the names that it holds or waits for. */
  readonly names: readonly string[]
}

export interface Processes {
  readonly at: number
  readonly processes: readonly ProcessRow[]
  /** Whether there are locks of which so many hold or wait that only the first of them are counted here. */
  readonly partial: boolean
  readonly complete: boolean
}

export interface ElectionRow {
  readonly name: string
  readonly leader: Who | null
  readonly since: number | null
  readonly fence: number | null
  readonly candidates: number
}

/** Of names that were led or stood for as elections, as far as is known, and of the option `elections`. */
export interface Elections {
  readonly at: number
  readonly elections: readonly ElectionRow[]
}

export interface HealthNode {
  readonly name: string
  readonly state: 'up' | 'quarantine' | 'away'
  /** Median round trip. */
  readonly latency: number | null
  readonly run?: string
  /** How far its clock is ahead of this machine's. */
  readonly clock?: number
}

export interface HealthFinding {
  readonly id: string
  readonly severity: 'ok' | 'note' | 'warning' | 'error'
  readonly text: string
  readonly todo?: string
  /** The name of the node; missing: of all together. */
  readonly node?: string
}

export interface Health {
  readonly at: number
  /** When that was found; null: it is being looked for. */
  readonly lookedAt: number | null
  readonly nodes: readonly HealthNode[]
  readonly findings: readonly HealthFinding[]
}

/** What a viewer may look at. */
export interface Pages {
  readonly overview: Overview
  readonly locks: Locks
  readonly lock: LockPage
  readonly graph: Graph
  readonly processes: Processes
  readonly elections: Elections
  readonly health: Health
}

export type PageName = keyof Pages

export interface Search {
  readonly names: readonly string[]
}

/** Redis cannot be asked now: `event: trouble` of the stream. */
export interface Trouble {
  readonly code: string
  readonly message: string
  readonly advice: string
}

/** Every answer that is no success. */
export interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly advice?: string }
}

export interface RevokeRequest {
  readonly name: string
  readonly reason?: string
}

export interface ForceRequest {
  readonly name: string
  /** Free at once, although the holder may still believe in it. */
  readonly now: boolean
  /** The name once more, typed by hand. */
  readonly confirm: string
}

export interface RevokeAnswer {
  readonly asked: number
}

export interface ForceAnswer {
  readonly freed: boolean
  readonly asked: number
  readonly remaining: number | null
}
