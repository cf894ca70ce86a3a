import type { Command } from 'commander'
import type { Holdfast, LockState } from 'holdfast'
import { connect } from '../connect.js'
import { noteUnlessKept } from '../kept.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import {
  listOptions,
  namesOptions,
  sharedOptions,
  type NamesOptions,
  type SharedOptions,
} from '../options.js'
import { outputOf, type Column } from '../output.js'
import { note } from '../reason.js'
import { heldBy, modeOf, spanOf } from '../shown.js'

interface Options extends SharedOptions, NamesOptions {
  readonly verbose?: boolean
}

export function define(command: Command): void {
  const own = command
    .description(
      'Lists the names that are held now, by a SCAN in small steps. A pattern without a glob is one name, and ' +
        'needs no SCAN.',
    )
    .argument('[pattern]', 'a glob: * ? [ab]', '*')
    .option('-v, --verbose', 'with owner ids and fencing tokens')
  sharedOptions(namesOptions(own, 100_000, 'at most')).action(ls)
}

const COLUMNS: readonly Column<LockState>[] = [
  { head: 'NAME', of: ({ name }) => name, flexible: true },
  { head: 'HELD BY', of: heldBy, shown: true, flexible: true },
  { head: 'MODE', of: ({ holders: [first] }) => first && modeOf(first) },
  { head: 'SINCE', of: ({ holders: [first] }) => spanOf(first?.heldFor ?? null), right: true },
  { head: 'LEFT', of: ({ holders: [first] }) => spanOf(first?.remaining ?? null), right: true },
  { head: 'WAITING', of: ({ waiterCount }) => waiterCount, right: true },
]

const MORE: readonly Column<LockState>[] = [
  { head: 'FENCE', of: ({ holders: [first] }) => first?.fence, right: true },
  { head: 'OWNER', of: ({ holders: [first] }) => first?.owner },
]

async function ls(pattern: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const stop = interruptible()
  await using connection = await unlessAborted(stop.signal, connect(options))
  const rows: LockState[] = []
  let count = 0
  const complete = await all(connection.locks, pattern, options, stop.signal, (state) => {
    count++
    // Rows of JSON come as they are found; columns are as wide as the widest of all.
    if (output.json) output.one(state, () => '')
    else rows.push(state)
  })
  rows.sort((a, b) => (a.name < b.name ? -1 : 1))
  const columns = options.verbose ? [...COLUMNS, ...MORE] : COLUMNS
  if (rows.length > 0) output.table(rows, columns)
  if (!complete) {
    const message = `looked through about ${options.budget} keys, and there are more: see --budget`
    note('incomplete', message, output.json)
  }
  if (count === 0 && options.from === 'index') {
    await noteUnlessKept(connection.locks, output.json, stop.signal)
  }
}

/** Whether it came to the end of all keys. */
async function all(
  locks: Holdfast,
  pattern: string,
  options: NamesOptions,
  signal: AbortSignal,
  found: (state: LockState) => void,
): Promise<boolean> {
  const states = locks.list(pattern, listOptions(options))
  for (;;) {
    // Where few names match, a step may take long.
    const step = await unlessAborted(signal, states.next())
    if (step.done) return step.value.complete
    found(step.value)
  }
}
