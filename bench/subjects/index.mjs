// All that is measured, and how each is opened.
import { connectAll } from './clients.mjs'
import { holdfasts } from './holdfast.mjs'
import { messages } from './messages.mjs'
import { peers } from './peers.mjs'
import { relays } from './relay.mjs'
import { yardsticks } from './yardsticks.mjs'

/**
 * @typedef {object} Subject
 * @property {string} id
 * @property {string} title
 * @property {'ours' | 'yardstick' | 'peer'} kind
 * @property {'ioredis' | 'ioredis5' | 'redis' | 'redis5' | 'socket'} client
 * @property {string} setup how it was set up
 * @property {string[]} lacks what it does not give
 * @property {boolean} [waits] it can wait for a lock that is taken
 * @property {boolean} [pair] it is no lock, but two processes that hand over to each other
 * @property {boolean} [renews] it can hold a lock and renew it by itself
 * @property {boolean} [quorum] it can use several servers
 * @property {string} [documented] what it is set to with `documented`, where that differs
 * @property {string} [package] what its users install
 * @property {() => string | null} [missing] why it cannot be measured
 * @property {Function} take gives `lock` for a name, or `hold` and `letGo`; with `release` where a handle is enough to end a lock
 */

const plain = [...yardsticks, ...relays, ...messages, ...holdfasts, ...peers]

/** ioredis' own way to write once a turn of the event loop, which its users may turn on. */
const pipelined = plain
  .filter(
    ({ id, kind, client }) =>
      kind !== 'ours' &&
      client.startsWith('ioredis') &&
      ![...relays, ...messages].some((one) => one.id === id),
  )
  .map((subject) => ({
    ...subject,
    id: `${subject.id}+ap`,
    title: `${subject.title} + auto-pipelining`,
    setup: `${subject.setup}; ioredis with enableAutoPipelining`,
    pipelined: true,
  }))

/** @type {Subject[]} */
export const subjects = [...plain, ...pipelined].map((subject) => ({
  ...subject,
  async open({ urls, ttl = 10_000, documented = false, commandTimeout }) {
    const options = {
      ...(subject.pipelined ? { enableAutoPipelining: true } : {}),
      ...(commandTimeout ? { commandTimeout } : {}),
    }
    const connections = await connectAll(subject.client, urls, options)
    const open = await subject.take(connections.clients, { ttl, documented })
    return {
      ...holding(open),
      ...open,
      async close() {
        await open.close?.()
        connections.close()
      },
    }
  },
}))

/**
 * A lock that is held as a user would hold it for long. What is kept of it is what its library needs to end it,
 * and nothing of the benchmark's: mostly the handle, and without a `release` for all its lock as well.
 */
const holding = ({ lock, release }) =>
  release
    ? { hold: (name) => lock(name).acquire(), letGo: release }
    : {
        async hold(name) {
          const own = lock(name)
          return { own, handle: await own.acquire() }
        },
        letGo: ({ own, handle }) => own.release(handle),
      }

export function subjectOf(id) {
  const found = subjects.find((subject) => subject.id === id)
  if (!found) throw new Error(`no subject is called ${id}`)
  return found
}

/** What is to be known of a subject where it is only written about. */
export const about = ({ id, title, kind, client, setup, documented = null, lacks, ...rest }) => ({
  id,
  title,
  kind,
  client,
  setup,
  documented,
  lacks,
  package: rest.package ?? null,
})
