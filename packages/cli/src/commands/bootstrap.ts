import type { Command } from 'commander'
import { connect } from '../connect.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'

export function define(command: Command): void {
  command.description(
    'Of several servers: says that no lease can be alive, so that servers that know nothing grant at once and not ' +
      'after their quarantine. By hand, once, after the first start of all servers and after all of them lost their memory. ' +
      'It does nothing where one of them grants already.',
  )
  sharedOptions(command).action(bootstrap)
}

async function bootstrap(options: SharedOptions): Promise<void> {
  const output = outputOf(options)
  await using connection = await connect(options)
  const ended = await connection.locks.bootstrap()
  output.one({ ended }, () =>
    ended ? 'the quarantine is ended' : 'there was no quarantine to end',
  )
}
