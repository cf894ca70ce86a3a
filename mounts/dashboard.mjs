// What each of the mounts serves: the locks of the server in REDIS_URL.
import { Redis } from 'ioredis'
import { Holdfast } from 'holdfast'
import { createDashboard } from '@holdfast/dashboard'

const redis = new Redis(process.env.REDIS_URL, {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
})
redis.on('error', (error) => console.error(error.message))
await new Promise((resolve) => redis.once('ready', resolve))

export const dashboard = createDashboard(new Holdfast(redis), { actions: ['revoke', 'force'] })
