import type { Command } from 'commander'
import type { Deadlock } from 'holdfast'
import { connect } from '../connect.js'
import { Silent } from '../exit.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf, type Output } from '../output.js'
import { spanOf, whoOf } from '../shown.js'

export function define(command: Command): void {
  sharedOptions(
    command.description(
      'Finds all who wait in a circle now, and have for a second, among all names of the prefix. Exits with 1 if ' +
        'there are any. Changes nothing.',
    ),
  ).action(deadlocks)
}

async function deadlocks(options: SharedOptions): Promise<void> {
  const output = outputOf(options)
  await using connection = await connect(options)
  const found = await connection.locks.deadlocks()
  if (found.length === 0 && !output.json) output.one({}, () => 'no deadlock')
  for (const deadlock of found) output.one(deadlock, () => textOf(deadlock, output))
  if (found.length > 0) throw new Silent(1)
}

function textOf({ cycle }: Deadlock, output: Output): string {
  const links = cycle.map((link, i) => {
    const { name, waitedFor } = link.waitsFor
    const youngest = i === 0 ? ' (it came last, and is the one that is given up)' : ''
    return `  ${whoOf(link)} holds ${output.name(link.name)} and has waited ${spanOf(waitedFor)} for ${output.name(name)}${youngest}`
  })
  return [`deadlock of ${cycle.length}`, ...links].join('\n')
}
