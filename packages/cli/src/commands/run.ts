import { Option, type Command } from 'commander'
import { duration, serverOptions, whole } from '../options.js'
import { stopOptions } from '../run/options.js'
import { run } from '../run/run.js'
import { patience, takeOptions } from '../take.js'

const MOST_FD = 1023

export function define(command: Command): void {
  command
    .description(
      'Runs a command while holding a lock, and exits with its code. It is stopped before the lease can end.',
    )
    .argument('<name>', 'what to lock; options of holdfast come before it')
    .argument('[command...]', 'what to run; -- may stand before it')
    .passThroughOptions()
  takeOptions(command)
    .addOption(
      new Option(
        '-w, --wait <duration>',
        "how long to wait in line (30s, 1.5m; a number alone is seconds), or 'forever'",
      )
        .argParser(patience)
        .default(Infinity, 'forever'),
    )
    .addOption(
      new Option('-t, --ttl <duration>', 'the lease; it is renewed until the command ends')
        .argParser(duration)
        .default('30s'),
    )
    .option(
      '--min-hold <duration>',
      'keep the lock from others for so long from its grant on, also if the command ends before',
      duration,
    )
    .option('--max-hold <duration>', 'stop the command after so long', duration)
  stopOptions(command)
    .addOption(
      new Option('--on-lost <what>', 'what to do when the lock is lost, about to be, or asked for')
        .choices(['kill', 'warn', 'ignore'])
        .default('kill'),
    )
    .option('-E, --conflict-exit-code <code>', 'instead of 75 if the lock is taken', whole(0, 255))
    .option('-q, --quiet', 'exit 0 (or -E) without a word if the lock is taken')
    .option('-c, --command <line>', 'a line for /bin/sh, instead of a command')
    .option('-v, --verbose', 'tell on stderr what happens')
    .option('--json', 'the same as one JSON object a line, and so the reason of an exit')
    .option('--json-fd <fd>', 'with --json: where to, instead of stderr', whole(0, MOST_FD))
  serverOptions(command).action(run)
}
