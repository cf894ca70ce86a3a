import type { About } from './about.js'
import { found, unseen, type FindingId, type Found } from './findings.js'

/** What the checks have to know of the Holdfast. */
export interface Setting {
  /** How many servers there are. */
  readonly several: boolean
  /** A server that forgot something grants nothing for a while. */
  readonly guarded: boolean
  readonly strictFailover: boolean
  /** How many must acknowledge. */
  readonly replicas: number
  /** Of the client. */
  readonly cluster: boolean
  /** How often a lease is renewed at least, ms. */
  readonly renewal: number
}

type Info = (field: string) => string
type Check = (info: Info, about: About, setting: Setting) => Found

const LAG_S = 2
const LEAST_BUFFER = 64 * 1024
const FULL = 0.9

/** What a server says of itself, judged. */
export function checks(about: About, setting: Setting): readonly Found[] {
  const { info, infoMissing } = about
  return Object.entries(CHECKS)
    .map(([id, check]) => {
      if (!info) return unseen(id as FindingId, infoMissing)
      return check((field) => info.get(field) ?? '', about, setting)
    })
    .concat(timeout(about, setting), outputBuffer(about))
}

const CHECKS = {
  version: (info) => {
    const valkey = info('valkey_version')
    const version = valkey || info('redis_version')
    if (version === '') return unseen('version', 'INFO does not say it')
    const [major = 0, minor = 0] = version.split('.').map(Number)
    const old = valkey === '' && (major < 6 || (major === 6 && minor < 2))
    const engine = valkey === '' ? 'redis' : 'valkey'
    return found('version', old ? 'error' : 'ok', `${engine} ${version}`, { engine, version })
  },

  role: (info) => {
    const mode = info('redis_mode') || info('server_mode')
    const role = mode === 'sentinel' ? mode : info('role')
    if (role === '') return unseen('role', 'INFO does not say it')
    if (role === 'sentinel') return found('role', 'error', 'it is a Sentinel', { role })
    if (role === 'master') return found('role', 'ok', 'it is a primary', { role })
    const primary = `${info('master_host')}:${info('master_port')}`
    return found('role', 'error', `it is a replica of ${primary}`, { role, primary })
  },

  cluster: (info, _about, { cluster }) => {
    const enabled = info('cluster_enabled') === '1'
    const values = { server: enabled, client: cluster }
    if (!enabled) return found('cluster', 'ok', 'it is of no Cluster', values)
    if (cluster) return found('cluster', 'ok', 'a Cluster, through a cluster client', values)
    const measured =
      'it is of a Cluster, and the client is not a cluster client: names of other slots fail'
    return found('cluster', 'error', measured, values)
  },

  eviction: (info) => {
    const policy = info('maxmemory_policy')
    const [limit, evicted] = [Number(info('maxmemory')), Number(info('evicted_keys'))]
    const values = { policy, limit, evicted }
    if (policy === '') return unseen('eviction', 'INFO does not say it')
    if (policy === 'noeviction') return found('eviction', 'ok', 'noeviction', values)
    if (limit === 0)
      return found(
        'eviction',
        'note',
        `${policy}, and no limit (maxmemory 0): nothing is evicted`,
        values,
      )
    const measured = `${policy}, and a limit: when its memory is full it evicts locks that are held; it has evicted ${evicted} keys`
    return found('eviction', evicted > 0 ? 'error' : 'warning', measured, values)
  },

  memory: (info) => {
    const [used, limit] = [Number(info('used_memory')), Number(info('maxmemory'))]
    const values = { used, limit }
    if (limit === 0) return found('memory', 'ok', `${mib(used)} used, no limit`, values)
    const part = used / limit
    const severity = part >= 1 ? 'error' : part >= FULL ? 'warning' : 'ok'
    const measured = `${mib(used)} of ${mib(limit)} used, ${Math.round(part * 100)} %`
    return found('memory', severity, measured, values)
  },

  persistence: (info, { config, configMissing }, { guarded }) => {
    const aof = info('aof_enabled') === '1'
    const [fsync, save] = [config.get('appendfsync'), config.get('save')]
    const values = { aof, fsync: fsync ?? null, save: save ?? null }
    const is = (severity: Found['severity'], what: string): Found => {
      const measured = guarded ? `${what}; it is in quarantine first` : what
      return found('persistence', guarded ? 'ok' : severity, measured, values)
    }
    if (aof && fsync === 'always') return is('ok', 'AOF, fsync always: a restart forgets nothing')
    if (aof && fsync === 'everysec')
      return is(
        'note',
        'AOF, fsync every second: a crash of the machine forgets the locks of the last second or two',
      )
    if (aof && fsync !== undefined)
      return is(
        'warning',
        `AOF, fsync ${fsync}: a crash of the machine forgets the locks of the last half minute`,
      )
    if (aof) return is('note', `AOF; how often it syncs cannot be seen: ${configMissing}`)
    if (save === '') return is('warning', 'no AOF and no RDB: a restart forgets all locks')
    if (save !== undefined)
      return is(
        'warning',
        `RDB only (save ${save}): a restart forgets the locks since the last one`,
      )
    return is(
      'warning',
      `no AOF: a restart forgets the locks since the last RDB, if there is one (that cannot be seen: ${configMissing})`,
    )
  },

  disk: (info) => {
    const failed = [
      'rdb_last_bgsave_status',
      'aof_last_write_status',
      'aof_last_bgrewrite_status',
    ].filter((field) => info(field) === 'err')
    if (failed.length === 0)
      return found('disk', 'ok', 'the last writes to the disk succeeded, or there was none')
    return found('disk', 'error', `failed: ${failed.join(', ')}`, { failed: failed.join(' ') })
  },

  replicas: (info, _about, { several, replicas }) => {
    const all = replicasOf(info)
    const away = all.filter(({ state }) => state !== 'online')
    const late = all.filter(({ state, lag }) => state === 'online' && lag > LAG_S)
    const good = all.length - away.length - late.length
    const values = { count: all.length, away: away.length, late: late.length, wanted: replicas }
    const each = all.map(({ state, lag, at }) => `${at} ${state}, lag ${lag} s`)
    const measured = `${all.length} replicas${each.length > 0 ? ` (${each.join('; ')})` : ''}`
    if (good < replicas)
      return found('replicas', 'error', `${measured}; ${replicas} have to acknowledge`, values)
    if (good < all.length) return found('replicas', 'warning', measured, values)
    if (several && all.length > 0)
      return found(
        'replicas',
        'note',
        `${measured}; several servers need none, and one must not be promoted behind their backs`,
        values,
      )
    return found('replicas', 'ok', measured, values)
  },

  'min-replicas': (info, { config, configMissing }, { several, strictFailover }) => {
    const count = replicasOf(info).length
    const [least, good] = [config.get('min-replicas-to-write'), info('min_slaves_good_slaves')]
    const values = {
      least: least === undefined ? null : Number(least),
      good: good === '' ? null : Number(good),
    }
    if (good !== '' && least !== undefined && Number(good) < Number(least)) {
      return found(
        'min-replicas',
        'error',
        `it refuses writes: ${least} replicas have to be near, and ${good} are`,
        values,
      )
    }
    // INFO has it only where both settings are on.
    if (good !== '')
      return found(
        'min-replicas',
        'ok',
        `it refuses writes without ${least ?? 'some'} replicas that are near; ${good} are`,
        values,
      )
    if (least === undefined) return unseen('min-replicas', configMissing)
    if (several || (count === 0 && !strictFailover))
      return found('min-replicas', 'ok', 'there is no failover that it would matter for', values)
    const measured =
      'one that was cut off in a failover goes on granting locks (min-replicas-to-write 0)'
    return found('min-replicas', strictFailover ? 'warning' : 'note', measured, values)
  },
} as const satisfies Partial<Record<FindingId, Check>>

