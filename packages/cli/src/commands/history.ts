import type { Command } from 'commander'
import type { HistoryEntry, Holdfast } from 'holdfast'
import { connect } from '../connect.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import { intervalOption, sharedOptions, whole, type SharedOptions } from '../options.js'
import { outputOf, type Output } from '../output.js'
import { noteNotKept, noteUnlessKept } from '../kept.js'
import { note } from '../reason.js'
import { spanOf, whoOf } from '../shown.js'
import { plain } from '../text.js'

/** Of a name without a stream of its own, each looks through 10,000 entries of the prefix. */
const MOST_PAGES = 10

interface Options extends SharedOptions {
  readonly limit: number
  readonly before?: string
  readonly follow?: boolean
  readonly interval: number
}

export function define(command: Command): void {
  const own = command
    .description(
      'Prints what happened to a name, or to all of the prefix, oldest first: who waited, was granted, released and ' +
        'lost it. There is a history where the programs ask for one (option `history`).',
    )
    .argument('[name]', 'the name of a lock (default: whatever is in the history of the prefix)')
    .option('-n, --limit <entries>', 'at most so many, the latest', whole(1, 1000), 100)
    .option('--before <id>', 'only what was written before this entry (its id: see --json)')
    .option('-f, --follow', 'go on with what happens from then on')
  sharedOptions(intervalOption(own)).action(history)
}

async function history(name: string | undefined, options: Options): Promise<void> {
  const output = outputOf(options)
  const stop = interruptible()
  await using connection = await unlessAborted(stop.signal, connect(options))
  const { locks } = connection
  const { entries, next } = await latest(locks, name, options, stop.signal)
  const print = (entry: HistoryEntry): void =>
    output.one(flat(entry), () => lineOf(entry, name === undefined, output))
  entries.toReversed().forEach(print)
  if (next !== null && entries.length < options.limit) {
    const message = `there may be more: --before ${next} looks on from where this ended`
    note('incomplete', message, output.json)
  }
  const { signal } = stop
  if (entries.length === 0 && options.before === undefined) {
    if (name === undefined) noteNotKept(locks, output.json)
    else await noteUnlessKept(locks, output.json, signal)
  }
  if (!options.follow) return
  const after = entries[0]?.id ?? '0-0'
  const following = locks.follow(name, { after, every: options.interval, signal })
  for await (const entry of following) print(entry)
  signal.throwIfAborted()
}

/** The latest entries, newest first; and where to go on. */
async function latest(
  locks: Holdfast,
  name: string | undefined,
  { limit, before }: Options,
  signal: AbortSignal,
): Promise<{ readonly entries: readonly HistoryEntry[]; readonly next: string | null }> {
  const entries: HistoryEntry[] = []
  let next: string | null | undefined = before
  for (let pages = 0; pages < MOST_PAGES && next !== null && entries.length < limit; pages++) {
    const page = await locks.history(name, {
      limit: limit - entries.length,
      signal,
      ...(next === undefined ? {} : { before: next }),
    })
    entries.push(...page.entries)
    next = page.next
  }
  return { entries, next: next ?? null }
}

/** As an object for a line: who it is as of `watch`, and the time in letters. */
function flat({ who, at, ...entry }: HistoryEntry): object {
  return { ...entry, at: new Date(at).toISOString(), ...who }
}

function lineOf(entry: HistoryEntry, withName: boolean, output: Output): string {
  const time = new Date(entry.at).toISOString().replace('T', ' ').slice(0, 19)
  const name = withName && entry.event !== 'missed' ? `${output.name(entry.name)}  ` : ''
  return `${time}  ${name}${whatOf(entry, output)}`
}

function whatOf(entry: HistoryEntry, output: Output): string {
  const who = whoOf(entry.who)
  switch (entry.event) {
    case 'waiting':
      return `waited for by ${who}`
    case 'gave-up':
      return `given up by ${who} after ${spanOf(entry.waited)}: ${plain(entry.reason)}`
    case 'granted': {
      const how = entry.pushed ? ', by a hand-over' : entry.local ? ', from its own process' : ''
      return `granted to ${who} after ${spanOf(entry.waited)}${how}, ${entry.mode}, fence ${entry.fence}`
    }
    case 'released':
      return `released by ${who} after ${spanOf(entry.held)}${entry.released ? '' : ', too late or untold'}`
    case 'lost':
      return `lost by ${who} after ${spanOf(entry.held)}: ${plain(entry.reason)}`
    case 'revoked': {
      const { reason, ...by } = entry.by
      return `${who} was asked to let go by ${Object.keys(by).length > 0 ? whoOf(by) : 'somebody'}${reason === undefined ? '' : `: ${plain(reason)}`}`
    }
    case 'deadlock':
      return `${who} waits in a circle with ${entry.names.map((name) => output.name(name)).join(', ')}${entry.broken ? ', and gives up' : ''}`
    case 'missed':
      return `${entry.count} entries of ${who} are lacking here`
  }
}
