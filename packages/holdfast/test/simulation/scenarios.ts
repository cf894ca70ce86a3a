import type { Expectations } from '../history/check.mjs'
import type { Dice } from './dice.js'
import type { Fault } from './faults.js'
import { MOST_KEPT, type Habits, type Kind } from './workload.js'
import type { Weather } from './wire.js'

/** A kind of bad day. What is not told is drawn anew for each seed. */
export interface Scenario {
  readonly name: string
  /** With how many nodes it makes sense: any unless told. */
  readonly nodes?: (count: number) => boolean
  readonly faults: Partial<Record<Fault, number>>
  /** Between two faults, ms on average. */
  readonly every: number
  readonly weather: (dice: Dice) => Weather
  /** How far clocks run apart, as a part to either side; 0.004 is within the drift allowed for. */
  readonly drift: number
  readonly expected: Expectations
  readonly habits?: (dice: Dice) => Partial<Habits>
  /** Of each process; 1 or 2 unless told. */
  readonly tasks?: number
}

const WITHIN = 0.004

const fine = (dice: Dice): Weather => ({
  latency: dice.between(0.1, 3),
  lost: 0,
  doubled: 0,
  late: 0,
  lateness: 0,
  reordered: false,
})

const bad = (dice: Dice): Weather => ({
  latency: dice.between(0.1, 8),
  lost: dice.chance(0.7) ? dice.between(0, 0.06) : 0,
  doubled: dice.chance(0.7) ? dice.between(0, 0.08) : 0,
  late: dice.chance(0.7) ? dice.between(0, 0.06) : 0,
  lateness: dice.between(50, 1500),
  reordered: dice.chance(0.6),
})

const MIXES: readonly Partial<Record<Kind, number>>[] = [
  { mutex: 1 },
  { read: 3, write: 2 },
  { semaphore: 1 },
  { mutex: 2, all: 2, semaphore: 1, read: 1 },
  { mutex: 1, reentrant: 2 },
  { mutex: 4, read: 3, write: 2, semaphore: 3, all: 1, reentrant: 1 },
]

/** The longest lease that `extend` and `lockDelay` make of this, and the drift. */
export const quarantineFor = (ttl: number): number => Math.ceil((1.5 * ttl + MOST_KEPT) * 1.02) + 10

/** What the tasks of a run do. */
export function habitsOf(dice: Dice, { habits }: Scenario, nodes: number): Habits {
  // On a quorum they are short, so that a node that forgot comes back in the time of a run.
  const least = dice.between(300, nodes === 1 ? 700 : 330)
  return {
    kinds: dice.pick(MIXES),
    names: 1 + dice.below(2),
    limit: 2 + dice.below(2),
    hold: dice.between(5, 60),
    pause: dice.between(1, 40),
    ttl: [least, least + dice.between(10, nodes === 1 ? 600 : 100)],
    forced: dice.chance(0.3) ? 0.03 : 0,
    handedOver: dice.chance(0.3) ? 0.1 : 0,
    aborted: dice.chance(0.5) ? 0.15 : 0,
    tries: dice.between(0, 0.3),
    fixed: dice.chance(0.5) ? 0.2 : 0,
    extras: dice.chance(0.3) ? 0.15 : 0,
    localHandovers: 0,
    linger: 0,
    ...habits?.(dice),
  }
}

/** Many calls of each process for one name, which share a place. */
const inTurns = (dice: Dice): Partial<Habits> => ({
  names: 1,
  kinds: dice.pick([{ mutex: 1 }, { mutex: 4, reentrant: 1 }, { write: 3, read: 1 }]),
  hold: dice.between(1, 20),
  pause: dice.between(0.1, 5),
  localHandovers: dice.pick([1, 2, 5, 16]),
})

export const scenarios: readonly Scenario[] = [
  {
    name: 'calm',
    faults: {},
    every: Infinity,
    weather: fine,
    drift: WITHIN,
    expected: { calm: true },
    tasks: 1,
    // What a holder does to others beside its lock is no calm.
    habits: (dice) => ({
      forced: 0,
      handedOver: 0,
      extras: 0,
      fixed: 0,
      kinds: dice.pick(MIXES.slice(0, 4)),
    }),
  },
  {
    name: 'network',
    faults: { cut: 4, break: 3, mute: 2, gale: 2, isolate: 1 },
    every: 150,
    weather: bad,
    drift: WITHIN,
    expected: {},
  },
  {
    name: 'processes',
    faults: { stop: 4, sleep: 2, kill: 3, close: 1, wall: 1 },
    every: 120,
    weather: fine,
    drift: WITHIN,
    expected: {},
  },
  {
    name: 'servers',
    faults: { freeze: 3, restart: 3, mute: 1, scripts: 1 },
    every: 300,
    weather: fine,
    drift: WITHIN,
    expected: {},
  },
  {
    name: 'amnesia',
    faults: { forget: 3, flush: 2, kill: 1, stop: 1 },
    every: 350,
    weather: fine,
    drift: WITHIN,
    expected: {},
  },
  {
    name: 'clocks',
    faults: { ahead: 2, behind: 2, wall: 4, sleep: 2, stop: 1 },
    every: 200,
    weather: fine,
    drift: WITHIN,
    expected: {},
  },
  {
    name: 'beyond',
    faults: { stop: 2, cut: 2, wall: 1, ahead: 1 },
    every: 200,
    weather: bad,
    drift: 0.15,
    expected: { exclusion: false },
  },
  {
    name: 'storm',
    faults: {
      cut: 3,
      break: 2,
      mute: 2,
      gale: 1,
      isolate: 1,
      stop: 3,
      sleep: 1,
      kill: 2,
      close: 1,
      freeze: 2,
      restart: 1,
      wall: 1,
    },
    every: 80,
    weather: bad,
    drift: WITHIN,
    expected: {},
  },
  {
    // Calls of one process hand a lock on among themselves.
    name: 'cohorts',
    faults: {
      cut: 2,
      break: 2,
      mute: 1,
      stop: 3,
      sleep: 1,
      kill: 2,
      close: 1,
      freeze: 1,
      restart: 1,
    },
    every: 120,
    weather: bad,
    drift: WITHIN,
    expected: {},
    tasks: 4,
    habits: inTurns,
  },
  {
    // The same while a server's clock goes back: then its tokens are those that it noted, and not its time.
    name: 'setback',
    nodes: (count) => count === 1,
    faults: { behind: 1, stop: 3, cut: 2 },
    every: 300,
    weather: fine,
    drift: WITHIN,
    // They go on from where they were, 64 for each grant.
    expected: { ahead: 100_000 },
    tasks: 4,
    habits: inTurns,
  },
  {
    // A process keeps a lock that nobody wants.
    name: 'linger',
    nodes: (count) => count === 1,
    faults: {
      cut: 2,
      break: 2,
      mute: 1,
      stop: 3,
      sleep: 2,
      kill: 2,
      close: 1,
      freeze: 1,
      restart: 1,
      wall: 1,
    },
    every: 120,
    weather: bad,
    drift: WITHIN,
    expected: {},
    tasks: 2,
    habits: (dice) => ({
      names: 1 + dice.below(2),
      kinds: dice.pick([{ mutex: 1 }, { mutex: 4, all: 1 }, { write: 3, read: 1 }]),
      hold: dice.between(1, 20),
      pause: dice.between(0.1, 60),
      fixed: 0,
      localHandovers: dice.pick([1, 16]),
      linger: Math.round(dice.between(20, 400)),
    }),
  },
]
