import { Argument, type Command } from 'commander'

export function define(command: Command): void {
  const names = command.parent!.commands.map((one) => one.name())
  command
    .description('Prints which commands there are, or what one of them takes: the same as --help.')
    .addArgument(new Argument('[command]', 'which one').choices(names))
    .action(help)
}

async function help(name: string | undefined): Promise<void> {
  const { makeProgram } = await import('../program.js')
  const argv = name === undefined ? ['--help'] : [name, '--help']
  await makeProgram().parseAsync(argv, { from: 'user' })
}
