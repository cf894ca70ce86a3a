// @ts-check
// A history: what clients did, believed and were told, as events in the order of one clock. The
// simulator writes it into an array, processes on real servers into files of JSON lines.
import { readFileSync } from 'node:fs'

/**
 * @typedef {'x' | 's' | 'p'} Mode exclusive, shared, permits
 *
 * @typedef {object} Event one line. Every event has the first three; which others, the kind says.
 *
 * - `invoke` (call, op, limit, grace, must): a call of a client begins. `limit`: ms by which it is to come to its
 *   end, `grace`: those that it may then take for it; `must`: it has to succeed, because all is well.
 * - `return` (call, ok, error, asks, lease): it settled. `error`: the code; `asks`: how often it asked the
 *   server for the name, `lease`: the ttl.
 * - `granted` (call, name, mode, owner, token, until, and of permits weight and limit): a client has a
 *   lock, and believes in it `until`. `now`: the server's time then, the latest of several.
 * - `held` (owner, until): it was renewed, or looked, and believes `until` now, later or earlier. Every renewal
 *   has to be there.
 *   Both may carry `ends`: when the lease ends on the servers (on a majority), where somebody can see that.
 * - `ended` (owner, how): it believes no more. `how`: 'released' when it begins to release (or hands over, or
 *   goes on as a reader), 'lost' when it was told or noticed.
 * - `told` (owner): the listener of the signal ran; every loss has to have one.
 * - `queued` (call): it stands in the server's line.
 * - `write` (name, owner, token, accepted): a guarded resource got a write, in the order of these events.
 * - `stopped`, `resumed`: the process of this client does not run; `asleep`: nor do its timers. `exit`: it
 *   has ended.
 * - `forgot` (name or none, to, why): from `mono` `to` then something happened against which exclusion is
 *   not promised (design, I1): whoever had the lock then, or was about to, is not protected.
 * - `fault` (what): for who reads it. `healed`: from now on all is well.
 * - `left` (what): found at the very end, and should not be there.
 *
 * @property {number} mono ms, by a clock that all share
 * @property {string} kind
 * @property {string} client
 * @property {number | string} [call]
 * @property {string} [op]
 * @property {number} [limit]
 * @property {number} [grace]
 * @property {boolean} [must]
 * @property {boolean} [ok]
 * @property {string} [error]
 * @property {number} [asks]
 * @property {number} [lease]
 * @property {string} [name]
 * @property {Mode} [mode]
 * @property {string} [owner]
 * @property {number} [token]
 * @property {number} [until]
 * @property {number} [ends]
 * @property {number} [weight]
 * @property {number} [now] server time, microseconds
 * @property {string} [how]
 * @property {string} [reason]
 * @property {boolean} [accepted]
 * @property {number} [to]
 * @property {string} [why]
 * @property {string} [what]
 * @property {boolean} [asleep]
 *
 * @typedef {object} Tenure one grant, and for how long its client believed in it
 * @property {string} client
 * @property {string} name
 * @property {Mode} mode
 * @property {number} weight
 * @property {number} limit
 * @property {string} owner
 * @property {number} token
 * @property {number | undefined} now
 * @property {number} asked when its call began
 * @property {number} first when the call began that was granted this owner id first, and that handed it on
 * @property {number} from when the client had it
 * @property {number} end when it believed in it no more, whether or not it looked
 * @property {number} until what it believed last, if nothing had ended it before
 * @property {number} since when it began to believe that
 * @property {Event | null} beyond when it first believed in more than the servers' lease
 * @property {string | null} how
 * @property {number} endedAt
 * @property {number} told when the signal's listener ran; Infinity: never
 * @property {number} revived when it was believed in again after its end; Infinity: never
 *
 * @typedef {object} Call
 * @property {Event} invoke
 * @property {Event | null} settled
 * @property {number} queued when it stood in line; Infinity: never
 * @property {Tenure[]} tenures
 *
 * @typedef {{ from: number, to: number, asleep: boolean }} Stop when a client did not run
 *
 * @typedef {object} History
 * @property {readonly Event[]} events
 * @property {readonly Tenure[]} tenures
 * @property {ReadonlyMap<string, readonly Tenure[]>} names the tenures of each name
 * @property {readonly Call[]} calls
 * @property {ReadonlyMap<string, readonly Stop[]>} stops
 * @property {ReadonlyMap<string, number>} exits
 * @property {readonly Event[]} forgot
 * @property {number} end of the history
 *
 * @typedef {object} Violation
 * @property {string} invariant
 * @property {number} mono when
 * @property {string} text a sentence for whoever has to find the cause
 */

/**
 * Events of several files of JSON lines, in their common order. A last line that was cut off (its
 * process was killed) is left out.
 *
 * @param {readonly string[]} files
 * @returns {Event[]}
 */
export function readHistory(files) {
  const events = files.flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n')
    const cut = lines.pop()
    if (cut !== '') lines.push(...whole(cut ?? ''))
    return lines
      .filter((line) => line !== '')
      .map((line) => /** @type {Event} */ (JSON.parse(line)))
  })
  return events.sort((a, b) => a.mono - b.mono)
}

/** @param {string} line */
function whole(line) {
  try {
    JSON.parse(line)
    return [line]
  } catch {
    return []
  }
}

/**
 * Puts together what belongs together.
 *
 * @param {readonly Event[]} events in order of time
 * @returns {History}
 */
