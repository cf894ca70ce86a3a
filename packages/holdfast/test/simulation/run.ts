import type { HoldfastOptions } from '../../src/index.js'
import { check, type Judgement } from '../history/check.mjs'
import type { Event } from '../history/history.mjs'
import type { Case } from './cases.js'
import { SimProcess } from './client.js'
import { Dice } from './dice.js'
import { Faults } from './faults.js'
import { SimNode } from './node.js'
import { Recorder } from './recorder.js'
import { Resource } from './resource.js'
import { habitsOf, quarantineFor, type Scenario } from './scenarios.js'
import { Schedule } from './schedule.js'
import { Link, Wire, type Weather } from './wire.js'
import { MOST_CLAIM, MOST_KEPT, Task, type Habits, type Stage } from './workload.js'

/** Faults happen for so long, ms. */
const BAD_MS = 2000
/**
 * After it every call has come to its end, and every lease that nobody renews is over. The ballots that a
 * node asks for after it forgot are those of later than 65 s, and others refuse those of later than 60 s.
 */
const SETTLED_MS = { one: 5000, several: 25_000 }

/** What came of one case. */
export interface Outcome extends Judgement {
  readonly events: readonly Event[]
  /** What happened how often. */
  readonly tallies: ReadonlyMap<string, number>
  /** Virtual ms, and events of the schedule. */
  readonly virtual: number
  readonly steps: number
}

/** Plays one case, from the first process to the last key. */
export async function play({ seed, nodes, scenario }: Omit<Case, 'command'>): Promise<Outcome> {
  const world = new SimWorld(seed, nodes, scenario)
  try {
    await world.play()
  } finally {
    world.recorder.close()
  }
  return world.outcome()
}

class SimWorld {
  readonly #scenario: Scenario
  readonly #weather: Weather
  readonly #dice: Dice
  readonly #schedule = new Schedule()
  readonly recorder = new Recorder(this.#schedule)
  readonly #nodes: SimNode[] = []
  readonly #wires: Wire[] = []
  /** Those that live, and all that ever did. */
  readonly #processes: SimProcess[] = []
  readonly #all: SimProcess[] = []
  readonly #habits: Habits
  readonly #stage: Stage
  readonly #faults: Faults
  readonly #options: HoldfastOptions
  #working = 0
  readonly #begun: Promise<void>
  #begin = (): void => undefined

  constructor(seed: number, nodes: number, scenario: Scenario) {
    this.#scenario = scenario
    const dice = new Dice(seed)
    this.#dice = dice
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve
    })
    const weather = scenario.weather(dice)
    this.#weather = weather
    for (let i = 0; i < nodes; i++) {
      const clock = { rate: this.#rate(), ahead: dice.between(-5000, 5000) }
      const node = new SimNode('abcdefg'[i]!, this.#schedule, clock)
      this.#nodes.push(node)
      this.#wires.push(
        new Wire(node, this.#schedule, dice.fork(), calm(weather), this.recorder.counts),
      )
    }
    this.recorder.serverTime = () => Math.max(...this.#nodes.map(({ latest }) => latest))
    this.#habits = habitsOf(dice, scenario, nodes)
    // A node that forgot votes for nobody, and one whose clock stepped is outvoted: but they hold nothing.
    const { forget, flush, ahead } = scenario.faults
    if (nodes === 1 || !(forget ?? flush ?? ahead)) {
      const majority = nodes >> 1
      this.recorder.leaseEnds = (name, owner) => {
        const ends = this.#nodes.map((node) => node.endsOf(name, owner))
        return ends.toSorted((a, b) => b - a)[majority]!
      }
    }
    const [, ttl] = this.#habits.ttl
    const quorum = nodes === 1 ? {} : { quarantine: quarantineFor(ttl) }
    // What a whole process remembers would tell one run of another.
    const { localHandovers } = this.#habits
    this.#options = { checkEviction: false, localHandovers, ...quorum }
    const resource = new Resource(this.#schedule, this.recorder, dice.fork())
    const schedule = this.#schedule
    const recorder = this.recorder
    const processes = this.#processes
    this.#stage = { schedule, recorder, resource, habits: this.#habits, processes, over: false }
    const victims = { schedule, recorder, nodes: this.#nodes, wires: this.#wires, processes }
    const replace = (old: SimProcess): void => this.#replace(old)
    this.#faults = new Faults({ ...victims, replace }, dice.fork())
    for (let i = 2 + dice.below(3); i > 0; i--) this.#start()
  }

  get #settled(): number {
    return this.#nodes.length === 1 ? SETTLED_MS.one : SETTLED_MS.several
  }

  /** The servers of a quorum are told that no lease can be alive. */
  async #bootstrap(): Promise<void> {
    if (this.#nodes.length === 1) return
    const [process] = this.#processes
    const about = { must: true, limit: 2000 }
    const { locks } = process!
    await this.recorder.call(process!, 'bootstrap', about, () => locks.bootstrap())
  }

  #rate(): number {
    const { drift } = this.#scenario
    return 1 + this.#dice.between(-drift, drift)
  }

  #start(): SimProcess {
    const dice = this.#dice
    // No two the same, or they would have the same client id.
    const seed = 1 + 100 * dice.below(1e6) + this.#all.length
    const clock = { rate: this.#rate(), ahead: dice.between(-1e6, 1e6), seed }
    const process = new SimProcess(
      `c${this.#all.length + 1}`,
      this.#schedule,
      this.recorder,
      clock,
      (own) => this.#wires.map((wire, i) => new Link(wire, this.#nodes[i]!, own)),
      this.#options,
    )
    for (const link of process.links) if (link.node.state === 'down') link.breaks()
    this.#processes.push(process)
    this.#all.push(process)
    this.#work(process)
    return process
  }

  #work(process: SimProcess): void {
    for (let i = this.#scenario.tasks ?? 1 + this.#dice.below(2); i > 0; i--) {
      this.#working++
      const task = new Task(process, this.#stage, this.#dice.fork())
      void this.#begun.then(() => task.run()).finally(() => this.#working--)
    }
  }

  #replace(old: SimProcess): void {
    const at = this.#processes.indexOf(old)
    if (at >= 0) this.#processes.splice(at, 1)
    this.#start()
  }

  async play(): Promise<void> {
    const { faults, every } = this.#scenario
    let ready = false
    void this.#bootstrap().then(() => {
      ready = true
    })
    await this.#schedule.run(2000, () => ready)
    const began = this.#schedule.monotonic()
    for (const wire of this.#wires) wire.weather = this.#weather
    this.#begin()
    this.#faults.begin(faults, every, began + BAD_MS)
    await this.#schedule.run(began + BAD_MS)
    this.#faults.mend()
    for (const wire of this.#wires) wire.weather = calm(wire.weather)
    this.#stage.over = true
    this.recorder.add({ kind: 'healed', client: '' })
    await this.#lookAtOnce()
    const [, ttl] = this.#habits.ttl
    await this.#schedule.run(began + BAD_MS + this.#settled + 2 * ttl + MOST_KEPT)
    await this.#probe()
    this.#lookForKeys()
    await this.#close()
  }

  /** Where nothing went wrong, nothing is left as soon as nobody holds or waits: no lease has to end first. */
  async #lookAtOnce(): Promise<void> {
    if (!this.#scenario.expected.calm) return
    const monotonic = (): number => this.#schedule.monotonic()
    await this.#schedule.run(monotonic() + this.#settled, () => this.#working === 0)
    // Some hold for long, one after the other.
    if (this.#working > 0) return
    await this.#schedule.run(monotonic() + 300)
    this.#lookForKeys()
  }

  /** All is well: every name can be had. */
  async #probe(): Promise<void> {
    const living = this.#processes[0]!
    const names = new Set(
      this.recorder.events.flatMap(({ kind, name }) => (kind === 'granted' ? [name!] : [])),
    )
    // Each process that was killed may stand in the line with a connection that the server takes for alive: a
    // claim, and at most another one until somebody behind it looks.
    const dead = this.#all.filter(({ state }) => state === 'ended').length
    const wait = Math.max(2500, 500 + 2 * MOST_CLAIM * dead)
    const probes = [...names].map(async (name) => {
      const about = { name, must: true, limit: wait + 500 }
      const made = await this.recorder.call(living, 'probe', about, async (call) => {
        const lock = await living.locks.mutex(name, { ttl: 300 }).acquire({ wait })
        this.recorder.granted(living, call, lock, { mode: 'x' })
        return lock
      })
      if (!made.value) return
      this.recorder.ends(living, made.value)
      await made.value.release()
    })
    let over = false
    void Promise.all(probes).finally(() => {
      over = true
    })
    await this.#schedule.run(this.#schedule.monotonic() + wait + 1500, () => over)
    await this.#schedule.run(this.#schedule.monotonic() + 500)
  }

  #left(client: string, what: string): void {
    this.recorder.add({ kind: 'left', client, what })
  }

