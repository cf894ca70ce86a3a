import { Option, type Command } from 'commander'
import type { Duration, Lock } from 'holdfast'
import { connect } from '../connect.js'
import { interruptible, unlessAborted } from '../interrupt.js'
import { duration, sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { leaseOf } from '../shell.js'
import { patience, take, takeOptions, type TakeOptions } from '../take.js'

interface Options extends SharedOptions, TakeOptions {
  readonly ttl: Duration
}

export function define(command: Command): void {
  command
    .description(
      'Takes a lock and leaves it: it is not renewed, and is free when its lease ends. Prints owner, fence ' +
        'and expiry for a shell to evaluate.',
    )
    .argument('<name>', 'what to lock')
  takeOptions(command)
    .addOption(
      new Option('-t, --ttl <duration>', 'the lease').argParser(duration).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '-w, --wait <duration>',
        "how long to wait in line, or 'forever' (default: one try)",
      ).argParser(patience),
    )
  sharedOptions(command).action(acquire)
}

async function acquire(name: string, options: Options): Promise<void> {
  const output = outputOf(options)
  const stop = interruptible()
  await using connection = await unlessAborted(stop.signal, connect(options))
  const { locks } = connection
  const call = { wait: options.nonblock ? 0 : (options.wait ?? 0), signal: stop.signal }
  const lock = await take(locks, name, options, { ttl: options.ttl }, call)
  const validFor = await leave(lock)
  const { owner, fence } = lock
  const { json, text } = leaseOf({ name, prefix: options.prefix, owner, fence, validFor })
  try {
    output.one(json, () => text)
  } catch (error) {
    // Nobody has heard the owner id, so that nobody else could release it.
    await locks.release(name, owner)
    throw error
  }
}

/** Ends our part in it, with the whole lease before it. @returns what is left of it, ms */
async function leave(lock: Lock): Promise<number> {
  try {
    // A lock that was waited for has a short lease first.
    await lock.verify()
    const validFor = Math.floor(lock.validFor)
    await lock.handOver()
    return validFor
  } catch (error) {
    await lock.release()
    throw error
  }
}
