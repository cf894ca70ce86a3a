/** What is measured. Names as OpenTelemetry writes them; `unit` s becomes `_seconds` for Prometheus. */
export interface Instrument {
  readonly name: string
  readonly kind: 'histogram' | 'counter' | 'updown'
  readonly unit: string
  readonly description: string
}

const seconds = (name: string, description: string): Instrument => ({
  name,
  kind: 'histogram',
  unit: 's',
  description,
})
const counter = (name: string, unit: string, description: string): Instrument => ({
  name,
  kind: 'counter',
  unit,
  description,
})
const updown = (name: string, unit: string, description: string): Instrument => ({
  name,
  kind: 'updown',
  unit,
  description,
})

/** What a measurement is of. */
export type InstrumentKey =
  | 'acquire'
  | 'hold'
  | 'margin'
  | 'held'
  | 'waiting'
  | 'renewals'
  | 'losses'
  | 'deadlocks'
  | 'wakeups'
  | 'overruns'
  | 'rejections'

/** All that is measured, for both ways out. docs/telemetry.md has the attributes of each. */
export const INSTRUMENTS: Readonly<Record<InstrumentKey, Instrument>> = {
  acquire: seconds('holdfast.acquire.duration', 'From the call to the lock, or to its failure.'),
  hold: seconds('holdfast.hold.duration', 'From the grant to the end of the lease.'),
  margin: seconds('holdfast.lease.margin', 'What a lease had left when its renewal was confirmed.'),
  held: updown('holdfast.hold.count', '{lock}', 'Locks that are held.'),
  waiting: updown('holdfast.waiter.count', '{waiter}', 'Calls that wait in a line.'),
  renewals: counter(
    'holdfast.renewals',
    '{renewal}',
    'Renewals; of failures one for each trouble.',
  ),
  losses: counter('holdfast.losses', '{lock}', 'Leases that ended before their release.'),
  deadlocks: counter('holdfast.deadlocks', '{deadlock}', 'Circles of waits that were found.'),
  wakeups: counter(
    'holdfast.wakeups',
    '{wakeup}',
    'Waiters that were handed a lock by the server.',
  ),
  overruns: counter('holdfast.hold.overruns', '{lock}', 'Holds longer than their expectedHold.'),
  rejections: counter(
    'holdfast.fence.rejections',
    '{rejection}',
    'Fencing tokens that a resource refused.',
  ),
}

/** Upper bounds of the buckets of all histograms, in seconds. */
export const BUCKETS: readonly number[] = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]
