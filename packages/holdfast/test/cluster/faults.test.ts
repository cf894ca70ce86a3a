import { describe, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { cellsOf, playCell, type Fault } from '../faults/cells.js'
import { lossCellsOf, type Loss } from '../faults/loss-cells.js'
import { engines, until } from '../real/kit.js'
import { ClusterStage } from './stage.js'

const [K] = keysOf('a', 'lock:')
/** The servers take longer than a fault does to give one of them up. */
const PATIENCE = 30_000

const away = {
  short: 'kept',
  verifying: 'ERR_UNAVAILABLE',
  long: 'expired',
  waiting: 'served after',
  acquiring: 'ERR_UNAVAILABLE',
  releasing: 'unavailable',
} as const

const faults: readonly Fault<ClusterStage>[] = [
  {
    row: 7,
    name: 'stopped (SIGSTOP) for less than a failover takes',
    begin: ({ owner }) => owner.server.freeze(),
    end: ({ owner }) => owner.server.thaw(),
    ...away,
  },
  {
    row: 15,
    name: 'OOM (maxmemory, noeviction)',
    begin: ({ owner }) => owner.admin.config('SET', 'maxmemory', '1'),
    end: ({ owner }) => owner.admin.config('SET', 'maxmemory', '0'),
    ...away,
    verifying: 'renewed',
    long: 'kept',
    waiting: 'served during',
    releasing: 'released',
  },
  {
    row: 19,
    name: 'SCRIPT FLUSH',
    begin: ({ owner }) => owner.admin.script('FLUSH'),
    end: () => {},
    short: 'kept',
    verifying: 'renewed',
    waiting: 'served during',
    acquiring: 'granted',
    releasing: 'released',
  },
]

/** Another primary is dead, and so the cluster takes no command for any slot. */
const down: Fault<ClusterStage> = {
  row: 22,
  name: 'CLUSTERDOWN (another primary is dead)',
  begin: async ({ owner, other }) => {
    await other.server.kill()
    await until(async () => {
      const info = String(await owner.admin.call('CLUSTER', 'INFO'))
      if (!info.includes('cluster_state:fail')) throw new Error(info)
    })
  },
  end: async ({ cluster, other }) => {
    await other.server.restart()
    await cluster.settled()
  },
  ...away,
  limit: 'either',
}

const losses: readonly Loss<ClusterStage>[] = [
  {
    row: 12,
    name: 'FLUSHALL',
    strike: ({ owner }) => owner.admin.flushall(),
    exclusion: 'lost',
    order: 'kept',
  },
  {
    row: 13,
    name: 'DEL of K',
    strike: ({ owner }) => owner.admin.del(K),
    exclusion: 'lost',
    order: 'kept',
  },
]

// The servers differ in nothing that is looked at here, and each cell needs three of them.
const [engine = 'any'] = engines

describe(`one primary of a cluster, on ${engine}`, () => {
  const each = test.skipIf(engine === 'any').concurrent
  const options = engine === 'any' ? {} : { engine }
  const named = cellsOf(faults).map((cell) => [cell.name, cell] as const)

  each.for(named)('%s', ([, { fault, state }]) =>
    ClusterStage.play({ ...options, nodeTimeout: PATIENCE }, (stage) =>
      playCell(stage, fault, state),
    ),
  )

  each.for(cellsOf([down]).map((cell) => [cell.name, cell] as const))(
    '%s',
    { timeout: 40_000 },
    ([, { fault, state }]) => ClusterStage.play(options, (stage) => playCell(stage, fault, state)),
  )

  each.for(lossCellsOf(losses))('%s', ([, play]) =>
    ClusterStage.play({ ...options, nodeTimeout: PATIENCE }, play),
  )
})
