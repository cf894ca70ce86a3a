import { Option, type Command } from 'commander'
import { elect } from '../elect/elect.js'
import { address } from '../elect/http.js'
import { duration, sharedOptions } from '../options.js'
import { stopOptions } from '../run/options.js'

export function define(command: Command): void {
  command
    .description(
      'Stands for election until it is ended, and says who leads. With a command it runs that while it leads: it ' +
        'is stopped before leadership can end, and started again when elected again; when it ends by itself, ' +
        'elect resigns and exits with its code.',
    )
    .argument('<name>', 'of the election')
    .argument('[command...]', 'what to run; -- before it, so that its options are its own')
    .addOption(
      new Option('-t, --ttl <duration>', 'the lease of the leader; it is renewed')
        .argParser(duration)
        .default('15s'),
    )
    .option('--label <text>', 'shown to whoever asks who leads')
    .option(
      '--http <address>',
      'answer /, /leader, /readyz and /healthz: :4040 of this machine only, 0.0.0.0:4040 of any',
      address,
    )
  stopOptions(command).option('-v, --verbose', 'with a command: tell on stderr what happens')
  sharedOptions(command).action(elect)
}
