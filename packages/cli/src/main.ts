#!/usr/bin/env node
import { CommanderError, type Command } from 'commander'
import { exitOf, Silent, usage, type Exit } from './exit.js'
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
  if (error.code === 'commander.help') return usage('which command? See holdfast --help')
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  return usage(error.code === 'commander.unknownOption' ? message + whereOptionsStand() : message)
}

function whereOptionsStand(): string {
  const [, , first = ''] = process.argv
  if (first.startsWith('-')) return ': options stand behind the command'
  return first === 'elect' ? ': options of the command stand behind --' : ''
}
