import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Duration, HoldfastOptions, ListOptions } from 'holdfast'
import { usage } from './exit.js'

/** What every command that asks a server takes. */
export interface ServerOptions {
  readonly url?: readonly string[]
  readonly cluster?: boolean
  readonly sentinel?: string
  readonly prefix: string
  readonly strictFailover?: boolean
  readonly quarantine?: Duration
  readonly epoch?: number
}

/** What every command takes that prints something. */
export interface OutputOptions {
  readonly json?: boolean
  /** False with `--no-color`. */
  readonly color: boolean
}

export type SharedOptions = ServerOptions & OutputOptions

/** Adds the options of all commands that ask a server and print what it says. */
export function sharedOptions(command: Command): Command {
  return outputOptions(serverOptions(command))
}

/** Adds where the server is. */
export function serverOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--url <url>',
        'a server: redis://[user:password@]host:port[/db] or rediss://; several times for a quorum. ' +
          'Default: REDIS_URL, where commas part several',
      ).argParser(several),
    )
    .addOption(
      new Option(
        '--cluster',
        'the servers are of one Cluster, and the others of it are found by them',
      ).conflicts('sentinel'),
    )
    .option(
      '--sentinel <primary>',
      'the servers are Sentinels (port 26379), which know where the primary of this name is; ' +
        'their own password is in HOLDFAST_SENTINEL_PASSWORD',
    )
    .addOption(
      new Option('--prefix <prefix>', 'what is put before a name to make its key')
        .env('HOLDFAST_PREFIX')
        .default('lock:'),
    )
    .option(
      '--strict-failover',
      'the programs have strictFailover: of one primary with replicas. Default: whether HOLDFAST_STRICT_FAILOVER is 1',
    )
    .addOption(
      new Option(
        '--quarantine <duration>',
        'the quarantine of the programs, if they have one: of several servers, or with --strict-failover',
      )
        .argParser(duration)
        .env('HOLDFAST_QUARANTINE'),
    )
    .addOption(
      new Option(
        '--epoch <n>',
        'the epoch of the programs, if they have one; a larger one shuts them out',
      )
        .argParser(whole(0, Number.MAX_SAFE_INTEGER))
        .env('HOLDFAST_EPOCH'),
    )
}

function outputOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object a line (NDJSON)')
    .option('--no-color', 'print without colours; so does NO_COLOR in the environment')
}

const several = (value: string, before: readonly string[] = []): string[] => [...before, value]

/** Only where a URL begins: a password may have a comma. */
const BETWEEN_URLS = /\s*,\s*(?=rediss?:\/\/)/

/**
 * The servers that are meant. None is guessed: a machine that happens to run a server of its own would
 * lock against nobody.
 *
 * @throws Exit (usage)
 */
export function urlsOf({ url }: ServerOptions): readonly string[] {
  const { REDIS_URL = '' } = process.env
  const urls = url ?? REDIS_URL.trim().split(BETWEEN_URLS).filter(Boolean)
  if (urls.length === 0) throw usage('no server was given: use --url or set REDIS_URL')
  for (const given of urls) {
    if (!/^rediss?:\/\//.test(given) || !URL.canParse(given)) {
      throw usage(
        `not a URL of a server, such as redis://127.0.0.1:6379: ${withoutPassword(given)}`,
      )
    }
  }
  return urls
}

/** What all who use the same names have to have alike, as the library takes it. */
export type Guarding = Pick<HoldfastOptions, 'strictFailover' | 'quarantine' | 'epoch'>

/**
 * How servers that forgot are guarded against, as the programs do it.
 *
 * @throws Exit (usage) where the library would refuse it, before anything is connected
 */
export function guardingOf(options: ServerOptions): Guarding {
  const { HOLDFAST_STRICT_FAILOVER: strict = '0' } = process.env
  if (!/^[01]$/.test(strict)) {
    throw usage(`HOLDFAST_STRICT_FAILOVER is 1 or 0, and not ${JSON.stringify(strict)}`)
  }
  const { quarantine, epoch, strictFailover = strict === '1' } = options
  const { cluster = false, sentinel } = options
  const several = urlsOf(options).length > 1 && !cluster && sentinel === undefined
  if (strictFailover && (several || cluster)) {
    const what = cluster ? 'a Cluster' : 'several servers, each of which waits anyway'
    throw usage(
      `--strict-failover (HOLDFAST_STRICT_FAILOVER) is of one primary with replicas, and not of ${what}`,
    )
  }
  for (const [name, given] of Object.entries({ quarantine, epoch })) {
    if (given === undefined || several || strictFailover) continue
    throw usage(
      `--${name} (HOLDFAST_${name.toUpperCase()}) is of several servers, or of --strict-failover`,
    )
  }
  return { strictFailover, quarantine, epoch }
}

/** For messages. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/)[^@]*@/, '$1***@')
}

/** A parser for durations: `500ms`, `10s`, `1.5m`, `2h`; a number alone is seconds, as of `sleep` and `flock`. */
export function duration(value: string): Duration {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value) ?? []
  if (number === undefined) {
    throw new InvalidArgumentError('It is no duration, such as 30s, 1.5m or 500ms.')
  }
  return `${number}${unit}` as Duration
}

/** A parser for whole numbers. */
export function whole(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It is no whole number from ${least} to ${most}.`)
  }
}

/** Where names are looked for, and how far. */
export interface NamesOptions {
  /** Keys of each server; 0: all. */
  readonly budget: number
  readonly from: 'scan' | 'index'
}

/** Adds the options of commands that look for names. */
export function namesOptions(command: Command, budget: number, each: string): Command {
  return command
    .option(
      '--budget <keys>',
      `look through so many keys of each server ${each}, 0: all`,
      whole(0, 1_000_000_000),
      budget,
    )
    .addOption(
      new Option(
        '--from <where>',
        'where names are looked for: among all keys, or in the index that programs with a history keep',
      )
        .choices(['scan', 'index'])
        .default('scan'),
    )
}

/** The same, as the library takes them. */
export function listOptions({ budget, from }: NamesOptions): ListOptions {
  return { budget: budget || Infinity, from }
}

/** Adds the time between two looks, in ms. */
export function intervalOption(command: Command): Command {
  return command.addOption(
    new Option('--interval <duration>', 'between two looks, at least 100ms')
      .argParser(interval)
      .default(1000, '1s'),
  )
}

function interval(value: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(value) ?? []
  const ms = Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']
  if (number !== '' && ms >= 100 && ms <= 3_600_000) return ms
  throw new InvalidArgumentError('It is no duration from 100ms to 60m.')
}
