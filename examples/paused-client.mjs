// A process takes a lock, reads a balance, and is paused for longer than its lease: by a garbage
// collection, a hypervisor, a closed lid; here by SIGSTOP. Meanwhile another one takes the lock. Then the
// first goes on from where it was, and writes.
//
// What it shows: no lock can prevent that write, and it destroys what the other one wrote. The resource
// can: it refuses the fencing token of the first, because a later one was there.
//
// What it checks: with plain GET and SET the deposit of the other one is lost; with `holdfast/fencing` the
// late write is refused with ERR_FENCED, and when the first starts again, with a new lock, nothing is lost.
//
// Two processes (paused-client/depositor.mjs) on a real server.
//
//   node examples/paused-client.mjs      (npm run examples plays all)
import { fork } from 'node:child_process'
import { on } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { findServer } from './lib/stage.mjs'

const server = await findServer()
if (server === null) {
  console.log('not played: two processes need a real server between them')
  process.exit(0)
}

const program = fileURLToPath(new URL('paused-client/depositor.mjs', import.meta.url))
const redis = new Redis(server.url)
const prefix = `holdfast-example:${process.pid}:`
const children = []

/** A process that deposits, and says what it does. */
function depositor(name, amount, how) {
  const child = fork(program, [server.url, prefix, how, String(amount)])
  children.push(child)
  const reports = on(child, 'message', { close: ['exit'] })
  return {
    child,
    /** Waits for its next report, and prints it. */
    async says(expected) {
      const { value, done } = await reports.next()
      const { did, text } = done ? { did: 'ended', text: 'has ended' } : value[0]
      console.log(`  ${name} ${text}`)
      if (did !== expected) throw new Error(`${name}: ${did} instead of ${expected}`)
    },
  }
}

/** What the account holds at the end. */
async function act(how, balanceOf) {
  const [a, b] = [depositor('A', 50, how), depositor('B', 10, how)]
  await a.says('ready')
  await b.says('ready')
  a.child.send('deposit')
  await a.says('read')
  a.child.kill('SIGSTOP')
  console.log('  A is paused for longer than its lease (SIGSTOP), with its write still to come')
  b.child.send('deposit')
  await b.says('read')
  b.child.send('write')
  await b.says('written')
  console.log('  A goes on from where it was (SIGCONT)')
  a.child.send('write')
  a.child.kill('SIGCONT')
  await a.says(how === 'fenced' ? 'refused' : 'written')
  if (how === 'fenced') {
    console.log('  A starts again, with a new lock')
    a.child.send('deposit')
    await a.says('read')
    a.child.send('write')
    await a.says('written')
  }
  const balance = Number(await balanceOf())
  const lost = 160 - balance
  console.log(
    `  the balance is ${balance}: ${lost === 0 ? 'nothing' : `a deposit of ${lost}`} is lost`,
  )
  return balance
}

console.log(
  `${server.engine} ${server.version} on port ${server.port}; 100 + 50 + 10 should be 160`,
)
try {
  console.log('\nwithout fencing: GET and SET under the lock')
  await redis.set(`${prefix}plain`, '100')
  const plain = await act('plain', () => redis.get(`${prefix}plain`))
  console.log('\nwith fencing: fencedRedis(redis), get and set with lock.fence')
  await redis.hset(`${prefix}fenced`, 'fence', '0', 'value', '100')
  const fenced = await act('fenced', () => redis.hget(`${prefix}fenced`, 'value'))
  if (plain !== 150) throw new Error(`without fencing it should be 150, and is ${plain}`)
  if (fenced !== 160) throw new Error(`with fencing it should be 160, and is ${fenced}`)
  console.log('\nheld: the late write landed without fencing, and was refused with it')
} catch (error) {
  console.log(`\nbroken: ${error.message}`)
  process.exitCode = 1
} finally {
  for (const child of children) child.kill('SIGKILL')
  await redis.del(`${prefix}plain`, `${prefix}fenced`)
  redis.disconnect()
  await server.stop()
}
