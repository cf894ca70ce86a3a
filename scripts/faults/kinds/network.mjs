// What happens on the way to servers: in the proxies of some processes to some nodes, or in the kernel.
import { setTimeout as sleep } from 'node:timers/promises'
import { findAgain, loseTo } from '../namespace.mjs'

const DIRECTIONS = ['request', 'reply']
// Of a command of a lock, and not of a client's own.
const COMMAND = /EVALSHA/i

/** One direction, or both. */
const some = (random) => random.pick([['request'], ['reply'], DIRECTIONS])

/** Begins in all of the proxies, lasts, and ends. */
async function during({ proxies, pause }, begin) {
  for (const proxy of proxies) begin(proxy)
  await pause()
  for (const proxy of proxies) await proxy.heal()
}

/** @type {Record<string, import('../plan.mjs').Play>} */
export const networkFaults = {
  delay(stage) {
    const [ms, ways] = [stage.random.between(5, 2 * stage.ttl), some(stage.random)]
    return during(stage, (proxy) => proxy.delay(ms, ...ways))
  },
  /** Byte by byte. */
  slow(stage) {
    const [ms, ways] = [stage.random.below(2), some(stage.random)]
    return during(stage, (proxy) => proxy.split(ms, ...ways))
  },
  async reset({ proxies }) {
    const open = proxies.reduce((sum, proxy) => sum + proxy.open, 0)
    for (const proxy of proxies) proxy.cut()
    return open
  },
  'half-close'(stage) {
    const way = stage.random.pick(DIRECTIONS)
    return during(stage, (proxy) => proxy.halfClose(way))
  },
  'half-open'(stage) {
    const end = stage.random.pick(['client', 'server'])
    return during(stage, (proxy) => proxy.vanish(end))
  },
  'black hole'(stage) {
    const ways = some(stage.random)
    return during(stage, (proxy) => proxy.drop(...ways))
  },
  /** A command that was carried out, and nobody was told. */
  async 'lost reply'({ proxies }) {
    const before = proxies.reduce((sum, proxy) => sum + proxy.cuts, 0)
    const cut = Promise.all(proxies.map((proxy) => proxy.cutAfter('reply', 0, COMMAND)))
    await Promise.race([cut, sleep(2000, null, { ref: false })])
    for (const proxy of proxies) await proxy.heal()
    return proxies.reduce((sum, proxy) => sum + proxy.cuts, 0) - before
  },
  async refuse(stage) {
    const { proxies, pause } = stage
    for (const proxy of proxies) {
      await proxy.refuse()
      proxy.cut()
    }
    await pause()
    for (const proxy of proxies) await proxy.heal()
  },
  /** One connection after the other comes to a standstill, and they go on in another order. */
  async clog({ proxies, random, pause }) {
    for (const proxy of proxies) {
      proxy.freeze(...some(random))
      await sleep(random.below(200))
    }
    await pause()
    for (const rest = [...proxies]; rest.length > 0; await sleep(random.below(200))) {
      rest.splice(random.below(rest.length), 1)[0].resume()
    }
  },
  /** Packets get lost, by the kernel: for those who come directly. */
  async partition({ nodes, pause }) {
    for (const { host } of nodes) loseTo(host)
    await pause()
    for (const { host } of nodes) findAgain(host)
  },
}
