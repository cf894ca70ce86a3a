import { describe, test } from 'vitest'
import { Nemesis } from '../kit/nemesis.js'
import { engines } from '../real/kit.js'
import { cellsOf, playCell, type Fault } from './cells.js'
import { Stage } from './stage.js'

/** It answers nothing, or nothing but refusals that pass. */
const away = {
  short: 'kept',
  verifying: 'ERR_UNAVAILABLE',
  long: 'expired',
  waiting: 'served after',
  acquiring: 'ERR_UNAVAILABLE',
  releasing: 'unavailable',
} as const
/** A moment, of which nobody but the network notices anything. */
const mended = {
  short: 'kept',
  verifying: 'renewed',
  waiting: 'served during',
  acquiring: 'granted',
  releasing: 'released',
} as const
const nothing = (): void => {}

/** To a replica that has everything; the old primary becomes a replica of it. */
async function failover(stage: Stage): Promise<void> {
  const old = stage.nemesis
  const next = stage.own(await old.replica())
  await next.promote()
  await old.demote('127.0.0.1', next.server.port)
  stage.moveTo(next)
}

const faults: readonly Fault[] = [
  {
    row: 7,
    name: 'stopped (SIGSTOP)',
    begin: ({ nemesis }) => nemesis.freeze(),
    end: ({ nemesis }) => nemesis.thaw(),
    ...away,
  },
  {
    row: 8,
    name: 'CLIENT PAUSE',
    begin: ({ nemesis }) => nemesis.pause(),
    end: ({ nemesis }) => nemesis.unpause(),
    ...away,
  },
  {
    row: 8,
    name: 'BUSY with a script',
    begin: ({ nemesis }) => nemesis.busy(),
    end: ({ nemesis }) => nemesis.calm(),
    ...away,
  },
  {
    row: 10,
    name: 'killed, back with all its data (appendfsync always)',
    args: ['--appendonly', 'yes', '--appendfsync', 'always'],
    begin: ({ nemesis }) => nemesis.crash(),
    end: ({ nemesis }) => nemesis.restart(),
    ...away,
  },
  {
    row: 15,
    name: 'OOM (maxmemory, noeviction)',
    begin: ({ nemesis }) => nemesis.fill(),
    end: ({ nemesis }) => nemesis.spare(),
    ...away,
    verifying: 'renewed',
    long: 'kept',
    waiting: 'served during',
    releasing: 'released',
  },
  {
    row: 19,
    name: 'SCRIPT FLUSH',
    begin: ({ nemesis }) => nemesis.forgetScripts(),
    end: nothing,
    ...mended,
  },
  {
    row: 20,
    name: 'READONLY (a replica)',
    begin: ({ nemesis }) => nemesis.demote(),
    end: ({ nemesis }) => nemesis.promote(),
    ...away,
  },
  {
    row: 22,
    name: 'MASTERDOWN (a replica without its primary)',
    begin: ({ nemesis }) => nemesis.orphan(),
    end: ({ nemesis }) => nemesis.promote(),
    ...away,
  },
  {
    row: 22,
    name: 'NOREPLICAS',
    begin: ({ nemesis }) => nemesis.lonely(),
    end: ({ nemesis }) => nemesis.accompanied(),
    ...away,
  },
  {
    row: 22,
    name: 'MISCONF (no snapshot can be written)',
    begin: ({ nemesis }) => nemesis.diskFull(),
    end: ({ nemesis }) => nemesis.diskMended(),
    ...away,
  },
  {
    row: 22,
    name: 'LOADING',
    args: Nemesis.loads,
    begin: ({ nemesis }) => nemesis.loading(),
    end: ({ nemesis }) => nemesis.loaded(),
    ...away,
  },
  {
    row: 24,
    name: 'NOPERM (no right to scripts)',
    begin: ({ nemesis }) => nemesis.rights('-@scripting'),
    end: ({ nemesis }) => nemesis.rights('+@all'),
    ...away,
    verifying: 'ERR_CONFIG',
    acquiring: 'ERR_CONFIG',
  },
  {
    row: 24,
    name: 'NOAUTH (a password that nobody has)',
    begin: ({ nemesis }) => nemesis.password(),
    end: ({ nemesis }) => nemesis.passwordless(),
    ...away,
    // The subscription is refused, so the waiters ask, and learn that nobody answers.
    limit: 'ERR_UNAVAILABLE',
  },
  { row: 20, name: 'clean failover', begin: failover, end: nothing, ...mended },
  {
    row: 33,
    name: 'CLIENT KILL, normal',
    begin: ({ nemesis }) => nemesis.kill('normal'),
    end: nothing,
    ...mended,
  },
  {
    row: 33,
    name: 'CLIENT KILL, pubsub',
    begin: ({ nemesis }) => nemesis.kill('pubsub'),
    end: nothing,
    ...mended,
  },
]

describe.each(engines)('faults of the server, on %s', (engine) => {
  test
    .skipIf(engine === 'any')
    .concurrent.for(cellsOf(faults).map((cell) => [cell.name, cell] as const))(
    '%s',
    ([, { fault, state }]) =>
      Stage.play(engine, fault.args ?? [], (stage) => playCell(stage, fault, state)),
  )
})
