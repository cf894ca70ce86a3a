import type { Reply, Script, Subscription, SubscriptionEvents } from '../../src/clients/port.js'
import type { ClientClock } from '../kit/client-clock.js'
import { SimNet, type Parcel } from '../kit/sim-net.js'
import { SimPort } from '../kit/sim-port.js'
import type { Dice } from './dice.js'
import type { SimNode } from './node.js'
import type { Schedule } from './schedule.js'

/** How the network is. Parts are of all messages. */
export interface Weather {
  /** Mean latency of one way, ms. */
  readonly latency: number
  readonly lost: number
  readonly doubled: number
  /** Held up for long, and so late. */
  readonly late: number
  /** Up to how long, ms. */
  readonly lateness: number
  /** Whether what one connection carries may arrive in another order. */
  readonly reordered: boolean
}

/** How one link of a client to a node fails: nothing gets through, or nothing in one direction. */
export type Cut = 'both' | 'there' | 'back'

/** One client's connection to one node. */
export class Link extends SimPort {
  cut: Cut | null = null
  /** When the last message of each direction arrives. */
  readonly last = { request: 0, reply: 0, push: 0 }
  readonly node: SimNode
  readonly wire: Wire
  /** How often the name of a lock was asked for. */
  asks = 0
  readonly #process: ClientClock
  #dead = false
  /** The subscriber connection is broken. */
  #mute = false
  readonly #underWay = new Set<(error: Error) => void>()

  constructor(wire: Wire, node: SimNode, clock: ClientClock) {
    super(wire, clock)
    this.wire = wire
    this.node = node
    this.#process = clock
  }

  override run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    if (this.#dead) return new Promise(() => undefined)
    if (script.name === 'acquire') this.asks++
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject)
      const end = (): void => void this.#underWay.delete(reject)
      super.run(script, keys, args).finally(end).then(resolve, reject)
    })
  }

  override async subscribe(channel: string, events: SubscriptionEvents): Promise<Subscription> {
    do await this.wire.latency()
    while (!this.closed && !this.#connected)
    // A process that stands still hears of it when it goes on.
    await new Promise<void>((resolve) => this.#process.receive(resolve))
    return super.subscribe(channel, events)
  }

  get #connected(): boolean {
    return this.ready && this.cut === null && this.node.state === 'up' && !this.#mute
  }

  override cutPushes(): void {
    if (this.#mute) return
    this.#mute = true
    super.cutPushes()
  }

  override mendPushes(): void {
    if (!this.#mute || this.#dead || !this.ready) return
    this.#mute = false
    super.mendPushes()
  }

  /** The connection breaks: the client hears of it, what is under way may still arrive. */
  breaks(): void {
    if (this.#dead) return
    this.ready = false
    const broken = [...this.#underWay]
    this.#underWay.clear()
    this.#process.receive(() => {
      for (const reject of broken) reject(new Error('Connection is closed'))
    })
    this.cutPushes()
  }

  mends(): void {
    if (this.#dead || this.node.state === 'down') return
    this.ready = true
    this.mendPushes()
  }

  /** The process has ended. `noticed`: the server has seen that too. */
  die(noticed: boolean): void {
    this.#dead = true
    this.#underWay.clear()
    if (noticed) super.cutPushes()
  }
}

/** The network between all clients and one node. */
export class Wire extends SimNet {
  weather: Weather
  readonly #node: SimNode
  readonly #schedule: Schedule
  readonly #dice: Dice
  readonly #counts: Map<string, number>
  commands = 0

  constructor(
    node: SimNode,
    schedule: Schedule,
    dice: Dice,
    weather: Weather,
    counts: Map<string, number>,
  ) {
    super(node.server, schedule)
    this.#node = node
    this.#schedule = schedule
    this.#dice = dice
    this.#counts = counts
    this.weather = weather
  }

  override note(): void {
    this.commands++
  }

  override carry(parcel: Parcel, deliver: () => void): void {
    const link = parcel.port as Link
    const { direction } = parcel
    const { lost, doubled } = this.weather
    const there = direction === 'request'
    if (link.cut !== null && link.cut !== (there ? 'back' : 'there')) return this.#count('cut off')
    // What the node sends while it is away it does not send.
    if (this.#node.state === 'down') return
    if (lost > 0 && this.#dice.chance(lost)) return this.#count(`${direction} lost`)
    const arrive = there ? (): void => this.#node.arrive(deliver) : deliver
    this.#deliver(link, direction, arrive)
    // A reply that comes twice is one to a client.
    if (direction !== 'reply' && doubled > 0 && this.#dice.chance(doubled)) {
      this.#count(`${direction} doubled`)
      this.#deliver(link, direction, arrive)
    }
  }

  /** A way there and back. */
  latency(): Promise<void> {
    return this.#schedule.sleep(0.1 + 2 * this.#dice.around(this.weather.latency))
  }

  #deliver(link: Link, direction: Parcel['direction'], arrive: () => void): void {
    const { latency, late, lateness, reordered } = this.weather
    const dice = this.#dice
    const now = this.#schedule.monotonic()
    let at = now + 0.05 + dice.around(latency)
    if (late > 0 && dice.chance(late)) {
      this.#count(`${direction} late`)
      at += dice.roll() * lateness
    }
    if (!reordered) {
      at = Math.max(at, link.last[direction])
      link.last[direction] = at
    } else if (at < link.last[direction]) this.#count(`${direction} reordered`)
    else link.last[direction] = at
    this.#schedule.setTimer(arrive, at - now)
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }
}
