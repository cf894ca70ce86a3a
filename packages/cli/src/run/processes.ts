import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { sent } from './sent.js'

/**
 * A process and all that descend from it. Who was found once stays known when his parent ends; who lost
 * his parent before anybody looked is not found.
 */
export interface Tree {
  send(...signals: readonly NodeJS.Signals[]): void
  kill(): void
  readonly alive: boolean
}

interface Process {
  readonly parent: number
  readonly group: number
  /** When it was started: another process may get its number later. */
  readonly since: string
}

/** As often as new ones are looked for while those that are known stand still. */
const ROUNDS = 5

export function treeOf(root: number): Tree {
  const first = processes().get(root)
  const known = new Map<number, string>(first ? [[root, first.since]] : [])
  const look = (): void => {
    const all = processes()
    for (const [pid, since] of known) if (all.get(pid)?.since !== since) known.delete(pid)
    for (let before = -1; before !== known.size;) {
      before = known.size
      for (const [pid, { parent, since }] of all) if (known.has(parent)) known.set(pid, since)
    }
  }
  const send = (signal: NodeJS.Signals): void => {
    for (const pid of known.keys()) sent(pid, signal)
  }
  return {
    send: (...signals) => {
      look()
      signals.forEach(send)
    },
    kill: () => {
      // Who is stopped starts nobody.
      for (let round = 0, before = -1; round < ROUNDS && known.size !== before; round++) {
        before = known.size
        look()
        send('SIGSTOP')
      }
      send('SIGKILL')
    },
    get alive() {
      look()
      return known.size > 0
    },
  }
}

/** Whether anybody of a group lives. Zombies do not: where nobody takes their leave they stay for ever. */
export function groupLives(group: number): boolean {
  if (!sent(-group, 0)) return false
  return [...processes().values()].some((one) => one.group === group)
}

/** All that live. */
function processes(): ReadonlyMap<number, Process> {
  const all = new Map<number, Process>()
  try {
    for (const pid of readdirSync('/proc').map(Number)) {
      const found = pid > 0 ? inProc(pid) : null
      if (found) all.set(pid, found)
    }
  } catch {
    // No /proc here.
  }
  return all.size > 0 ? all : byPs()
}

function inProc(pid: number): Process | null {
  try {
    // The name is in brackets, and may have anything in it.
    const [, rest = ''] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? []
    const fields = rest.split(' ')
    const [state, parent, group] = fields
    if (state === 'Z') return null
    return { parent: Number(parent), group: Number(group), since: fields[19] ?? '' }
  } catch {
    return null
  }
}

function byPs(): Map<number, Process> {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,lstart='], {
    encoding: 'utf8',
  })
  const all = new Map<number, Process>()
  for (const line of (stdout ?? '').split('\n')) {
    const [pid, parent, group, state = '', ...since] = line.trim().split(/\s+/)
    if (pid !== undefined && !state.startsWith('Z')) {
      all.set(Number(pid), {
        parent: Number(parent),
        group: Number(group),
        since: since.join(' '),
      })
    }
  }
  return all
}
