import type { Deadlock } from 'holdfast'
import { graphOf, MOST_NAMES } from './graph.js'
import { freeState, type Known } from './known.js'
import type { Health, Pages, ProcessRow, Who } from './model.js'
import type { Settings } from './options.js'
import type { Past } from './past.js'
import type { People } from './people.js'
import type { View } from './views.js'

const TOP = 10
const MOST_ELECTIONS = 500

/** All that a page is made of. */
export interface Facts {
  readonly known: Known
  readonly past: Past
  readonly people: People
  readonly settings: Settings
  readonly prefix: string
  /** By this machine's clock. */
  readonly now: number
  /** What the server's clock is ahead of it. */
  readonly ahead: number
  /** Whether all names have been seen. */
  readonly complete: boolean
  readonly indexed: boolean
  readonly deadlocks: readonly Deadlock[]
  readonly health: Omit<Health, 'at'> | null
}

/** The names whose state the page shows. */
export function namesOf(view: View, facts: Facts): string[] {
  const { known, now } = facts
  const names = (seen: readonly { state: { name: string } }[]): string[] =>
    seen.map(({ state }) => state.name)
  switch (view.page) {
    case 'overview': {
      const oldest = known.oldest(now)
      return [...names(known.contended(TOP).seen), ...(oldest ? [oldest.state.name] : [])]
    }
    case 'locks':
      return names(known.page(view, now).seen)
    case 'lock':
      return [view.name]
    case 'graph':
      return names(known.contended(MOST_NAMES).seen)
    case 'elections':
      return electionsOf(facts)
    case 'processes':
    case 'health':
      return []
  }
}

export function pageOf(view: View, facts: Facts): Pages[View['page']] {
  const { known, people, now, ahead, complete } = facts
  const at = Math.round(now + ahead)
  switch (view.page) {
    case 'overview':
      return overview(facts, at)
    case 'locks': {
      const { seen, total } = known.page(view, now)
      const { offset, filter, sort, reverse } = view
      const rows = seen.map((one) => known.row(one, now))
      const what = { offset, filter, sort, reverse, history: facts.indexed }
      return { at, total, names: known.size, rows, complete, ...what }
    }
    case 'lock':
      return lock(view.name, facts, at)
    case 'graph': {
      const { seen, total } = known.contended(MOST_NAMES)
      const states = seen.map(({ state }) => state)
      return graphOf(states, facts.deadlocks, people, at, complete && total <= MOST_NAMES)
    }
    case 'processes':
      return { at, ...processes(facts), complete }
    case 'elections': {
      const rows = electionsOf(facts).map((name) => {
        const seen = known.seen(name)
        const row = seen && known.row(seen, now)
        const since = row?.heldFor == null ? null : Math.round(at - row.heldFor)
        return {
          name,
          leader: row?.holder ?? null,
          since,
          fence: row?.fence ?? null,
          candidates: row?.waiting ?? 0,
        }
      })
      return { at, elections: rows }
    }
    case 'health':
      return { at, ...(facts.health ?? { lookedAt: null, nodes: [], findings: [] }) }
  }
}

/** Those that are named, and behind them those of which a leader, a candidate or the history says so. */
function electionsOf({ known, past, settings }: Facts): string[] {
  const begins = settings.elections.flatMap((one) => (one.endsWith('*') ? [one.slice(0, -1)] : []))
  const found = past.elections()
  for (const { state } of known.all()) {
    const { name, holders, waiters } = state
    const said = [...holders, ...waiters].some(({ election }) => election)
    if (said || begins.some((begin) => name.startsWith(begin))) found.add(name)
  }
  const named = settings.elections.filter((one) => !one.endsWith('*'))
  return [...new Set([...named, ...[...found].toSorted()])].slice(0, MOST_ELECTIONS)
}

function overview(
  { known, past, prefix, now, indexed, complete, deadlocks }: Facts,
  at: number,
): Pages['overview'] {
  let held = 0
  let waiting = 0
  const holding: number[] = []
  const standing: number[] = []
  for (const { state, at: seenAt } of known.all()) {
    if (state.holderCount > 0) held++
    waiting += state.waiterCount
    for (const { heldFor } of state.holders)
      if (heldFor !== null) holding.push(heldFor + now - seenAt)
    for (const { waitedFor } of state.waiters) standing.push(waitedFor + now - seenAt)
  }
  const { seen, total } = known.contended(TOP)
  const oldest = known.oldest(now)
  return {
    at,
    prefix,
    held,
    waiting,
    contended: total,
    oldest: oldest && known.row(oldest, now),
    deadlocks: deadlocks.length,
    lost: past.lost(at),
    top: seen.map((one) => known.row(one, now)),
    series: past.series(at, holding, standing),
    history: indexed,
    complete,
  }
}

function lock(
  name: string,
  { known, past, people, settings, now }: Facts,
  at: number,
): Pages['lock'] {
  const seen = known.seen(name) ?? { state: freeState(name), at: now, ttl: null, text: '' }
  const { holders, waiters, waiterCount } = seen.state
  const age = now - seen.at
  const told = past.page(name)
  return {
    at,
    row: known.row(seen, now),
    holders: holders.map((holder) => {
      const { mode, heldFor, remaining, fence, permits } = holder
      return {
        ...people.who(holder),
        mode,
        heldFor: heldFor === null ? null : heldFor + age,
        remaining: remaining === null ? null : Math.max(0, remaining - age),
        fence,
        ...(permits === undefined ? {} : { permits }),
      }
    }),
    line: waiters.map((waiter, i) => {
      const { mode, waitedFor, permits } = waiter
      return {
        ...people.who(waiter),
        rank: i + 1,
        mode,
        waitedFor: waitedFor + age,
        ...(permits === undefined ? {} : { permits }),
      }
    }),
    waiterCount,
    history: told?.history ?? null,
    waits: told?.waits ?? null,
    holds: told?.holds ?? null,
    actions: settings.actions,
  }
}

const MOST_PROCESSES = 1000
const MOST_OF_A_PROCESS = 10

function processes({ known, people }: Facts): { processes: ProcessRow[]; partial: boolean } {
  let partial = false
  const found = new Map<string, { who: Who; holds: number; waits: number; names: Set<string> }>()
  const of = (
    info: Parameters<People['who']>[0],
    name: string,
  ): { holds: number; waits: number } => {
    const who = people.who(info)
    let one = found.get(who.id)
    if (!one) found.set(who.id, (one = { who, holds: 0, waits: 0, names: new Set() }))
    if (one.names.size < MOST_OF_A_PROCESS) one.names.add(name)
    return one
  }
  for (const { state } of known.all()) {
    partial ||= state.holderCount > state.holders.length || state.waiterCount > state.waiters.length
    for (const holder of state.holders) of(holder, state.name).holds++
    for (const waiter of state.waiters) of(waiter, state.name).waits++
  }
  const rows = [...found.values()].map(({ who, holds, waits, names }) => ({
    ...who,
    holds,
    waits,
    names: [...names],
  }))
  rows.sort((a, b) => b.holds + b.waits - a.holds - a.waits || (a.id < b.id ? -1 : 1))
  return { processes: rows.slice(0, MOST_PROCESSES), partial }
}
