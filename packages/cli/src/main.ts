#!/usr/bin/env node
import { CommanderError, type Command } from 'commander'
import { EXIT, Exit, exitOf, Silent, usage } from './exit.js'
import { makeProgram } from './program.js'
import { sayReason } from './reason.js'

const program = makeProgram()
let called: Command | undefined
program.hook('preAction', (_, command) => {
  called = command
})
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = end(error)
}
// What is still under way is of no use to anybody any more.
process.exit()

function end(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const exit = error instanceof CommanderError ? misused(error) : exitOf(error)
  if (exit instanceof Silent) return exit.code
  const { json = false, jsonFd } = called?.opts<{ json?: boolean; jsonFd?: number }>() ?? {}
  sayReason(exit, json, json ? jsonFd : undefined)
  return exit.code
}

function misused(error: CommanderError): Exit {
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  return error.code === 'commander.help'
    ? new Exit(EXIT.usage, 'usage', 'which command? See holdfast --help')
    : usage(message)
}
