import type { Command } from 'commander'
import type { LockChange } from 'holdfast'
import { connect } from '../connect.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import { looks } from '../looks.js'
import {
  intervalOption,
  listOptions,
  namesOptions,
  sharedOptions,
  type NamesOptions,
  type SharedOptions,
} from '../options.js'
import { outputOf, type Output } from '../output.js'
import { note } from '../reason.js'
import { modeOf, spanOf, whoOf } from '../shown.js'

interface Options extends SharedOptions, NamesOptions {
  readonly interval: number
}

export function define(command: Command): void {
  const own = command
    .description(
      'Prints who comes to hold names and to wait for them, and who goes. It looks again after each interval: what ' +
        'comes and goes in between is not seen, nor whether a lock was released or lost: see history --follow.',
    )
    .argument('[pattern]', 'a glob: * ? [ab]', '*')
  sharedOptions(namesOptions(intervalOption(own), 10_000, 'in each look')).action(watch)
}

async function watch(pattern: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const stop = interruptible()
  await using connection = await unlessAborted(stop.signal, connect(options))
  const watched = connection.locks.watch(pattern, listOptions(options))
  await looks(watched, options.interval, stop.signal, {
    look: ({ changes }) => {
      const at = new Date()
      for (const change of changes) {
        const { kind, name, who } = change
        output.one({ event: kind, at: at.toISOString(), name, ...who }, () =>
          lineOf(change, at, output),
        )
      }
    },
    trouble: (message) => note('unavailable', `${message}; trying again`, output.json),
  })
}

function lineOf({ kind, name, who }: LockChange, at: Date, output: Output): string {
  const time = at.toTimeString().slice(0, 8)
  const held = 'heldFor' in who && who.heldFor !== null ? spanOf(who.heldFor) : ''
  const what = {
    holds: `held by ${whoOf(who)}, ${modeOf(who)}${held && `, for ${held}`}`,
    ended: `no longer held by ${whoOf(who)}${held && `, after about ${held}`}`,
    waits: `waited for by ${whoOf(who)}, ${modeOf(who)}`,
    left: `no longer waited for by ${whoOf(who)}`,
  }[kind]
  return `${time}  ${output.name(name)}  ${what}`
}
