// Connections, each with the options that its library documents as usual.
import { Bare } from '../lib/resp.mjs'

const ioredis = (load) => async (url, options) => {
  const { Redis } = await load()
  const client = new Redis(url, options)
  client.on('error', () => {})
  if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve))
  return { client, close: () => client.disconnect() }
}

const nodeRedis = (load) => async (url) => {
  const { createClient } = await load()
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.destroy() }
}

const makers = {
  ioredis: ioredis(() => import('ioredis6')),
  // What redlock and verrou ask for.
  ioredis5: ioredis(() => import('ioredis')),
  redis: nodeRedis(() => import('redis6')),
  // What @redis-kit/lock asks for.
  redis5: nodeRedis(() => import('redis')),
  socket: async (url) => {
    const client = await Bare.connect(url)
    return { client, close: () => client.close() }
  },
}

/** @returns {Promise<{ clients: any[], close(): void }>} one for each server */
export async function connectAll(kind, urls, options = {}) {
  const all = await Promise.all(urls.map((url) => makers[kind](url, options)))
  return {
    clients: all.map(({ client }) => client),
    close() {
      for (const { close } of all) close()
    },
  }
}
