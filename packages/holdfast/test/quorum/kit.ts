import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { keysOf } from '../../src/kernel/names.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { ClientClock, EPOCH, type ClientClockOptions } from '../kit/client-clock.js'
import { SimNet } from '../kit/sim-net.js'
import { SimPort } from '../kit/sim-port.js'
import { settled, type Outcome } from '../kit/world.js'

export interface QuorumClient {
  readonly locks: Holdfast
  readonly ports: readonly SimPort[]
  readonly clock: ClientClock
}

/** Several servers in memory, each with a net of its own, and clients, under one virtual clock. */
export class Servers {
  readonly clock = new ManualClock({ wall: EPOCH })
  readonly nets: readonly SimNet[]
  /** How far each server's clock was stepped, ms. */
  readonly steps: number[]
  readonly clients: QuorumClient[] = []

  constructor(count: number) {
    this.steps = Array<number>(count).fill(0)
    this.nets = this.steps.map((_, i) => {
      const now = (): number => Math.floor((EPOCH + this.clock.monotonic() + this.steps[i]!) * 1000)
      const server = new MemoryServer({ now })
      server.runId = `run${i}run${i}run${i}run${i}`
      return new SimNet(server, this.clock)
    })
  }

  server(i: number): MemoryServer {
    return this.nets[i]!.server
  }

  client(options: HoldfastOptions = {}, clock: ClientClockOptions = {}): QuorumClient {
    const own = new ClientClock(this.clock, { seed: this.clients.length + 1, ...clock })
    const ports = this.nets.map((net) => new SimPort(net, own))
    const locks = new Holdfast(ports, { localHandovers: 0, ...options, runtime: own })
    const client = { locks, ports, clock: own }
    this.clients.push(client)
    return client
  }

  /** A first client, by whom the servers are ready to grant. */
  async started(options: HoldfastOptions = {}): Promise<QuorumClient> {
    const client = this.client(options)
    const done = this.watch(client.locks.bootstrap())
    await this.advance(10)
    if (!done.value) throw new Error(`bootstrap: ${done.error?.message ?? done.value}`)
    // Right after it ballots run ahead of the clocks: whoever asks for the first time learns of it.
    await this.after((await this.after(client.locks.mutex('first').acquire())).release())
    for (const { log } of this.nets) log.length = 0
    return client
  }

  advance(ms = 0): Promise<void> {
    return this.clock.advance(ms)
  }

  watch<T>(promise: Promise<T>): Outcome<T> {
    return settled(promise, this.clock)
  }

  /** A promise that settles after so many ms. */
  async after<T>(promise: Promise<T>, ms = 100): Promise<T> {
    const outcome = this.watch(promise)
    await this.advance(ms)
    if (outcome.state === 'pending') throw new Error(`still pending after ${ms} ms`)
    return promise
  }

  /** Who holds a name at each server. */
  holders(name: string): (string | null)[] {
    const k = keysOf(name, 'lock:')[0]
    return this.nets.map(({ server }) => {
      server.keys()
      return server.space.get(k)
    })
  }

  /** Keys that are left on each server, but fences and the marker. */
  left(): string[] {
    return this.nets.flatMap(({ server }, i) =>
      server
        .keys()
        .filter((key) => !key.includes(':hf:fence:') && key !== '{hf}:hf:node')
        .map((key) => `${i} ${key}`),
    )
  }

  /** How many calls of a script went to all servers. */
  count(what?: string): number {
    return this.nets.reduce((sum, net) => sum + net.count(what), 0)
  }
}
