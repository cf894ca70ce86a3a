import type { Command } from 'commander'
import type { LockState } from 'holdfast'
import { connect } from '../connect.js'
import { sharedOptions, type SharedOptions } from '../options.js'
import { outputOf, type Output } from '../output.js'
import { modeOf, spanOf, whoOf } from '../shown.js'
import { plain } from '../text.js'

interface Options extends SharedOptions {
  readonly verbose?: boolean
}

export function define(command: Command): void {
  sharedOptions(
    command
      .description('Says who holds a name and who waits for it.')
      .argument('<name>', 'the name of the lock')
      .option('-v, --verbose', 'with owner ids and the fencing token of each holder'),
  ).action(inspect)
}

async function inspect(name: string, options: Options): Promise<void> {
  const output = outputOf(options)
  await using connection = await connect(options)
  const state = await connection.locks.inspect(name)
  output.one(state, () => linesOf(state, options.verbose ?? false, output).join('\n'))
}

function linesOf(state: LockState, verbose: boolean, output: Output): string[] {
  const { holders, holderCount, waiters, waiterCount, fence, permits } = state
  const lines = [output.paint('bold', plain(state.name))]
  const facts = [
    fence > 0 ? `fence ${fence}` : '',
    permits ? `${permits.used} of ${permits.limit} permits in use` : '',
  ].filter(Boolean)
  if (facts.length > 0) lines.push(`  ${facts.join(', ')}`)
  if (holderCount === 0) lines.push('  nobody holds it')
  for (const one of holders) {
    const since = one.heldFor === null ? '' : ` for ${spanOf(one.heldFor)}`
    const left = one.remaining === null ? 'no end' : `${spanOf(one.remaining)} left`
    const more = verbose ? `, fence ${one.fence ?? '-'}, owner ${plain(one.owner ?? '-')}` : ''
    lines.push(`  held${since} by ${whoOf(one)}: ${modeOf(one)}, ${left}${more}`)
  }
  if (holderCount > holders.length) lines.push(`  and ${holderCount - holders.length} more hold it`)
  waiters.forEach((one, i) => {
    const more = verbose ? `, owner ${plain(one.owner ?? '-')}` : ''
    lines.push(
      `  ${i + 1}. in line for ${spanOf(one.waitedFor)}: ${whoOf(one)}, ${modeOf(one)}${more}`,
    )
  })
  if (waiterCount > waiters.length) lines.push(`  and ${waiterCount - waiters.length} more wait`)
  return lines
}
