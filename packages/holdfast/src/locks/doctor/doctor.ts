import type { PortNode } from '../../clients/port.js'
import type { HoldfastError } from '../../base/errors.js'
import type { Node } from '../../quorum/node.js'
import { Ready } from '../../quorum/ready.js'
import { classify } from '../../quorum/replies.js'
import { serversOf } from '../../quorum/servers.js'
import type { Engine } from '../engine.js'
import { Mutex } from '../mutex.js'
import { checkDoctor, type DoctorOptions } from './options.js'
import { about } from './about.js'
import { checks, type Setting } from './checks.js'
import { found, unseen, type Finding, type Found } from './findings.js'
import { DENIED, rights } from './rights.js'
import { clockOffset, clockRate, latency, ms, offset, sampled, type Samples } from './samples.js'

/** What was found at one server; null: it does not answer. */
interface Seen {
  readonly findings: readonly Found[]
  readonly samples: Samples | null
}

interface Asked {
  readonly timeout: number
  readonly over: number
  readonly name: string
  readonly setting: Setting
}

/** See Holdfast.doctor. */
export async function doctor(engine: Engine, options: DoctorOptions): Promise<Finding[]> {
  engine.assertOpen()
  const { runtime, node, queue, prefix } = engine
  const { timeout, over, name } = checkDoctor(engine.options, options, prefix)
  const { ttl } = engine.settings({})
  const { strictFailover = false, replicas = 0 } = engine.options
  const setting: Setting = {
    several: engine.several,
    guarded: engine.longest < Infinity,
    strictFailover,
    replicas,
    cluster: node.cluster,
    renewal: ttl / 3,
  }
  const own = name ?? `doctor:${queue.mailbox.channel.split(':').at(-1)!}`
  const asked: Asked = { timeout, over, name: own, setting }
  const seen = (await Promise.all(node.members.map((one) => member(engine, one, asked)))).flat()
  const alone = seen.length === 1
  const each = seen.flatMap(({ findings }, i) =>
    findings.map((one): Finding => ({ ...one, server: alone ? null : i })),
  )
  const together = engine.several ? several(seen.map(({ samples }) => samples)) : []
  const fresh = seen.flatMap(({ findings }, i) => (findings.some(isFresh) ? [i] : []))
  const lock =
    fresh.length > 0 ? untried(alone, fresh) : await tryLock(engine, own, runtime.monotonic())
  return [...each, ...together.map((one) => ({ ...one, server: null })), { ...lock, server: null }]
}

/** One server, or each primary of a Cluster. */
async function member(engine: Engine, node: Node, asked: Asked): Promise<readonly Seen[]> {
  const { runtime } = engine
  const { port } = node
  const { timeout } = asked
  try {
    await new Ready(port, runtime).within(timeout)
    const servers = await serversOf(port, runtime, timeout)
    const seen = await Promise.all(servers.map((server) => look(engine, node, server, asked)))
    const answering = seen.find(({ samples }) => samples !== null)?.samples
    const denied = seen.some(({ findings }) => DENIED.test(findings[0]!.measured))
    if (!answering && !denied) return seen
    const now = answering?.samples.at(-1)!.now ?? runtime.wall()
    const may = await rights(engine, port, `${asked.name}:try`, now, timeout)
    const more = asked.setting.guarded ? [await quarantine(node, timeout)] : []
    // A user's rights and subscriptions are the same on all servers of a Cluster.
    return seen.map((one, i) =>
      i > 0 ? one : { ...one, findings: [...one.findings, ...may, ...more] },
    )
  } catch (error) {
    return [unreachable(error, port.kind)]
  }
}

async function look(
  engine: Engine,
  { port: { kind } }: Node,
  server: PortNode,
  { timeout, over, setting }: Asked,
): Promise<Seen> {
  const { runtime, clock, drift } = engine
  const own = await about(server, kind, runtime, timeout)
  const says = checks(own, setting)
  try {
    const samples = await sampled(engine, server, timeout, over)
    const findings = [
      found('reachable', 'ok', `it answers, through ${kind}`, { run: samples.run }),
      ...says,
      latency(samples, timeout),
      clockOffset(samples, runtime.wall() - clock.now()),
      clockRate(samples, drift),
    ]
    return { findings, samples }
  } catch (error) {
    const { findings, samples } = unreachable(error, kind)
    return { findings: own.info ? [...findings, ...says] : findings, samples }
  }
}

