// S13: replies that are older than a message, and verdicts that are older than the grant.
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { believers, ownerId, World } from '../kit/world.js'

/** The question of a waiter that stands in line. */
const standing = ({ args }: { args: readonly string[] }): boolean => args[6] === '1'

test('S13: a reply "in line" that is older than the pushed grant harms no live holder', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const reply = w.net.hold('reply', 'acquire', { of: b, when: standing })
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  const timers = b.clock.timers
  reply.release()
  await w.advance()
  expect(b.clock.timers).toBe(timers - 1)
  expect(w.net.count('release', b)).toBe(0)
  expect(w.holder('x')).toBe(wait.value.owner)
  await w.advance(30_000)
  expect(w.net.count('acquire', b)).toBe(2)
  wait.value.assertHeld()
})

test('S13: a verdict that is not later than the grant cannot contradict it', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  // A copy of the server that was taken before the grant answers once.
  const old = String(lock.fence - 1)
  const end = w.net.rewrite('renew', (reply) => [
    old,
    (reply as readonly Reply[])[1]!,
    '',
    ['gone'],
  ])
  await w.advance(3400)
  expect(w.net.count('renew')).toBe(1)
  expect(lock.signal.aborted).toBe(false)
  end()
  // The next try comes within an eighth of what is left, and renews the whole lease.
  await w.advance(1000)
  expect(lock.validFor).toBeGreaterThan(8400)
})

test('S13: a definite "not yours" that is later aborts at once', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  w.server.flush()
  await w.advance(3400)
  expect(lock.signal.aborted).toBe(true)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
})

test('S13: a reply older than the message "you are first" does not hide it', async () => {
  const w = new World()
  const [a, dead, b] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  w.watch(dead.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  const reply = w.net.hold('reply', 'acquire', { of: b, when: standing })
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  dead.clock.freeze('stopped')
  await held.release()
  await w.advance()
  // It says "behind a holder for 30 s", of before the release.
  reply.release()
  await w.advance(2500)
  expect(wait.state).toBe('done')
})

test('S13: nor a break of the subscription while the question was under way', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  const reply = w.net.hold('reply', 'acquire', { of: b, when: standing })
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  w.net.drop('push', 'grant')
  await held.release()
  b.port.mendPushes()
  await w.advance()
  reply.release()
  await w.advance()
  expect(wait.state).toBe('done')
})

test('S13: a late message of an earlier claim does not bring its old token back', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  const push = w.net.hold('push', 'grant', { of: b })
  await held.release()
  await w.advance(3000)
  // The claim is over, and forgotten with the name. Somebody else comes and goes.
  const other = await c.locks.mutex('x').acquire()
  await other.release()
  const reply = w.net.hold('reply', 'acquire', { of: b })
  b.port.mendPushes()
  await w.advance()
  push.release()
  await w.advance()
  reply.release()
  await w.advance()
  expect(wait.state).toBe('done')
  expect(believers(wait.value)).toBe(1)
  expect(wait.value.fence).toBeGreaterThan(other.fence)
})

test('S13: a doubled message of a grant that was used and released runs nothing again', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const copy = w.net.double('push', 'grant', { of: b })
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  await held.release()
  await w.advance()
  await wait.value.release()
  const sent = w.net.log.length
  copy.release()
  await w.advance(1000)
  expect(w.net.log.length).toBe(sent)
  expect(wait.value.validFor).toBe(0)
})

test('S13: a verdict of another run counts, whatever its clock says', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x', { ttl: 9000 }).acquire()
  // A failover to a server that lacks the lock, and whose clock is a minute behind.
  w.server.flush()
  w.server.runId = 'run2run2run2run2'
  w.serverStep = -60_000
  w.ask('x', ownerId(7), { ttl: 100_000 })
  await w.advance(3100)
  expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
})
