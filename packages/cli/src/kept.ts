import type { Holdfast } from 'holdfast'
import { note } from './reason.js'

/**
 * Where nothing was found because nobody keeps a history of the prefix: says so, since locks may be held all the
 * same. That it could not be asked (it needs rights of its own) is no failure of what was asked for.
 */
export async function noteUnlessKept(
  locks: Holdfast,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  const page = await locks.history(undefined, { limit: 1, signal }).catch(() => null)
  signal.throwIfAborted()
  if (page?.entries.length === 0) noteNotKept(locks, json)
}

/** The same where it was asked before. */
export function noteNotKept({ prefix }: Holdfast, json: boolean): void {
  const what = prefix === '' ? 'the empty prefix' : `the prefix ${prefix}`
  const message = `there is no history of ${what}, and no index of names: programs with the option history keep them`
  note('no-history', message, json)
}
