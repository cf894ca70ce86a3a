// A process with work under locks, for screenshots.mjs. It ends with its stdin.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Holdfast } from 'holdfast'

const [url, kind] = process.argv.slice(2)
const wait = Infinity
const open = []
let ended = false
process.stdin.resume()
const end = once(process.stdin, 'end')

/** Each with a label of its own, so that each is somebody else on the page. */
function holdfast(label) {
  const redis = new Redis(url)
  const locks = new Holdfast(redis, { label, history: true, localHandovers: 0 })
  open.push({ redis, locks })
  return locks
}

/** The same again and again, each time a little else; and slower and faster over some minutes. */
async function again(label, name, least, most, pause) {
  const locks = holdfast(label)
  while (!ended) {
    const busy = 1 + 0.6 * Math.sin(Date.now() / 70_000)
    const hold = (least + (most - least) * Math.random() ** 3) * busy
    await locks.mutex(name, { wait }).use(() => sleep(hold))
    await sleep(pause * Math.random())
  }
}

const keep = (locks, name) => locks.mutex(name, { wait }).use(() => end)

/** Two who take the same two locks in another order: a circle, which is told here and not broken. */
async function transfer(label, outer, inner) {
  const locks = holdfast(label)
  await locks.mutex(outer, { wait }).use(async () => {
    await sleep(2000)
    await locks.mutex(inner, { wait, deadlock: 'report' }).use(() => undefined)
  })
}

async function late(label, name) {
  await sleep(5000)
  await keep(holdfast(label), name)
}

const kinds = {
  billing: () => [
    ...[1, 2, 3].map((n) => again(`billing ${n}`, 'invoice:1042', 40, 900, 500)),
    ...[1, 2].map((n) => again(`mailer ${n}`, 'mail:digest', 100, 2500, 4000)),
  ],
  stock: () => [1, 2, 3, 4, 5].map((n) => again(`stock sync ${n}`, 'stock:9', 20, 400, 150)),
  transfer: () => [
    transfer('transfer 1', 'account:17', 'account:42'),
    transfer('transfer 2', 'account:42', 'account:17'),
    late('audit', 'account:17'),
    ...['scheduler 1', 'scheduler 2'].map((label) => keep(holdfast(label), 'leader:nightly')),
  ],
  import: () => {
    const locks = holdfast('import')
    return Array.from({ length: 24 }, (_, i) => keep(locks, `import:part:${i + 1}`))
  },
}
for (const job of kinds[kind]()) job.catch(() => undefined)

await end
ended = true
await Promise.all(open.map(({ locks }) => locks.close()))
for (const { redis } of open) redis.disconnect()
process.exit(0)