  /** What processes left that were killed ends by itself; of the living nothing is left but fences. */
  #lookForKeys(): void {
    const living = this.#processes.filter(({ state }) => state !== 'ended')
    for (const { name, server } of this.#nodes) {
      for (const key of server.keys()) {
        if (key.includes(':hf:fence:') || key.includes(':hf:node')) continue
        const text = server.textOf(key)
        const whose = living.find(({ id }) => text.includes(id))
        if (whose) this.#left(whose.name, `${key} on ${name}`)
        else if (server.space.expiry(key) === null) this.#left('', `${key} on ${name}, for ever`)
      }
    }
  }

  async #close(): Promise<void> {
    const living = this.#processes.filter(({ state }) => state === 'runs')
    for (const process of living) void process.close()
    await this.#schedule.run(this.#schedule.monotonic() + 2500)
    for (const { name, clock, links } of living) {
      if (clock.timers > 0) this.#left(name, `${clock.timers} timers`)
      for (const link of links) {
        if (link.wishes > 0) this.#left(name, `${link.wishes} listeners for ready`)
      }
    }
    if (this.#working > 0) {
      const dead = this.#all.filter(({ state }) => state === 'ended').length
      if (dead === 0) this.#left('', `${this.#working} tasks that never ended`)
    }
  }

  outcome(): Outcome {
    const { events, counts } = this.recorder
    const several = this.#nodes.length > 1
    const { calm: quiet = false, ...others } = this.#scenario.expected
    // A quorum promises progress, and no order; its ballots may be a minute ahead of its clocks.
    const ahead = several ? 66e6 : 1000
    const expected = { ahead, slack: 3, calm: quiet && !several, ...others }
    const commands = this.#wires.reduce((sum, wire) => sum + wire.commands, 0)
    counts.set('commands', commands)
    const judgement = check(
      events.toSorted((a, b) => a.mono - b.mono),
      expected,
    )
    const text = 'time stood still: something is done again and again without a pause'
    const mono = this.#schedule.monotonic()
    const stuck = this.#schedule.stuck ? [{ invariant: 'I4 settles', mono, text }] : []
    return {
      counts: judgement.counts,
      violations: [...stuck, ...judgement.violations],
      events,
      tallies: counts,
      virtual: this.#schedule.monotonic(),
      steps: this.#schedule.events,
    }
  }
}

const calm = (weather: Weather): Weather => {
  return { ...weather, lost: 0, doubled: 0, late: 0, reordered: false }
}
