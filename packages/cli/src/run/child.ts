import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { EXIT, Exit } from '../exit.js'
import { groupLives, treeOf } from './processes.js'
import { sent } from './sent.js'

/** How a command ended: one of the two is null. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * A command that runs, with all that it has started. It has a process group of its own, which gets its
 * signals as a whole. At a terminal it stays in ours, or Ctrl-C, Ctrl-Z and /dev/tty would not be its own; then
 * its descendants are looked for.
 */
export interface Child {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Passes on a signal that was sent to us. */
  forward(signal: NodeJS.Signals): void
  /** Sends a signal to all of them, and has those go on that are stopped: they would not see it. */
  stop(signal: NodeJS.Signals): void
  /** SIGKILL to all of them. */
  kill(): void
  /** Whether any of them is left. */
  readonly alive: boolean
}

/** For the process alone: what others of its group would die of. */
const ALONE: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']
/** What a terminal sends to all of our group itself. */
const BY_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH']

/** @throws Exit: there is no such command, or it cannot be executed. */
export async function startChild(
  [command, ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  atTerminal: boolean,
): Promise<Child> {
  let child: ChildProcess
  let ended: Promise<Ended>
  try {
    // Some of its errors it throws, and others it emits.
    child = spawn(command!, args, { stdio: 'inherit', env, detached: !atTerminal })
    ended = once(child, 'exit').then(([code, signal]): Ended => ({ code, signal }))
    // Without a process there is no exit, but an error.
    ended.catch(() => undefined)
    await once(child, 'spawn')
  } catch (error) {
    throw notStarted(command!, error as NodeJS.ErrnoException)
  }
  const pid = child.pid!
  const alone = (signal: NodeJS.Signals): void => void child.kill(signal)
  if (atTerminal) {
    const tree = treeOf(pid)
    return {
      pid,
      ended,
      forward: (signal) => {
        if (!BY_TERMINAL.includes(signal)) alone(signal)
      },
      stop: (signal) => tree.send(signal, 'SIGCONT'),
      kill: () => tree.kill(),
      get alive() {
        return tree.alive
      },
    }
  }
  const group = (signal: NodeJS.Signals): boolean => sent(-pid, signal)
  return {
    pid,
    ended,
    forward: (signal) => {
      if (ALONE.includes(signal)) alone(signal)
      else group(signal)
    },
    stop: (signal) => {
      group(signal)
      group('SIGCONT')
    },
    kill: () => void group('SIGKILL'),
    get alive() {
      return groupLives(pid)
    },
  }
}

function notStarted(command: string, error: NodeJS.ErrnoException): Exit {
  // An empty word, as an unset variable in quotes is one, Node refuses by itself.
  const missing = error.code === 'ENOENT' || command === ''
  return new Exit(
    missing ? EXIT.notFound : EXIT.cannotExecute,
    missing ? 'not-found' : 'cannot-execute',
    missing
      ? `there is no command ${command || '""'}`
      : `cannot execute ${command}: ${error.message}`,
    { command },
  )
}
