import { milliseconds } from '../base/duration.js'
import { HoldfastError, invalid } from '../base/errors.js'
import type { Known } from '../clients/shapes.js'
import type { Guard } from '../quorum/ops.js'
import { checkAll, type HoldfastOptions } from './options.js'

const QUARANTINE_MS = 60_000

/** @throws ERR_INVALID_ARGUMENT, ERR_CONFIG */
export function checkHoldfast(options: HoldfastOptions, clients: readonly Known[]): void {
  const count = clients.length
  checkAll(options, 'runtime', options?.runtime)
  const { quarantine, epoch = 0, strictFailover = false, replicas = 0 } = options
  if (typeof strictFailover !== 'boolean') {
    throw invalid('options.strictFailover', strictFailover, 'true or false')
  }
  if (strictFailover && count > 1) {
    const expected = 'none of several servers: each is in quarantine after its restart anyway'
    throw invalid('options.strictFailover', strictFailover, expected)
  }
  if (replicas > 0 && count > 1) {
    const expected = 'none of several servers, each of which has a vote and no replica'
    throw invalid('options.replicas', replicas, expected)
  }
  const guarded = count > 1 || strictFailover
  if (!(Number.isInteger(epoch) && epoch >= 0)) {
    throw invalid('options.epoch', epoch, 'a whole number from 0 on')
  }
  for (const [name, given] of Object.entries({ quarantine, epoch: options.epoch })) {
    if (given === undefined || guarded) continue
    throw invalid(`options.${name}`, given, 'none of a single server without strictFailover')
  }
  guardOf(options, count)
  const { cluster } = clients[0]!
  if (strictFailover && cluster) {
    const message = 'strictFailover is for one primary with replicas, and not for a Cluster'
    throw new HoldfastError('ERR_CONFIG', message)
  }
  if (replicas > 0) checkAcknowledges(clients[0]!)
}

function checkAcknowledges(known: Known): void {
  const { kind, cluster } = known
  if (!cluster && (known.is !== 'port' || known.client.runAcknowledged)) return
  const what = cluster ? `the Cluster of a ${kind} client` : `a port of ${kind}`
  const message = `The option replicas is for one server with replicas; ${what} cannot wait for them. Leave it out, or make it 0.`
  throw new HoldfastError('ERR_CONFIG', message)
}

/** What the servers are to remember of themselves; null: nothing. @throws ERR_INVALID_ARGUMENT */
export function guardOf(options: HoldfastOptions, count: number): Guard | null {
  const { quarantine = QUARANTINE_MS, epoch = 0, strictFailover = false } = options
  const ms = milliseconds('options.quarantine', quarantine, 0)
  return (count > 1 || strictFailover) && ms > 0 ? { epoch, quarantine: ms } : null
}

/** The longest lease that a guard allows: it is over before the quarantine is, by any clock. */
export function longestOf(guard: Guard | null, drift: number): number {
  return guard ? Math.floor(guard.quarantine / (1 + drift)) - 2 : Infinity
}