export function understand(events) {
  /** @type {Map<string, Call>} */
  const calls = new Map()
  /** @type {Map<string, Tenure>} */
  const open = new Map()
  /** @type {Tenure[]} */
  const tenures = []
  /** @type {Map<string, Stop[]>} */
  const stops = new Map()
  /** @type {Map<string, number>} */
  const exits = new Map()
  /** @type {(event: Event) => string} */
  const id = ({ client, call }) => `${client} ${call}`

  for (const event of events) {
    const { kind, mono, client, owner = '' } = event
    const tenure = open.get(owner)
    if (kind === 'invoke') {
      calls.set(id(event), { invoke: event, settled: null, queued: Infinity, tenures: [] })
    } else if (kind === 'return') {
      const call = calls.get(id(event))
      if (call) call.settled ??= event
    } else if (kind === 'queued') {
      const call = calls.get(id(event))
      if (call) call.queued = Math.min(call.queued, mono)
    } else if (kind === 'granted') {
      const call = calls.get(id(event))
      const asked = call?.invoke.mono ?? mono
      const granted = tenureOf(event, asked, Math.min(asked, tenure?.first ?? asked))
      call?.tenures.push(granted)
      overstate(granted, event)
      open.set(owner, granted)
      tenures.push(granted)
    } else if (kind === 'held' && tenure) {
      // Lost is for good: every renewal is an event, so nothing can have made it longer unseen.
      const slept = unnoticed(stops.get(client) ?? [], tenure.since)
      if (tenure.how !== null || mono > tenure.until + 1 + slept) {
        tenure.revived = Math.min(tenure.revived, mono)
      } else {
        tenure.until = event.until ?? mono
        tenure.since = mono
        tenure.end = tenure.until
        overstate(tenure, event)
      }
    } else if (kind === 'ended' && tenure) {
      tenure.how ??= event.how ?? 'released'
      tenure.endedAt = Math.min(tenure.endedAt, mono)
      tenure.end = Math.min(tenure.end, mono)
    } else if (kind === 'told' && tenure) {
      tenure.told = Math.min(tenure.told, mono)
    } else if (kind === 'stopped') {
      const all = stops.get(client) ?? []
      stops.set(client, all)
      all.push({ from: mono, to: Infinity, asleep: event.asleep ?? false })
    } else if (kind === 'resumed') {
      const last = stops.get(client)?.at(-1)
      if (last) last.to = Math.min(last.to, mono)
    } else if (kind === 'exit') {
      exits.set(client, mono)
      for (const one of open.values()) {
        if (one.client !== client || one.how !== null) continue
        one.how = 'exit'
        one.endedAt = mono
        one.end = Math.min(one.end, mono)
      }
    }
  }
  /** @type {Map<string, Tenure[]>} */
  const names = new Map()
  for (const tenure of tenures) {
    const all = names.get(tenure.name) ?? []
    names.set(tenure.name, all)
    all.push(tenure)
  }
  const forgot = events.filter(({ kind }) => kind === 'forgot')
  const end = events.at(-1)?.mono ?? 0
  return { events, tenures, names, calls: [...calls.values()], stops, exits, forgot, end }
}

// A sleep that is shorter is not told from a slow clock; a lease is given up a longer margin before its end.
const SHORT_MS = 20

/**
 * How long a client has slept without noticing it since a moment, ms.
 *
 * @param {readonly Stop[]} stops
 * @param {number} since
 */
function unnoticed(stops, since) {
  const short = stops.filter(
    ({ from, to, asleep }) => asleep && from >= since && to - from <= SHORT_MS,
  )
  return short.reduce((sum, { from, to }) => sum + to - from, 0)
}

/**
 * @param {Event} event
 * @param {number} asked
 * @param {number} first
 * @returns {Tenure}
 */
function tenureOf(event, asked, first) {
  const { client, name, mode, weight, limit, owner, token, until, now, mono } = event
  return {
    client,
    name: name ?? '',
    mode: mode ?? 'x',
    weight: weight ?? 1,
    limit: limit ?? 1,
    owner: owner ?? '',
    token: token ?? NaN,
    now,
    asked,
    first,
    from: mono,
    end: until ?? mono,
    until: until ?? mono,
    since: mono,
    beyond: null,
    how: null,
    endedAt: Infinity,
    told: Infinity,
    revived: Infinity,
  }
}

/**
 * Does this claim more than the servers' lease proves? Its clock may be read in between.
 *
 * @param {Tenure} tenure
 * @param {Event} event
 */
function overstate(tenure, event) {
  const { until = -Infinity, ends = Infinity, mono } = event
  if (until > mono && until > ends + 1) tenure.beyond ??= event
}

/** @param {number} mono */
export const time = (mono) => `${mono.toFixed(1)} ms`

/** @param {Tenure} tenure */
export function describe({ client, mode, weight, limit, owner, token, from, end, how }) {
  const kind = { x: 'exclusively', s: 'shared', p: `with ${weight} of ${limit} permits` }[mode]
  const ended = how === null ? '' : `, ${how}`
  return `${client} (${kind}, token ${token}, from ${time(from)} to ${time(end)}${ended}, owner ${owner})`
}

/**
 * When a client can have done what was due at that moment: it may have been stopped, and ended then. A timer
 * that was set before a sleep comes later by as much.
 *
 * @param {History} history
 * @param {string} client
 * @param {number} set
 * @param {number} due
 * @param {boolean} [steps] of something that takes several steps, each with a time limit of its own: what is
 *   left of them begins anew when the process goes on
 */
export function soonest({ stops, exits }, client, set, due, steps = false) {
  let at = due
  for (const { from, to, asleep } of stops.get(client) ?? []) {
    if (from > at || to <= set) continue
    if (asleep || steps) at += to - Math.max(from, set)
    else if (at < to) at = to
  }
  return (exits.get(client) ?? Infinity) <= at ? Infinity : at
}
