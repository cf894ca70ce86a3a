import { constants } from 'node:os'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { duration } from '../options.js'
import { DEFAULT_GRACE } from './plan.js'

/** How a command is stopped before the lease can end. */
export function stopOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-g, --grace <duration>',
        'between the first signal and SIGKILL; cut to a little less than half of --ttl',
      )
        .argParser(duration)
        .default(DEFAULT_GRACE),
    )
    .addOption(
      new Option('--signal <name>', 'the first signal')
        .argParser(signal)
        .default('SIGTERM', 'TERM'),
    )
}

function signal(value: string): NodeJS.Signals {
  const name = value.toUpperCase().replace(/^(SIG)?/, 'SIG')
  if (Object.hasOwn(constants.signals, name)) return name as NodeJS.Signals
  throw new InvalidArgumentError('It is no signal, such as TERM or INT.')
}