function unreachable(error: unknown, kind: string): Seen {
  const { message, code } = classify(error, kind)
  return { findings: [found('reachable', 'error', message, { code })], samples: null }
}

async function quarantine(node: Node, timeout: number): Promise<Found> {
  try {
    const state = await node.bootstrap(false, timeout)
    if (state === 'votes') return found('quarantine', 'ok', 'it grants', { state })
    return found('quarantine', 'warning', GUARDED[state] ?? GUARDED.waiting, { state })
  } catch (error) {
    return found('quarantine', 'error', (error as HoldfastError).message)
  }
}

const GUARDED: Readonly<Record<string, string>> & { readonly waiting: string } = {
  missing:
    'it has never been asked for a lock, or forgot that: its quarantine begins with the first lock, and until that is over it grants nothing',
  older:
    'it has an earlier epoch: with the first lock of this one a quarantine begins, and programs with the earlier one are shut out',
  waiting: 'it is in quarantine and grants nothing',
}

const isFresh = ({ id, values }: Found): boolean =>
  id === 'quarantine' && (values['state'] === 'missing' || values['state'] === 'older')

/** A lock would write the quarantine and the epoch of this Holdfast there, and the programs may have others. */
function untried(alone: boolean, fresh: readonly number[]): Found {
  const which = alone ? 'the server' : `server ${fresh.join(', ')}`
  const measured = `not tried: ${which} was never asked for a lock, or forgot that, or has an earlier epoch, and a quarantine would begin with this one. It begins with the first lock of a program, or bootstrap() ends it`
  return found('lock', 'warning', measured)
}

/** What only shows when they are put side by side. */
function several(all: readonly (Samples | null)[]): readonly Found[] {
  const answering = all.flatMap((samples, i) => (samples ? [{ samples, i }] : []))
  const [count, up] = [all.length, answering.length]
  const needed = Math.floor(count / 2) + 1
  const enough = up >= needed
  const severity = !enough ? 'error' : up < count ? 'warning' : count % 2 === 0 ? 'note' : 'ok'
  const measured = `${up} of ${count} servers answer, ${needed} are needed`
  const values = { count, answering: up, needed }
  const runs = answering.map(({ samples }) => samples.run)
  const twice = runs.filter((run, i) => run !== '' && runs.indexOf(run) < i)
  const same =
    twice.length > 0
      ? found(
          'same-server',
          'error',
          `servers that are one: run ${twice.join(', ')} answers more than once`,
        )
      : runs.includes('')
        ? unseen('same-server', 'without INFO a server does not say its run')
        : found('same-server', 'ok', 'each is another one')
  return [found('servers', severity, measured, values), same, difference(answering)]
}

function difference(answering: readonly { samples: Samples; i: number }[]): Found {
  if (answering.length < 2) return unseen('clock-difference', 'fewer than two servers answer')
  const sorted = answering
    .map(({ samples, i }) => ({ i, ...offset(samples.samples) }))
    .toSorted((a, b) => a.least - b.least)
  const [first, last] = [sorted[0]!, sorted.at(-1)!]
  // What is certain: they are at least so far apart.
  const apart = Math.max(0, last.least - first.most)
  const severity = apart >= 60_000 ? 'error' : apart >= 1000 ? 'warning' : 'ok'
  const measured = `server ${last.i} is at least ${ms(apart)} ahead of server ${first.i}`
  const most = last.most - first.least
  return found('clock-difference', severity, measured, { least: apart, most })
}

/** Takes a lock, as a program does. */
async function tryLock(engine: Engine, name: string, begun: number): Promise<Found> {
  try {
    // On its own terms, so that it is asked of the server.
    const lock = await new Mutex(engine, name, { localHandovers: 0 }).acquire({ wait: 0 })
    try {
      await lock.verify()
    } finally {
      await lock.release()
    }
    const took = engine.runtime.monotonic() - begun
    return found('lock', 'ok', `acquired, renewed and released in ${ms(took)}`, { took })
  } catch (error) {
    const { code, message } = error as HoldfastError
    if (code === 'ERR_TAKEN') return unseen('lock', message)
    return found('lock', 'error', message, { code })
  }
}
