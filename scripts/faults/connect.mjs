import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient } from 'redis'

// Back soon after a cut: the time is to be spent on locks.
const RECONNECT_MS = 20

/** A client as users make one. @param {'ioredis' | 'redis'} kind */
export async function connect(kind, url) {
  if (kind === 'ioredis') {
    const client = new Redis(url, { retryStrategy: () => RECONNECT_MS })
    client.on('error', () => {})
    // The server may be away for long just when a process starts.
    const ready = () => client.ping().catch(() => sleep(RECONNECT_MS).then(ready))
    await ready()
    return { client, end: () => client.disconnect() }
  }
  const client = createClient({ url, socket: { reconnectStrategy: () => RECONNECT_MS } })
  client.on('error', () => {})
  await client.connect()
  return { client, end: () => client.destroy() }
}

/** The server's connections, that of the admin and those of no commands left out. */
export async function connections(admin) {
  const own = String(await admin.client('ID'))
  const lines = String(await admin.client('LIST'))
    .trim()
    .split('\n')
  return lines.map((line) => /^id=(\d+)/.exec(line)[1]).filter((id) => id !== own)
}

/** Cuts one of them. @returns whether there was one */
export async function cutOne(admin, random) {
  const all = await connections(admin)
  if (all.length === 0) return false
  await admin.client('KILL', 'ID', random.pick(all)).catch(() => {})
  return true
}
