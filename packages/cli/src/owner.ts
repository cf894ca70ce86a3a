import { Option, type Command } from 'commander'
import { usage } from './exit.js'

export interface OwnerOptions {
  readonly owner?: string
}

export function ownerOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--owner <id>',
      'the owner id that acquire has printed. Default: HOLDFAST_OWNER, if HOLDFAST_NAME is this name',
    ),
  )
}

/** Whose lock is meant. That of another name in the environment is not. @throws Exit (usage) */
export function ownerOf(name: string, options: OwnerOptions): string {
  const { HOLDFAST_NAME, HOLDFAST_OWNER } = process.env
  const owner = options.owner ?? (HOLDFAST_NAME === name ? HOLDFAST_OWNER : undefined)
  if (owner === undefined) throw usage('whose lock? Give --owner')
  return owner
}
