import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }

/**
 * A command: its module is loaded when it is called, and adds arguments, options and action. What only the
 * action needs (a client, Holdfast, a screen) that module imports when the action runs.
 */
interface Entry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<{ readonly define: (command: Command) => void }>
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'run',
    summary: 'run a command while holding a lock',
    load: () => import('./commands/run.js'),
  },
  {
    name: 'acquire',
    summary: 'take a lock and leave it, for scripts',
    load: () => import('./commands/acquire.js'),
  },
  {
    name: 'renew',
    summary: 'prolong what acquire has taken',
    load: () => import('./commands/renew.js'),
  },
  {
    name: 'ls',
    summary: 'list the names that are held',
    load: () => import('./commands/ls.js'),
  },
  {
    name: 'inspect',
    summary: 'who holds a name, and who waits for it',
    load: () => import('./commands/inspect.js'),
  },
  {
    name: 'watch',
    summary: 'print who comes to hold names, and who goes',
    load: () => import('./commands/watch.js'),
  },
  {
    name: 'top',
    summary: 'who holds what, on the whole screen',
    load: () => import('./commands/top.js'),
  },
  {
    name: 'history',
    summary: 'what happened to a name',
    load: () => import('./commands/history.js'),
  },
  {
    name: 'deadlocks',
    summary: 'who waits in a circle',
    load: () => import('./commands/deadlocks.js'),
  },
  {
    name: 'release',
    summary: 'give back what acquire has taken; or end a lock of others (--force)',
    load: () => import('./commands/release.js'),
  },
  {
    name: 'revoke',
    summary: 'ask a holder to let go',
    load: () => import('./commands/revoke.js'),
  },
  {
    name: 'elect',
    summary: 'stand for election, and run a command while leader',
    load: () => import('./commands/elect.js'),
  },
  {
    name: 'doctor',
    summary: 'what is wrong with servers, clocks and rights',
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'completion',
    summary: 'commands, options and names for the tab key of a shell',
    load: () => import('./commands/completion.js'),
  },
  {
    name: 'bootstrap',
    summary: 'end the quarantine of several servers at their first start',
    load: () => import('./commands/bootstrap.js'),
  },
  {
    name: 'ui',
    summary: 'serve a page that shows all of it',
    load: () => import('./commands/ui.js'),
  },
  {
    name: 'help',
    summary: 'what a command takes',
    load: () => import('./commands/help.js'),
  },
]

/** The program, of which no command has been loaded yet. */
export function makeProgram(): Command {
  const program = new Command('holdfast')
    .description('Distributed locks on Redis and Valkey.')
    .version(manifest.version, '-V, --version')
    // There is one of our own: that of commander does not load what it tells of.
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .hook('preSubcommand', (_, command) => define(command))
  for (const { name, summary } of ENTRIES) program.command(name).summary(summary)
  return program
}

async function define(command: Command): Promise<void> {
  const entry = ENTRIES.find(({ name }) => name === command.name())
  const module = await entry!.load()
  module.define(command)
}

/** Loads all commands: for the reference and for completion. */
export async function loadAll(program: Command): Promise<void> {
  await Promise.all(program.commands.map(define))
}