function timeout({ config, configMissing }: About, { renewal }: Setting): Found {
  const seconds = config.get('timeout')
  if (seconds === undefined) return unseen('timeout', configMissing)
  const values = { timeout: Number(seconds) * 1000, renewal }
  if (seconds === '0') return found('timeout', 'ok', 'idle connections stay (timeout 0)', values)
  const measured = `the server closes connections that are idle for ${seconds} s, but no subscriptions`
  return found('timeout', values.timeout <= renewal ? 'warning' : 'note', measured, values)
}

function outputBuffer({ config, configMissing }: About): Found {
  const text = config.get('client-output-buffer-limit')
  const limits = /pubsub (\d+) (\d+) (\d+)/.exec(text ?? '')
  if (!limits) return unseen('output-buffer', configMissing)
  const [hard, soft, seconds] = limits.slice(1).map(Number) as [number, number, number]
  const few = (bytes: number): boolean => bytes > 0 && bytes < LEAST_BUFFER
  const measured = `pubsub ${hard} ${soft} ${seconds}: a subscription that lags by more bytes is closed (0: by none)`
  const severity = few(hard) || few(soft) ? 'warning' : 'ok'
  return found('output-buffer', severity, measured, { hard, soft, seconds })
}

/** The replicas of a primary, as INFO has them; `lag` in seconds since it was heard of. */
function replicasOf(info: Info): readonly { at: string; state: string; lag: number }[] {
  const count = Number(info('connected_slaves'))
  return Array.from({ length: Number.isInteger(count) ? count : 0 }, (_, i) => {
    const facts = new Map(
      info(`slave${i}`)
        .split(',')
        .map((fact) => fact.split('=') as [string, string]),
    )
    const of = (name: string): string => facts.get(name) ?? ''
    return { at: `${of('ip')}:${of('port')}`, state: of('state'), lag: Number(of('lag')) }
  })
}

const mib = (bytes: number): string => `${Number((bytes / 2 ** 20).toPrecision(3))} MiB`
