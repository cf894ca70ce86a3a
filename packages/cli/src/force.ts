import type { ForceResult } from 'holdfast'
import { connect } from './connect.js'
import { Silent } from './exit.js'
import type { SharedOptions } from './options.js'
import { outputOf } from './output.js'
import { spanOf } from './shown.js'
import { plain } from './text.js'

interface ForceOptions extends SharedOptions {
  /** Free at once, although the holder may still believe in it. */
  readonly now?: boolean
}

/** `release --force`: ends somebody else's tenure. Exits with 1 where that cannot be. */
export async function force(name: string, options: ForceOptions): Promise<void> {
  const output = outputOf(options)
  await using connection = await connect(options)
  const result = await connection.locks.forceRelease(name, { now: options.now ?? false })
  output.one({ name, ...result }, () => textOf(plain(name), result))
  if (!result.freed && result.asked === 0) throw new Silent(1)
}

function textOf(name: string, { freed, asked, remaining }: ForceResult): string {
  const holders = asked === 1 ? 'its holder' : `its ${asked} holders`
  if (freed) return asked === 0 ? `nobody holds ${name}` : `${name} was taken from ${holders}`
  const until = remaining === null ? '' : `, ${spanOf(remaining)} from now at the latest`
  return asked === 0
    ? `the holder of ${name} is of another library, and can only be ended with --now`
    : `told ${holders} to stop: ${name} is free when that is done${until}`
}
