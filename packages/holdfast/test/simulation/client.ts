import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { ClientClock, type ClientClockOptions } from '../kit/client-clock.js'
import type { Recorder } from './recorder.js'
import type { Schedule } from './schedule.js'
import type { Link } from './wire.js'

/** The clocks of a process, which remember the id that its Holdfast gave itself. */
class ProcessClock extends ClientClock {
  id = ''

  override randomHex(count: number): string {
    const hex = super.randomHex(count)
    this.id ||= hex
    return hex
  }
}

/** One process with one Holdfast. It may stop, sleep, and end. */
export class SimProcess {
  readonly name: string
  readonly clock: ProcessClock
  readonly links: readonly Link[]
  readonly locks: Holdfast
  /** As its owner ids begin. */
  readonly id: string
  state: 'runs' | 'stopped' | 'ended' = 'runs'
  /** Its Holdfast was closed in good order. */
  closed = false
  /** How fast its clocks run. */
  readonly rate: number
  readonly #recorder: Recorder

  constructor(
    name: string,
    schedule: Schedule,
    recorder: Recorder,
    clock: ClientClockOptions,
    links: (clock: ClientClock) => readonly Link[],
    options: HoldfastOptions,
  ) {
    this.name = name
    this.#recorder = recorder
    this.rate = clock.rate ?? 1
    this.clock = new ProcessClock(schedule, clock)
    this.links = links(this.clock)
    this.locks = holdfastOf(this.links, { ...options, runtime: this.clock })
    this.id = this.clock.id
    recorder.know(this)
  }

  /** As its own timers count it: not while it is stopped, never when it has ended. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(resolve, ms))
  }

  stop(how: 'stopped' | 'asleep'): void {
    if (this.state !== 'runs') return
    this.state = 'stopped'
    this.clock.freeze(how)
    const asleep = how === 'asleep'
    this.#recorder.add({ kind: 'stopped', client: this.name, asleep })
  }

  resume(): void {
    if (this.state !== 'stopped') return
    this.state = 'runs'
    this.#recorder.add({ kind: 'resumed', client: this.name })
    this.clock.thaw()
  }

  get asks(): number {
    return this.links.reduce((sum, { asks }) => sum + asks, 0)
  }

  async close(): Promise<void> {
    this.closed = true
    await this.#recorder.call(this, 'close', { limit: 2000 }, () => this.locks.close())
  }

  /** SIGKILL. `noticed`: its connections are closed; else the servers think that it lives. */
  kill(noticed: boolean): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.clock.freeze('stopped')
    for (const link of this.links) link.die(noticed)
    this.#recorder.add({ kind: 'exit', client: this.name })
  }
}

function holdfastOf(links: readonly Link[], options: HoldfastOptions): Holdfast {
  const [only, ...more] = links
  return new Holdfast(more.length === 0 ? only! : links, options)
}
