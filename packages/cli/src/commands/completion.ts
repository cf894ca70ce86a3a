import { Argument, type Command } from 'commander'
import { bash } from '../completion/bash.js'
import { fish } from '../completion/fish.js'
import { wordsOf } from '../completion/words.js'
import { zsh } from '../completion/zsh.js'
import { connect } from '../connect.js'
import { Silent, usage } from '../exit.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { plain } from '../text.js'

const SHELLS = { bash, zsh, fish } as const
const WITHIN_MS = 2000
/** Of names, and of keys that are looked through for them. */
const MOST = 200
const BUDGET = 20_000

export function define(command: Command): void {
  sharedOptions(
    command
      .description(
        'Prints what a shell needs to complete commands, options and the names of locks that are held: ' +
          'eval "$(holdfast completion bash)", source <(holdfast completion zsh), holdfast completion fish | source.',
      )
      .addArgument(
        new Argument('<shell>', "or 'names': those that are held, for these").choices([
          ...Object.keys(SHELLS),
          'names',
        ]),
      )
      .argument('[beginning]', 'of a name'),
  ).action(completion)
}

async function completion(
  shell: keyof typeof SHELLS | 'names',
  beginning: string | undefined,
  options: SharedOptions,
): Promise<void> {
  if (shell === 'names') return names(beginning ?? '', options)
  if (beginning !== undefined) throw usage('only names have a beginning')
  const { loadAll, makeProgram } = await import('../program.js')
  const program = makeProgram()
  await loadAll(program)
  outputOf(options).one({}, () => SHELLS[shell](wordsOf(program)).trimEnd())
}

/** Whoever presses a key waits for it: soon, or nothing. */
async function names(beginning: string, options: SharedOptions): Promise<void> {
  const late = setTimeout(() => process.exit(0), WITHIN_MS)
  const output = outputOf(options)
  try {
    await using connection = await connect(options)
    const pattern = `${beginning.replace(/[*?[\]\\]/g, '\\$&')}*`
    let left = MOST
    for await (const { name } of connection.locks.list(pattern, { budget: BUDGET })) {
      // What would have to be quoted, or steers a terminal, is typed by hand.
      if (/^[\w.:/@%+,=-]+$/.test(name) && plain(name) === name) output.one({ name }, () => name)
      if (--left === 0) break
    }
  } catch {
    throw new Silent(0)
  } finally {
    clearTimeout(late)
  }
}
