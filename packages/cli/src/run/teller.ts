import { fstatSync } from 'node:fs'
import type { Facts } from '../exit.js'
import { usage } from '../exit.js'
import { say } from '../reason.js'

/** Tells what happens: with `--json` every event, with `-v` too, for people; else only what is loud. */
export interface Teller {
  tell(event: string, facts?: Facts): void
  /** What has to be known without `-v`. */
  warn(event: string, facts: Facts): void
}

/** @throws Exit (usage) */
export function tellerOf(options: {
  readonly json?: boolean
  readonly jsonFd?: number
  readonly verbose?: boolean
}): Teller {
  const { json = false, jsonFd, verbose = false } = options
  if (!json && jsonFd !== undefined) throw usage('--json-fd is of --json')
  if (jsonFd !== undefined) assertOpen(jsonFd)
  const warn = (event: string, facts: Facts): void => say(event, { event, ...facts }, json, jsonFd)
  return {
    tell: (event, facts = {}) => {
      if (json || verbose) warn(event, facts)
    },
    warn,
  }
}

function assertOpen(fd: number): void {
  try {
    fstatSync(fd)
  } catch {
    throw usage(`--json-fd ${fd}: no such file descriptor is open`)
  }
}
