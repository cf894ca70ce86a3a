// A process that deposits money under a lock, step by step as it is told: see ../paused-client.mjs.
import { on } from 'node:events'
import { Holdfast } from 'holdfast'
import { fencedRedis } from 'holdfast/fencing'
import { Redis } from 'ioredis'

const [url, prefix, how, amount] = process.argv.slice(2)
const redis = new Redis(url)
const locks = new Holdfast(redis, { prefix: `${prefix}lock:`, nodeTimeout: 5000 })
const store = fencedRedis(redis)
const key = prefix + how

/** The balance: as most programs have it, and as one that a late write cannot reach. */
const account = {
  plain: {
    read: () => redis.get(key),
    write: (balance) => redis.set(key, balance),
  },
  fenced: {
    read: (fence) => store.get(key, fence),
    write: (balance, fence) => store.set(key, balance, fence),
  },
}[how]

const say = (did, text) => process.send({ did, text })
const orders = on(process, 'message')
const order = () => orders.next()

async function deposit() {
  const lock = await locks.mutex('account', { ttl: '2s', wait: '20s' }).acquire()
  try {
    const balance = Number(await account.read(lock.fence))
    // As careful as code can be: it looks once more before it writes. The pause comes after that.
    lock.assertHeld()
    say('read', `holds the lock, token ${lock.fence}, and reads ${balance}`)
    await order()
    await account.write(String(balance + Number(amount)), lock.fence)
    say('written', `writes ${balance} + ${amount}`)
  } catch (error) {
    if (error.code !== 'ERR_FENCED') throw error
    say('refused', `is refused: ${error.code}, ${error.given} came after ${error.stands}`)
  } finally {
    await lock.release()
  }
}

process.on('disconnect', () => process.exit())
await locks.ping()
say('ready', 'is ready')
for (;;) {
  await order()
  await deposit()
}
