import type { HoldfastError } from 'holdfast'
import type { Trouble } from './model.js'
import { withoutOwners } from './people.js'

const ADVICE: Readonly<Record<string, string>> = {
  ERR_UNAVAILABLE:
    'Is the server running, is its address right, and may it be reached from here? This page goes on by itself when it answers.',
  ERR_NO_QUORUM:
    'Too few of the servers answer. See which are away; this page goes on by itself when most of them answer.',
  ERR_CONFIG:
    'The server refuses what is asked of it: its user may lack a right, or it is of another kind than the client thinks. `holdfast doctor` says what.',
  ERR_CLOSED:
    'The Holdfast of this page was closed: its process is about to end, or to start again.',
}

/** What is told to this process alone. Who rejects may do so with anything. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}

/** What is told to those who look. */
export function troubleOf(error: unknown): Trouble {
  const { code, message } = (error ?? {}) as Partial<HoldfastError>
  const known = typeof code === 'string' && Object.hasOwn(ADVICE, code)
  if (!known) {
    const advice = 'This is a mistake of the dashboard; its process knows more.'
    return { code: 'ERR_INTERNAL', message: 'the page could not be made', advice }
  }
  return { code, message: withoutOwners(message ?? ''), advice: ADVICE[code]! }
}
