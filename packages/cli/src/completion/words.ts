import type { Command, Option } from 'commander'

/** An option as a shell completes it. */
export interface Flag {
  /** `-w`, `--wait`, or the one that there is. */
  readonly names: readonly string[]
  readonly text: string
  /** What stands behind it; empty: nothing does. */
  readonly value: string
  readonly choices: readonly string[]
}

/** A command as a shell completes it. */
export interface Words {
  readonly command: string
  readonly text: string
  readonly flags: readonly Flag[]
  /** Of its first argument. */
  readonly choices: readonly string[]
  /** Its first argument is the name of a lock that is held. */
  readonly held: boolean
  /** What stands behind its first argument is another command. */
  readonly runs: boolean
}

/** Commands for a lock that somebody has. */
const HELD = ['inspect', 'release', 'revoke']

const VALUE = /[<[]([\w-]+)/

function flagOf({ short, long, flags, description, required, optional, argChoices }: Option): Flag {
  const value = required || optional ? (VALUE.exec(flags)?.[1] ?? 'value') : ''
  const names = [short, long].filter((name) => name !== undefined)
  return { names, text: brief(description), value, choices: argChoices ?? [] }
}

/** Behind its first argument no option is its own. Commander has no other way to ask. */
const passesThrough = (command: Command): boolean =>
  (command as Command & { readonly _passThroughOptions?: boolean })._passThroughOptions === true

/** The beginning of a description, in one line without what means something to a shell. */
const brief = (text: string): string =>
  text
    .split(/[:;.]\s|:$|\s\(/)[0]!
    .replace(/['"`\\[\]$:<>]/g, '')
    .trim()

/** What can be completed, of a program of which all commands are loaded. */
export function wordsOf(program: Command): readonly Words[] {
  const help: Flag = { names: ['-h', '--help'], text: 'help', value: '', choices: [] }
  return program.commands.map((command) => {
    const [first, second] = command.registeredArguments
    return {
      command: command.name(),
      text: brief(command.summary()),
      flags: [...command.options.filter(({ hidden }) => !hidden).map(flagOf), help],
      choices: first?.argChoices ?? [],
      held: HELD.includes(command.name()),
      runs: second?.variadic === true && passesThrough(command),
    }
  })
}
