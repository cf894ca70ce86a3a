import { Option, type Command } from 'commander'
import { connect } from '../connect.js'
import { EXIT, Exit, usage } from '../exit.js'
import { force } from '../force.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { ownerOf, ownerOption, type OwnerOptions } from '../owner.js'

interface Options extends SharedOptions, OwnerOptions {
  readonly force?: boolean
  readonly now?: boolean
}

export function define(command: Command): void {
  command
    .description(
      "Releases a lock that acquire has taken. Or, with --force, ends somebody else's tenure: its holder is told to " +
        'stop, and the name is free when it has, at the latest when its lease ends. Exits with 124 if it is not held ' +
        'any more, and with 1 where its end cannot be forced.',
    )
    .argument('<name>', 'the name of the lock')
  ownerOption(command)
    .addOption(new Option('--force', 'whoever holds it').conflicts('owner'))
    .option(
      '--now',
      'with --force: free at once, although the holder may still believe in it; only fencing protects then',
    )
  sharedOptions(command).action(release)
}

async function release(name: string, options: Options): Promise<void> {
  if (options.force) return force(name, options)
  if (options.now) throw usage('--now is of --force')
  await releaseOwn(name, options)
}

async function releaseOwn(name: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const owner = ownerOf(name, options)
  await using connection = await connect(options)
  const { released, reason } = await connection.locks.release(name, owner)
  if (reason === 'unavailable') {
    // A release never throws, so that whoever is refused hears why by another question.
    await connection.locks.inspect(name)
    throw new Exit(EXIT.unavailable, 'unavailable', 'the server did not answer', { name, owner })
  }
  if (!released) throw new Exit(EXIT.lost, 'lost', 'it was not held any more', { name, owner })
  // For people no news is good news, as of rm.
  if (output.json) output.one({ name, owner, released }, () => '')
}
