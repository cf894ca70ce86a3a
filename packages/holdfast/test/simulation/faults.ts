import type { SimProcess } from './client.js'
import type { Dice } from './dice.js'
import type { SimNode } from './node.js'
import type { Recorder } from './recorder.js'
import type { Schedule } from './schedule.js'
import type { Cut, Link, Wire } from './wire.js'

/** What can go wrong. */
export type Fault =
  /** Nothing gets through between one client and one node, in one direction or both; nobody is told. */
  | 'cut'
  /** The same between one node and everybody. */
  | 'isolate'
  /** A connection breaks, and is back after a while. */
  | 'break'
  /** The same of a subscriber's connection alone. */
  | 'mute'
  /** For a while a third of all messages to and from one node are lost, doubled or late. */
  | 'gale'
  /** A process stands still. */
  | 'stop'
  /** Its machine sleeps. */
  | 'sleep'
  | 'kill'
  /** Its Holdfast is closed in good order. */
  | 'close'
  /** A node stands still. */
  | 'freeze'
  /** A node is away, and comes back with all that it had. */
  | 'restart'
  /** A node is away, and comes back empty. */
  | 'forget'
  | 'flush'
  /** Somebody loads scripts anew: for clients of a real server; here a connection breaks. */
  | 'scripts'
  /** A node's clock steps. */
  | 'ahead'
  | 'behind'
  /** A client's wall clock steps. */
  | 'wall'

/** What faults act upon. */
export interface Victims {
  readonly schedule: Schedule
  readonly recorder: Recorder
  readonly nodes: readonly SimNode[]
  readonly wires: readonly Wire[]
  /** Those that live. */
  readonly processes: readonly SimProcess[]
  /** Another one comes in its place. */
  replace(process: SimProcess): void
}

/** Makes things go wrong, and mends each after a while. */
export class Faults {
  readonly #on: Victims
  readonly #dice: Dice
  /** What is to be mended yet. */
  readonly #broken = new Set<() => void>()

  constructor(on: Victims, dice: Dice) {
    this.#on = on
    this.#dice = dice
  }

  /** From now on, one after the other, until that time. */
  begin(weights: Partial<Record<Fault, number>>, every: number, until: number): void {
    const { schedule } = this.#on
    const next = (): void => {
      const after = Math.max(1, this.#dice.around(every))
      if (schedule.monotonic() + after > until) return
      schedule.setTimer(() => {
        const fault = this.#dice.weighted(weights)
        if (fault) this.#happen(fault)
        next()
      }, after)
    }
    if (every < Infinity) next()
  }

  /** All that is broken is mended. */
  mend(): void {
    for (const mend of this.#broken) mend()
  }

  #for(ms: number, mend: () => void): void {
    const { schedule } = this.#on
    const once = (): void => {
      if (this.#broken.delete(once)) mend()
    }
    this.#broken.add(once)
    schedule.setTimer(once, ms)
  }

  #happen(fault: Fault): void {
    const dice = this.#dice
    const { nodes, wires, processes, recorder } = this.#on
    const running = processes.filter(({ state, closed }) => state === 'runs' && !closed)
    const at = dice.below(nodes.length)
    const [node, wire] = [nodes[at]!, wires[at]!]
    if (running.length === 0) return
    const process = dice.pick(running)
    const link = process.links[at]!
    const long = dice.around(dice.chance(0.2) ? 1200 : 250)
    const client = ['freeze', 'restart', 'forget', 'flush', 'ahead', 'behind', 'isolate', 'gale']
    recorder.fault(fault, client.includes(fault) ? node.name : process.name)
    switch (fault) {
      case 'cut':
        return this.#cut([link], long)
      case 'isolate':
        return this.#cut(this.#linksTo(node), long)
      case 'break':
      case 'scripts':
        link.breaks()
        return this.#for(dice.around(100), () => link.mends())
      case 'mute':
        link.cutPushes()
        return this.#for(long, () => link.mendPushes())
      case 'gale':
        return this.#gale(wire, long)
      case 'stop':
      case 'sleep':
        process.stop(fault === 'stop' ? 'stopped' : 'asleep')
        return this.#for(long, () => process.resume())
      case 'kill':
        process.kill(dice.chance(0.5))
        return this.#for(dice.around(200), () => this.#on.replace(process))
      case 'close':
        void process.close()
        return this.#for(dice.around(200), () => this.#on.replace(process))
      case 'freeze':
        node.stop()
        return this.#for(long, () => node.resume())
      case 'restart':
        return this.#away(node, true)
      case 'forget':
        for (const one of this.#some(node)) this.#away(one, false)
        return
      case 'flush':
        for (const one of this.#some(node)) one.server.flush()
        if (this.#alone) recorder.add({ kind: 'forgot', client: '', why: 'FLUSHALL' })
        return
      case 'ahead':
        // Leases end too early there, and a majority may be one node less: whoever has one is not protected.
        node.step += dice.between(1, 2000)
        recorder.add({ kind: 'forgot', client: '', why: `${node.name}'s clock stepped forward` })
        return
      case 'behind':
        node.step -= dice.between(1, 2000)
        return
      case 'wall':
        process.clock.step(dice.between(-3000, 3000))
    }
  }

  /** This one; and in every third case others of a quorum with it, as when the power fails. */
  #some(node: SimNode): SimNode[] {
    const more = this.#dice.chance(1 / 3)
    return this.#on.nodes.filter((one) => one === node || (more && this.#dice.chance(0.7)))
  }

  /** What one server forgets is lost; a quorum knows better. */
  get #alone(): boolean {
    return this.#on.nodes.length === 1
  }

  #linksTo(node: SimNode): Link[] {
    return this.#on.processes.flatMap(({ links }) => links.filter((link) => link.node === node))
  }

  #cut(links: readonly Link[], ms: number): void {
    const cut = this.#dice.pick<Cut>(['both', 'both', 'there', 'back'])
    for (const link of links) link.cut = cut
    this.#for(ms, () => {
      for (const link of links) link.cut = null
    })
  }

  #gale(wire: Wire, ms: number): void {
    const before = wire.weather
    const part = 0.3
    wire.weather = { ...before, lost: part, doubled: part, late: part, lateness: 400 }
    this.#for(ms, () => {
      wire.weather = before
    })
  }

  #away(node: SimNode, lasting: boolean): void {
    if (node.state === 'down') return
    node.resume()
    node.down()
    for (const link of this.#linksTo(node)) link.breaks()
    const { recorder } = this.#on
    const forgot =
      lasting || !this.#alone
        ? null
        : recorder.add({ kind: 'forgot', client: '', to: Infinity, why: `${node.name} forgot all` })
    this.#for(this.#dice.around(200), () => {
      node.restart(lasting)
      if (forgot) forgot.to = this.#on.schedule.monotonic()
      for (const link of this.#linksTo(node)) link.mends()
    })
  }
}
