import { Option, type Command } from 'commander'
import type { Duration } from 'holdfast'
import { connect } from '../connect.js'
import { duration, sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { ownerOf, ownerOption, type OwnerOptions } from '../owner.js'
import { leaseOf } from '../shell.js'

interface Options extends SharedOptions, OwnerOptions {
  readonly ttl: Duration
}

export function define(command: Command): void {
  command
    .description(
      'Prolongs a lock that acquire has taken, and prints the same as acquire. Exits with 124 if it is not held any more.',
    )
    .argument('<name>', 'the name of the lock')
  ownerOption(command).addOption(
    new Option('-t, --ttl <duration>', 'the lease from now on; never a shorter one than it has')
      .argParser(duration)
      .default('30s'),
  )
  sharedOptions(command).action(renew)
}

async function renew(name: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const owner = ownerOf(name, options)
  await using connection = await connect(options)
  const { fence, remaining } = await connection.locks.renew(name, owner, { ttl: options.ttl })
  const { json, text } = leaseOf({
    name,
    prefix: options.prefix,
    owner,
    fence,
    validFor: remaining,
  })
  output.one(json, () => text)
}
