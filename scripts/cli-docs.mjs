// Writes the reference of the command line, from the program itself, into docs/cli.md. With --check it only
// compares, and fails when the page is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cli, root } from './lib/paths.mjs'
import { fail } from './lib/run.mjs'
import { buildIfStale } from './lib/setup.mjs'

const BEGIN = '<!-- Written by `npm run cli:docs` from the program. -->\n'
const END = '<!-- End of what is written. -->\n'

buildIfStale()
const { loadAll, makeProgram } = await import(pathToFileURL(join(cli, 'dist/program.js')).href)
const program = makeProgram()
await loadAll(program)

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')

function defaultOf({ defaultValue, defaultValueDescription, envVar, negate }) {
  const value = negate ? undefined : (defaultValueDescription ?? defaultValue)
  const parts = value === undefined ? [] : [`\`${value}\``]
  return [...parts, ...(envVar ? [`or \`${envVar}\``] : [])].join(' ')
}

function meaningOf({ description, argChoices }) {
  const choices = argChoices ? ` (${argChoices.map((one) => `\`${one}\``).join(', ')})` : ''
  return cell(description) + choices
}

function section(command) {
  const rows = command.options.map((option) => [
    `\`${cell(option.flags)}\``,
    meaningOf(option),
    defaultOf(option),
  ])
  const args = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? '...' : '')
    return `- \`${argument.required ? `<${name}>` : `[${name}]`}\`: ${argument.description}\n`
  })
  return [
    `### holdfast ${command.name()}\n\n`,
    `    holdfast ${command.name()} ${command.usage()}\n\n`,
    [
      `${command.description()}\n`,
      ...(args.length > 0 ? [args.join('')] : []),
      ...(rows.length > 0 ? [table(['option', 'meaning', 'default'], rows)] : []),
    ].join('\n'),
  ].join('')
}

const file = join(root, 'docs/cli.md')
const page = readFileSync(file, 'utf8')
const from = page.indexOf(BEGIN)
const to = page.indexOf(END)
if (from < 0 || to < from) fail(`docs/cli.md: no lines "${BEGIN.trim()}" and "${END.trim()}"`)
const reference = program.commands.map(section).join('\n')
const written = `${page.slice(0, from)}${BEGIN}\n${reference}\n${page.slice(to)}`
if (!process.argv.includes('--check')) {
  writeFileSync(file, written)
  console.log('wrote docs/cli.md')
} else if (written === page) console.log('docs/cli.md is up to date')
else fail('docs/cli.md: run `npm run cli:docs` and commit it')
