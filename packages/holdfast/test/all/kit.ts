import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { ClientClock } from '../kit/client-clock.js'
import { SimPort } from '../kit/sim-port.js'
import type { SimClient, World } from '../kit/world.js'

/** A client that has waited once, and so is subscribed: it stands in line by its first question. */
export async function ready(w: World, client: SimClient): Promise<SimClient> {
  const first = await w.client().locks.mutex('warm-up').acquire()
  const waiting = w.watch(client.locks.mutex('warm-up').acquire({ wait: 1 }))
  await w.advance(60)
  if (waiting.state !== 'failed') throw new Error('it was to wait')
  await first.release()
  return client
}

/** A client that takes the server for a cluster: each slot is asked by a call of its own. */
export function slotted(w: World, options: HoldfastOptions = {}): SimClient {
  const clock = new ClientClock(w.clock, { seed: w.clients.length + 1 })
  const port = Object.assign(new SimPort(w.net, clock), { cluster: true })
  const locks = new Holdfast(port, { ...options, runtime: clock })
  const client = { locks, port, clock }
  w.clients.push(client)
  return client
}
