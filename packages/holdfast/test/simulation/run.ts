import type { HoldfastOptions } from '../../src/index.js'
import { check, type Judgement } from '../history/check.mjs'
import type { Event } from '../history/history.mjs'
import { SimProcess } from './client.js'
import { Dice } from './dice.js'
import { Faults } from './faults.js'
import { SimNode } from './node.js'
import { Recorder } from './recorder.js'
import { Resource } from './resource.js'
import { habitsOf, type Scenario } from './scenarios.js'
import { Schedule } from './schedule.js'
import { Link, Wire } from './wire.js'
import { MOST_KEPT, Task, type Habits, type Stage } from './workload.js'

/** Faults happen for so long, ms. */
const BAD_MS = 2500
/** After it every call has come to its end, and every lease that nobody renews is over. */
const SETTLED_MS = 5000

/** What came of one seed. */
export interface Outcome extends Judgement {
  readonly seed: number
  readonly scenario: Scenario
  readonly events: readonly Event[]
  /** What happened how often. */
  readonly tallies: ReadonlyMap<string, number>
  /** Virtual ms, and events of the schedule. */
  readonly virtual: number
  readonly steps: number
}

/** Plays one seed of a scenario, from the first process to the last key. */
export async function play(seed: number, nodes: number, scenario: Scenario): Promise<Outcome> {
  const world = new SimWorld(seed, nodes, scenario)
  try {
    await world.play()
  } finally {
    world.recorder.close()
  }
  return world.outcome()
}

class SimWorld {
  readonly #seed: number
  readonly #scenario: Scenario
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

  constructor(seed: number, nodes: number, scenario: Scenario) {
    this.#seed = seed
    this.#scenario = scenario
    const dice = new Dice(seed)
    this.#dice = dice
    const weather = scenario.weather(dice)
    for (let i = 0; i < nodes; i++) {
      const clock = { rate: this.#rate(), ahead: dice.between(-5000, 5000) }
      const node = new SimNode('abcdefg'[i]!, this.#schedule, clock)
      this.#nodes.push(node)
      this.#wires.push(
        new Wire(node, this.#schedule, dice.fork(), weather, this.recorder.counts),
      )
    }
    this.recorder.serverTime = () => Math.max(...this.#nodes.map(({ latest }) => latest))
    this.#habits = habitsOf(dice, scenario)
    this.#options = { checkEviction: dice.chance(0.1) }
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

  #rate(): number {
    const { drift } = this.#scenario
    return 1 + this.#dice.between(-drift, drift)
  }

  #start(): SimProcess {
    const dice = this.#dice
    const clock = { rate: this.#rate(), ahead: dice.between(-1e6, 1e6), seed: 1 + dice.below(1e6) }
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
    for (let i = this.#scenario.tasks ?? 1 + dice.below(2); i > 0; i--) {
      this.#working++
      const task = new Task(process, this.#stage, dice.fork())
      void task.run().finally(() => this.#working--)
    }
    return process
  }

  #replace(old: SimProcess): void {
    const at = this.#processes.indexOf(old)
    if (at >= 0) this.#processes.splice(at, 1)
    this.#start()
  }

  async play(): Promise<void> {
    const { faults, every } = this.#scenario
    this.#faults.begin(faults, every, BAD_MS)
    await this.#schedule.run(BAD_MS)
    this.#faults.mend()
    for (const wire of this.#wires) {
      wire.weather = { ...wire.weather, lost: 0, doubled: 0, late: 0, reordered: false }
    }
    this.#stage.over = true
    this.recorder.add({ kind: 'healed', client: '' })
    const [, ttl] = this.#habits.ttl
    await this.#schedule.run(BAD_MS + SETTLED_MS + 2 * ttl + MOST_KEPT)
    await this.#probe()
    this.#lookForKeys()
    await this.#close()
  }

  /** All is well: every name can be had. */
  async #probe(): Promise<void> {
    const living = this.#processes[0]!
    const names = new Set(this.recorder.events.flatMap(({ kind, name }) => kind === 'granted' ? [name!] : []))
    const probes = [...names].map(async (name) => {
      const about = { name, must: true, limit: 3000 }
      const made = await this.recorder.call(living, 'probe', about, async (call) => {
        const lock = await living.locks.mutex(name).acquire({ wait: 2500 })
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
    await this.#schedule.run(this.#schedule.monotonic() + 4000, () => over)
    await this.#schedule.run(this.#schedule.monotonic() + 500)
  }

  #left(client: string, what: string): void {
    this.recorder.add({ kind: 'left', client, what })
  }

  #lookForKeys(): void {
    for (const { name, server } of this.#nodes) {
      for (const key of server.keys()) {
        if (!key.includes(':hf:fence:') && key !== 'hf:node') this.#left('', `${key} on ${name}`)
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
    const expected = { ahead: this.#nodes.length > 1 ? 60e6 : 1000, slack: 3, ...this.#scenario.expected }
    const commands = this.#wires.reduce((sum, wire) => sum + wire.commands, 0)
    counts.set('commands', commands)
    return {
      ...check(events.toSorted((a, b) => a.mono - b.mono), expected),
      seed: this.#seed,
      scenario: this.#scenario,
      events,
      tallies: counts,
      virtual: this.#schedule.monotonic(),
      steps: this.#schedule.events,
    }
  }
}
