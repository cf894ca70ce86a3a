import { InvalidArgumentError, Option, type Command } from 'commander'
import type { AcquireOptions, Duration, Holdfast, Lock, LockOptions, PermitOptions } from 'holdfast'
import { usage } from './exit.js'
import { duration, whole } from './options.js'

/** How a lock is wanted: what `run` and `acquire` have in common. */
export interface TakeOptions {
  readonly nonblock?: boolean
  readonly wait?: Duration
  readonly shared?: boolean
  readonly exclusive?: boolean
  readonly permits?: number
  readonly weight?: number
  readonly label?: string
}

const MOST_PERMITS = 1_000_000
const MOST_WEIGHT = 1000

export function takeOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-n, --nonblock', 'one try: do not wait if the lock is taken').conflicts('wait'),
    )
    .option('-s, --shared', 'as a reader, of whom many hold the lock at one time')
    .addOption(
      new Option('-x, --exclusive', 'alone (the default)').conflicts(['shared', 'permits']),
    )
    .addOption(
      new Option('-N, --permits <limit>', 'as one of so many at most: a semaphore')
        .argParser(whole(1, MOST_PERMITS))
        .conflicts('shared'),
    )
    .option(
      '--weight <n>',
      'of a semaphore, how many permits to take (default: 1)',
      whole(1, MOST_WEIGHT),
    )
    .option('--label <text>', 'shown to whoever looks at the lock or waits for it')
}

/** A parser for how long to wait. */
export function patience(value: string): Duration {
  if (value === 'forever') return Infinity
  try {
    return duration(value)
  } catch {
    throw new InvalidArgumentError("It is no duration, such as 30s or 5m, nor 'forever'.")
  }
}

/**
 * Takes the lock in the way that was asked for.
 *
 * @throws what `acquire` of the library throws; Exit (usage)
 */
export function take(
  locks: Holdfast,
  name: string,
  how: TakeOptions,
  lock: LockOptions,
  call: AcquireOptions,
): Promise<Lock> {
  const options = how.label === undefined ? lock : { ...lock, label: how.label }
  const { permits: limit, weight } = how
  if (limit !== undefined) {
    const asked: PermitOptions = weight === undefined ? call : { ...call, permits: weight }
    return locks.semaphore(name, { ...options, limit }).acquire(asked)
  }
  if (weight !== undefined) throw usage('--weight is of a semaphore: give --permits too')
  if (how.shared) return locks.readWrite(name, options).read().acquire(call)
  return locks.mutex(name, options).acquire(call)
}
