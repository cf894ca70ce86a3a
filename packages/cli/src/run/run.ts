import { subscribe } from 'node:diagnostics_channel'
import { isatty } from 'node:tty'
import type { Duration, HoldfastEvents, Lock, LockOptions } from 'holdfast'
import { connect } from '../connect.js'
import { EXIT, Exit, exitOf, Silent, usage, type Facts } from '../exit.js'
import { codeOf, unlessAborted } from '../interrupt.js'
import type { ServerOptions } from '../options.js'
import { take, type TakeOptions } from '../take.js'
import { startChild, type Child, type Ended } from './child.js'
import { environmentOf } from './environment.js'
import { Guard, lossOf, type OnLost, type Stop } from './guard.js'
import { refuseNested } from './nested.js'
import { DEFAULT_GRACE, milliseconds, planOf } from './plan.js'
import { Signals } from './signals.js'
import { tellerOf } from './teller.js'

export interface RunOptions extends ServerOptions, TakeOptions {
  readonly ttl: Duration
  readonly minHold?: Duration
  readonly maxHold?: Duration
  readonly grace: Duration
  readonly signal: NodeJS.Signals
  readonly onLost: OnLost
  readonly conflictExitCode?: number
  readonly quiet?: boolean
  readonly command?: string
  readonly json?: boolean
  readonly jsonFd?: number
  readonly verbose?: boolean
}

/** Runs a command while holding a lock, and ends as it did. @throws Exit, Silent */
export async function run(name: string, words: string[], options: RunOptions): Promise<void> {
  const argv = commandOf(words, options.command)
  const teller = tellerOf(options)
  const signals = new Signals()
  const max = options.maxHold === undefined ? Infinity : milliseconds(options.maxHold)
  // As of the library: the command would be stopped before it began.
  if (max < 1) throw usage(`--max-hold is at least 1ms, and not ${options.maxHold}`)
  const plan = planOf(milliseconds(options.ttl), milliseconds(options.grace), max)
  if (plan.cutFrom !== null) {
    const facts = { graceMs: plan.grace, askedMs: plan.cutFrom, ttlMs: plan.ttl }
    // The default is meant for the default.
    const loud = options.grace === DEFAULT_GRACE ? 'tell' : 'warn'
    teller[loud]('grace-cut', { ...facts, msg: 'the grace is cut: the ttl is too short for it' })
  }
  // What is forced stays ours until the command has ended, unless that does not go by the lock.
  const forced = options.onLost === 'kill' ? 'keep' : 'release'
  await using connection = await unlessAborted(signals.waiting, connect(options, { forced }))
  const { locks } = connection
  await refuseNested(locks, options.prefix, name)
  const asked = performance.now()
  subscribe('holdfast:queued', (message) => {
    const { rank } = message as HoldfastEvents['holdfast:queued']
    teller.tell('waiting', { name, rank })
  })
  const lock = await acquire()
  const owner = { name, fence: String(lock.fence), owner: lock.owner }
  const child = await start().catch(async (error: unknown) => {
    // Nothing has run that --min-hold would be for.
    await locks.release(name, lock.owner)
    throw error
  })
  teller.tell('started', { pid: child.pid, command: argv[0] })
  const { onLost, signal } = options
  const { ended, stop } = await new Guard({ lock, child, plan, onLost, signal, teller }).untilEnd()
  teller.tell('ended', { code: ended.code, signal: ended.signal })
  const loss = lossOf(lock)
  const { released, reason, keptFor } =
    loss === 'forced' ? await locks.release(name, lock.owner) : await lock.release()
  teller.tell('released', { released, reason, keptForMs: keptFor })
  end()

  async function acquire(): Promise<Lock> {
    const terms: LockOptions = {
      ttl: plan.ttl,
      margin: plan.margin,
      ...(options.minHold === undefined ? {} : { holdAtLeast: options.minHold }),
    }
    const wait = options.nonblock ? 0 : (options.wait ?? Infinity)
    try {
      return await take(locks, name, options, terms, { wait, signal: signals.waiting })
    } catch (error) {
      throw refused(exitOf(error), options)
    }
  }

  async function start(): Promise<Child> {
    // A lock that was waited for has a short lease first.
    if (lock.validFor < plan.ttl / 2) await lock.verify()
    signals.waiting.throwIfAborted()
    const expiresAt = Math.floor(Date.now() + lock.validFor)
    const waitedMs = Math.round(performance.now() - asked)
    teller.tell('acquired', { ...owner, waitedMs, expiresAt })
    const child = await startChild(
      argv,
      environmentOf(lock, options.prefix, expiresAt),
      atTerminal(),
    )
    signals.forward((name) => child.forward(name))
    return child
  }

  function end(): never {
    if (stop) throw stopped(stop, ended, owner)
    const code = ended.signal ? codeOf(ended.signal) : ended.code!
    // It ended well, and not all of it was under the lock.
    if (reason === 'lost' && loss === null && code === 0 && onLost === 'kill') {
      throw stopped({ reason: 'lost', cause: 'gone' }, ended, owner, 'the command had ended')
    }
    throw new Silent(code)
  }
}

function commandOf(words: readonly string[], shell: string | undefined): readonly string[] {
  // As of flock, the shell form may also stand behind the name.
  const [first, second] = words
  if (shell === undefined && first === '-c' && words.length === 2) return ['/bin/sh', '-c', second!]
  const rest = first === '--' ? words.slice(1) : words
  if (first?.startsWith('-') && first !== '--') {
    throw usage(
      `options of holdfast stand before the name, and ${first} stands behind it; a command that begins with a dash stands behind --`,
    )
  }
  if (shell === undefined && rest.length > 0) return rest
  if (shell === undefined) throw usage('which command is to be run? run <name> <command...>')
  if (rest.length > 0) throw usage('give a command or -c, not both')
  return ['/bin/sh', '-c', shell]
}

/** Whether keys that are typed are meant for the command. */
export const atTerminal = (): boolean => [0, 1, 2].some((fd) => isatty(fd))

function refused(exit: Exit | Silent, options: RunOptions): Exit | Silent {
  const conflict = exit instanceof Exit && /^(taken|timeout)$/.test(exit.reason)
  if (!conflict) return exit
  const { conflictExitCode: own, quiet } = options
  if (quiet) return new Silent(own ?? 0)
  return new Exit(own ?? exit.code, exit.reason, exit.message, exit.facts)
}

const WHY: Readonly<Record<Stop['reason'], string>> = {
  lost: 'the lock was lost, or about to be',
  'max-hold': 'it was held for longer than --max-hold',
  revoked: 'somebody asked to let go of the lock',
}

function stopped(
  { reason, cause }: Stop,
  { code, signal }: Ended,
  owner: Facts,
  by = 'the command was stopped',
): Exit {
  const facts = { ...owner, cause, code, signal }
  return new Exit(EXIT.lost, reason, `${by}: ${WHY[reason]}`, facts)
}
