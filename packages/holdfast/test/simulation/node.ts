import { keysOf } from '../../src/kernel/names.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { SortedSet } from '../../src/kernel/memory/sorted-set.js'
import { Stream } from '../../src/kernel/memory/stream.js'
import { EPOCH } from '../kit/client-clock.js'
import type { Schedule } from './schedule.js'

/** A server that may come back with what it had. */
class Server extends MemoryServer {
  /** Whether a restart finds what there was. */
  lasting = false

  override flush(): void {
    if (!this.lasting) super.flush()
  }

  /** All that a key holds. */
  textOf(key: string): string {
    const value = this.space.peek(key)
    if (value === null || typeof value === 'string') return value ?? ''
    if (value instanceof Map) return [...value].flat().join(' ')
    // A history says nothing of locks.
    if (value instanceof Stream) return ''
    return value
      .slice(0, value.size)
      .map(({ member }) => member)
      .join(' ')
  }
}

/** One server of the run: it runs, stands still, or is away; and its clock may be wrong. */
export class SimNode {
  readonly name: string
  readonly server: Server
  state: 'up' | 'stopped' | 'down' = 'up'
  /** What its clock is ahead of the world's, ms, and how fast it runs. */
  step = 0
  readonly #rate: number
  readonly #schedule: Schedule
  readonly #waiting: (() => void)[] = []
  #lives = 0
  /** The latest time that it ever said. */
  #latest = 0

  constructor(name: string, schedule: Schedule, clock: { rate: number; ahead: number }) {
    this.name = name
    this.#schedule = schedule
    this.#rate = clock.rate
    this.step = clock.ahead
    this.server = new Server({ now: () => this.micros })
    this.#newRun()
  }

  get micros(): number {
    const ms = EPOCH + this.#schedule.monotonic() * this.#rate + this.step
    const now = Math.floor(ms * 1000)
    this.#latest = Math.max(this.#latest, now)
    return now
  }

  get latest(): number {
    return Math.max(this.#latest, this.micros)
  }

  /** When the lease ends that an owner has here, by the world's time; -Infinity: it has none. */
  endsOf(name: string, owner: string): number {
    const [k, , , shared] = keysOf(name, 'lock:')
    const { space } = this.server
    const value = space.peek(k)
    const shares = space.peek(shared)
    let ends = value === owner ? space.expiry(k) : null
    if (ends === null && shares instanceof SortedSet) ends = shares.score(owner)
    return ends === null ? -Infinity : (ends - EPOCH - this.step) / this.#rate
  }

  /** Something has arrived: now, when it goes on, or never. */
  arrive(work: () => void): void {
    if (this.state === 'up') work()
    else if (this.state === 'stopped') this.#waiting.push(work)
  }

  stop(): void {
    if (this.state === 'up') this.state = 'stopped'
  }

  resume(): void {
    if (this.state !== 'stopped') return
    this.state = 'up'
    for (const work of this.#waiting.splice(0)) work()
  }

  down(): void {
    this.state = 'down'
    this.#waiting.length = 0
  }

  /** Back, as another run, with what it had or without. */
  restart(lasting: boolean): void {
    this.state = 'up'
    this.server.lasting = lasting
    this.server.restart()
    this.server.lasting = false
    this.#newRun()
  }

  #newRun(): void {
    this.server.runId = `${this.name}run${++this.#lives}`.padEnd(16, '0')
  }
}
