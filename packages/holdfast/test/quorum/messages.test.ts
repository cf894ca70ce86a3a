// What docs/errors-and-events.md says of several servers and of strict failover: each message is provoked.
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { Holdfast, type HoldfastError, type LockOptions, type Port } from '../../src/index.js'
import { Servers } from './kit.js'

const page = readFileSync(new URL('../../../../docs/errors-and-events.md', import.meta.url), 'utf8')
const from = page.indexOf('## Several servers and strict failover')
const messages = page
  .slice(from, page.indexOf('\n## Events'))
  .split('\n')
  .flatMap((line) => /^\| `([^`]+)` \| /.exec(line)?.[1] ?? [])
const heard = new Set<string>()

/** The code of an error, and that its message is one of the page's, word for word. */
function said(error: unknown, code: string, ...texts: readonly string[]): void {
  const { message, ...rest } = error as HoldfastError
  expect({ message, code: rest.code }).toMatchObject({ code })
  for (const text of texts) {
    expect(messages).toContain(text)
    expect(message).toContain(text)
    heard.add(text)
  }
}

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return null
}

async function refused<T>(w: Servers, promise: Promise<T>): Promise<HoldfastError> {
  const outcome = w.watch(promise)
  await w.advance(1100)
  return outcome.error
}

const MAJORITY = 'no quorum: 2 of 3 servers are needed, and 2 could not be used'
const QUARANTINE = 'the server is in quarantine for'

test('what the servers say', async () => {
  const w = new Servers(3)
  const first = w.client()
  const before = await refused(w, first.locks.mutex('a').acquire({ wait: 0 }))
  said(before, 'ERR_NO_QUORUM', MAJORITY, QUARANTINE)
  expect(before.nodes?.map(({ code }) => code)).toEqual(['ERR_UNAVAILABLE', 'ERR_UNAVAILABLE'])
  const silence = w.nets[2]!.silence()
  const text = 'bootstrap needs all 3 servers, and 1 could not be used'
  said(await refused(w, first.locks.bootstrap()), 'ERR_NO_QUORUM', text, 'did not answer within')
  silence()
  expect(await w.after(first.locks.bootstrap())).toBe(true)
  const other = w.client({ quarantine: '30s' }).locks.mutex('a').acquire({ wait: 0 })
  const another = 'the quarantine of this node is 60000 ms, and not 30000'
  said(await refused(w, other), 'ERR_CONFIG', MAJORITY, another)
  const lock = await w.after(first.locks.mutex('a', { ttl: '2s' }).acquire())

  const next = w.client({ epoch: 1 }).locks
  said(await refused(w, next.mutex('a').acquire({ wait: 0 })), 'ERR_NO_QUORUM', QUARANTINE)
  const old = await refused(w, first.locks.mutex('a').acquire())
  said(old, 'ERR_CONFIG', MAJORITY, 'the epoch of this node is 1, and not 0')
  await w.advance(2000)
  expect(lock.isHeld).toBe(false)
  const waits = w.watch(next.mutex('a').acquire({ wait: '70s' }))
  await w.advance(56_000)
  expect(waits.state).toBe('pending')
  await w.advance(7000)
  expect(waits.value.fence).toBeGreaterThan(lock.fence)
})

test('the same server by two addresses', async () => {
  const w = new Servers(3)
  w.server(1).runId = w.server(0).runId
  w.nets[2]!.silence()
  const { locks } = w.client({ quarantine: 0 })
  const mutex = locks.mutex('a')
  const error = await refused(w, mutex.acquire({ wait: 0 }))
  said(error, 'ERR_NO_QUORUM', 'it is the same server as node 1', 'did not answer within')
})

test('what cannot be asked for', async () => {
  const w = new Servers(3)
  const { locks, ports } = w.client()
  const of = (change: Partial<Port>): Port =>
    Object.assign(Object.create(ports[0]!), change) as Port
  const made = (list: readonly Port[], options = {}): unknown =>
    thrown(() => new Holdfast(list, options))
  const same = 'Of several servers each counts once: clients 1 and 2 are the same'
  said(made([ports[0]!, ports[0]!]), 'ERR_CONFIG', same)
  const cluster = 'is of a Cluster, which cannot be one of several independent servers'
  said(made([ports[0]!, of({ cluster: true })]), 'ERR_CONFIG', cluster)
  said(
    made([ports[0]!, of({ keyPrefix: 'app:' })]),
    'ERR_CONFIG',
    'put different prefixes before keys',
  )
  said(made([]), 'ERR_CONFIG', 'it was given an empty array')
  const strict = 'strictFailover is for one primary with replicas, and not for a Cluster'
  said(made([of({ cluster: true })], { strictFailover: true }), 'ERR_CONFIG', strict)
  const alone = 'none of a single server without strictFailover'
  said(made([ports[0]!], { quarantine: '30s' }), 'ERR_INVALID_ARGUMENT', alone)
  said(made([ports[0]!], { epoch: 1 }), 'ERR_INVALID_ARGUMENT', alone)
  said(made(ports, { strictFailover: true }), 'ERR_INVALID_ARGUMENT', 'none of several servers')
  const long = 'so that it is over before a server that forgot it grants again'
  const longer: LockOptions[] = [
    { ttl: '60s' },
    { ttl: '30s', lockDelay: '30s' },
    { holdAtLeast: '1m' },
  ]
  for (const options of longer) {
    said(
      thrown(() => locks.mutex('a', options)),
      'ERR_INVALID_ARGUMENT',
      long,
    )
  }
  const large = (): unknown => locks.semaphore('a', { limit: 1001 })
  said(thrown(large), 'ERR_INVALID_ARGUMENT', 'at most 1000 on several servers')
  const resized = locks.semaphore('a', { limit: 2 }).resize(1001)
  said(await refused(w, resized), 'ERR_INVALID_ARGUMENT', 'at most 1000 on several servers')
})

test('clocks that are too far apart', async () => {
  const w = new Servers(3)
  w.steps[1] = 70_000
  w.steps[2] = 140_000
  const { locks } = w.client()
  await w.after(locks.bootstrap())
  const error = await refused(w, locks.mutex('a').acquire({ wait: 0 }))
  said(error, 'ERR_UNAVAILABLE', 'no majority of the servers agreed within')
})

test('a bootstrap where there is no quarantine does nothing', async () => {
  const w = new Servers(1)
  expect(await w.after(w.client().locks.bootstrap())).toBe(false)
  const several = new Servers(3)
  expect(await several.after(several.client({ quarantine: 0 }).locks.bootstrap())).toBe(false)
  expect(several.server(0).keys()).toEqual([])
})

test('strict failover', async () => {
  const w = new Servers(1)
  const { locks } = w.client({ strictFailover: true, quarantine: '15s' })
  said(await refused(w, locks.mutex('a').acquire({ wait: 0 })), 'ERR_UNAVAILABLE', QUARANTINE)
  expect(await w.after(locks.bootstrap())).toBe(true)
  expect(await w.after(locks.bootstrap())).toBe(false)
  const lock = await w.after(locks.mutex('a', { ttl: '9s' }).acquire())
  // Promoted, with everything that was there or with nothing, it is another run.
  w.server(0).runId = 'another'
  said(await refused(w, lock.verify()), 'ERR_UNAVAILABLE', QUARANTINE)
  const waits = w.watch(locks.mutex('b').acquire({ wait: '60s' }))
  await w.advance(9000)
  expect([lock.isHeld, waits.state]).toEqual([false, 'pending'])
  await w.advance(7000)
  expect(waits.state).toBe('done')
})

afterAll(() => expect(messages.filter((text) => !heard.has(text))).toEqual([]))
