import type { Command } from 'commander'
import { usage } from '../exit.js'
import { force } from '../force.js'
import { sharedOptions, type SharedOptions } from '../options.js'

interface Options extends SharedOptions {
  readonly force?: boolean
  readonly now?: boolean
}

export function define(command: Command): void {
  sharedOptions(
    command
      .description(
        "Ends somebody else's tenure: its holder is told to stop, and the name is free when it has, at the latest when " +
          'its lease ends. Exits with 1 where that cannot be.',
      )
      .argument('<name>', 'the name of the lock')
      .option('--force', 'whoever holds it')
      .option(
        '--now',
        'free at once, although the holder may still believe in it: only fencing protects then',
      ),
  ).action(release)
}

async function release(name: string, options: Options): Promise<void> {
  if (!options.force) throw usage('whose lock? Give --force')
  await force(name, options)
}
