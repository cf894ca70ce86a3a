import type { Command } from 'commander'
import { connect } from '../connect.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { plain } from '../text.js'

interface Options extends SharedOptions {
  readonly reason?: string
  readonly label?: string
}

export function define(command: Command): void {
  sharedOptions(
    command
      .description(
        'Asks whoever holds a name to let go: `lock.revoked` aborts there. It holds on until it releases; see ' +
          'release --force for one who does not.',
      )
      .argument('<name>', 'the name of the lock')
      .option('--reason <text>', 'told to the holder, at most 256 characters')
      .option('--label <text>', 'who asks, told to the holder too'),
  ).action(revoke)
}

async function revoke(name: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const { label, reason } = options
  await using connection = await connect(options, label === undefined ? {} : { label })
  const { asked } = await connection.locks.revoke(name, { reason })
  output.one({ name, asked }, () =>
    asked === 0
      ? `nobody who can be asked holds ${plain(name)}`
      : `asked ${asked === 1 ? 'the holder' : `${asked} holders`} of ${plain(name)} to let go`,
  )
}
