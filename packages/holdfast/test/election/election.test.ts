// Election: one leader at a time, followed by the next, and observed.
import { expect, test } from 'vitest'
import { Holdfast, type Leader, type Leadership } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World, type SimClient } from '../kit/world.js'

const NAME = 'scheduler'

/** What an observer sees, put down as it comes. */
function observed(
  client: SimClient,
  signal?: AbortSignal,
): {
  readonly seen: (Leader | null)[]
  readonly over: Promise<unknown>
  readonly owners: () => (string | null)[]
} {
  const seen: (Leader | null)[] = []
  const loop = async (): Promise<void> => {
    for await (const leader of client.locks.election(NAME).observe({ signal })) seen.push(leader)
  }
  return { seen, over: loop(), owners: () => seen.map((leader) => leader?.owner ?? null) }
}

const leading = (all: readonly (Leadership | undefined)[]): number =>
  all.filter((one) => one?.isLeader).length

test('one leads, the others wait for as long as it takes; resign hands over in their order', async () => {
  const w = new World()
  const clients = Array.from({ length: 5 }, () => w.client())
  const campaigns = []
  for (const { locks } of clients) {
    campaigns.push(w.watch(locks.election(NAME).campaign()))
    await w.advance(1)
  }
  await w.advance(120_000)
  const fences: number[] = []
  for (const [i, campaign] of campaigns.entries()) {
    expect(campaigns.map(({ state }) => state).indexOf('pending')).toBe(i === 4 ? -1 : i + 1)
    expect(leading(campaigns.map(({ value }) => value))).toBe(1)
    const { value } = campaign
    expect(value).toMatchObject({ name: NAME, isLeader: true, owner: w.holder(NAME) })
    fences.push(value.fence)
    const releases = w.net.count('release')
    expect(await value.resign()).toEqual({ released: true })
    expect(await value.resign()).toEqual({ released: true })
    expect(value.isLeader).toBe(false)
    expect(value.signal.aborted).toBe(false)
    expect(w.net.count('release') - releases).toBe(1)
    await w.advance()
  }
  expect(fences).toEqual(fences.toSorted((a, b) => a - b))
  expect(w.left()).toEqual([])
})

test('a leader that is silent is replaced when its lease is over, and knows before', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const first = await a.locks.election(NAME, { ttl: '5s' }).campaign()
  const next = w.watch(b.locks.election(NAME).campaign())
  await w.advance()
  const at = w.clock.monotonic()
  w.net.silence(a)
  while (next.state === 'pending' && w.clock.monotonic() < at + 10_000) {
    await w.advance(50)
    expect(leading([first, next.value])).toBeLessThanOrEqual(1)
  }
  expect(next.state).toBe('done')
  expect(next.at - at).toBeLessThanOrEqual(5100)
  expect(first.signal.aborted).toBe(true)
})

test.each([
  ['a signal', AbortSignal.abort(), 'an object (AbortSignal)'],
  ['null', null, 'null'],
  ['a number', 5000, '5000'],
])('campaign takes options, and refuses %s in their place', async (_, given, shown) => {
  const w = new World()
  const { locks } = w.client()
  await expect(locks.election(NAME).campaign(given as object)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: `options: expected an object of options (wait, signal, ttl), but got ${shown}`,
  })
  expect(w.holder(NAME)).toBeNull()
})

test('campaign refuses options that are none of its', async () => {
  const w = new World()
  const election = w.client().locks.election(NAME)
  for (const options of [{ sginal: AbortSignal.abort() }, { permits: 1 }, { wait: null }]) {
    await expect(election.campaign(options as object)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
  }
  expect(w.holder(NAME)).toBeNull()
})

test('an aborted campaign leaves no place in the line', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const first = await a.locks.election(NAME).campaign()
  const controller = new AbortController()
  const wait = w.watch(b.locks.election(NAME).campaign({ signal: controller.signal }))
  await w.advance()
  expect(w.line(NAME)).toHaveLength(1)
  controller.abort('enough')
  await w.advance()
  expect(wait).toMatchObject({ state: 'failed', error: 'enough' })
  expect(w.line(NAME)).toEqual([])
  await first.resign()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('lead runs the function while leader, and again, until the signal aborts', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const controller = new AbortController()
  const turns: string[] = []
  const reign = (who: string) => async (context: { signal: AbortSignal; fence: number }) => {
    turns.push(who)
    await new Promise((_resolve, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error))
    })
  }
  const { signal } = controller
  const leads = [
    w.watch(a.locks.election(NAME).lead(reign('a'), { signal })),
    w.watch(b.locks.election(NAME).lead(reign('b'), { signal })),
  ]
  await w.advance(10)
  // a loses it, stops, and campaigns anew behind b.
  await w.client().locks.forceRelease(NAME)
  await w.advance(5000)
  expect(turns).toEqual(['a', 'b'])
  await w.client().locks.forceRelease(NAME)
  await w.advance(5000)
  expect(turns).toEqual(['a', 'b', 'a'])
  controller.abort(new Error('over'))
  await w.advance()
  expect(leads.map(({ state }) => state)).toEqual(['done', 'done'])
  expect(w.left()).toEqual([])
})

test('a function that returns at once campaigns about ten times a second, and stops at once', async () => {
  const w = new World()
  const controller = new AbortController()
  let reigns = 0
  const { signal } = controller
  const lead = w.watch(
    w
      .client()
      .locks.election(NAME)
      .lead(() => void reigns++, { signal }),
  )
  await w.advance(1000)
  expect(reigns).toBeGreaterThanOrEqual(9)
  expect(reigns).toBeLessThanOrEqual(11)
  controller.abort()
  await w.advance(1)
  expect(lead.state).toBe('done')
  expect(w.left()).toEqual([])
})

test('after a reign of a tenth of a second the next campaign begins at once', async () => {
  const w = new World()
  const controller = new AbortController()
  const begun: number[] = []
  const reign = (): Promise<void> => {
    begun.push(w.clock.monotonic())
    return new Promise((resolve) => void w.clock.setTimer(resolve, 100))
  }
  const election = w.client().locks.election(NAME)
  const lead = w.watch(election.lead(reign, { signal: controller.signal }))
  await w.advance(1000)
  for (const [i, at] of begun.slice(1).entries()) expect(at - begun[i]!).toBeLessThan(150)
  controller.abort()
  await w.advance(200)
  expect(lead.state).toBe('done')
})

test("lead rejects with the function's own error, and resigns", async () => {
  const w = new World()
  const own = new Error('own')
  const { locks } = w.client()
  const lead = locks.election(NAME).lead(() => Promise.reject(own))
  await expect(lead).rejects.toBe(own)
  await w.advance()
  expect(w.holder(NAME)).toBeNull()
  await expect(locks.election(NAME).lead('x' as never)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  })
})

test('observers see the present leader first, then every change, none twice', async () => {
  const w = new World()
  const [a, b, c] = [w.client({}, { label: 'a' }), w.client(), w.client()]
  const early = observed(c)
  await w.advance()
  const first = await a.locks.election(NAME).campaign()
  await w.advance()
  const late = observed(c)
  const next = w.watch(b.locks.election(NAME).campaign())
  await w.advance(30_000)
  await first.resign()
  await w.advance()
  await next.value.resign()
  await w.advance()
  const all = [first.owner, next.value.owner, null]
  expect(early.owners()).toEqual([null, ...all])
  expect(late.owners()).toEqual(all)
  expect(late.seen[0]).toMatchObject({ label: 'a', pid: process.pid, fence: first.fence })
  expect(late.seen[0]!.since).toBeGreaterThan(1e12)
  await c.locks.close()
  await Promise.all([early.over, late.over])
})

test('the end of a killed leader is seen when its lease is over, with or without a next one', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const first = await a.locks.election(NAME, { ttl: '5s' }).campaign()
  const { owners } = observed(c)
  await w.advance(1)
  w.net.silence(a)
  await w.advance(5100)
  expect(owners()).toEqual([first.owner, null])
  const second = await b.locks.election(NAME, { ttl: '5s' }).campaign()
  const third = w.watch(c.locks.election(NAME).campaign())
  await w.advance(1)
  w.net.silence(b)
  await w.advance(5100)
  expect(third.state).toBe('done')
  expect(owners().filter((owner) => owner !== null)).toEqual([
    first.owner,
    second.owner,
    third.value.owner,
  ])
})

test('a look costs one command when the lease should have ended, and none before', async () => {
  const w = new World()
  const [a, c] = [w.client(), w.client()]
  await a.locks.election(NAME, { ttl: '9s' }).campaign()
  observed(c)
  await w.advance(1)
  expect(w.net.count(undefined, c)).toBe(1)
  await w.advance(8900)
  expect(w.net.count(undefined, c)).toBe(1)
  await w.advance(90_000)
  // It is renewed every 3 s: what is told then is 6 to 9 s long.
  expect(w.net.count('inspect', c)).toBeLessThanOrEqual(1 + 90 / 6)
  expect(w.net.count(undefined, c)).toBe(w.net.count('inspect', c))
})

test('while nobody leads it costs nothing', async () => {
  const w = new World()
  const c = w.client()
  observed(c)
  await w.advance(600_000)
  expect(w.net.count(undefined, c)).toBe(1)
})

test('after a gap in the subscription it looks', async () => {
  const w = new World()
  const [a, c] = [w.client(), w.client()]
  const { owners } = observed(c)
  await w.advance()
  c.port.cutPushes()
  const leader = await a.locks.election(NAME).campaign()
  await w.advance(1000)
  expect(owners()).toEqual([null])
  c.port.mendPushes()
  await w.advance()
  expect(owners()).toEqual([null, leader.owner])
})

test('messages that come late or twice change nothing', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const { owners } = observed(c)
  await w.advance()
  const copies = w.net.double('push', 'leader', { of: c, times: 2 })
  const first = await a.locks.election(NAME).campaign()
  await w.advance()
  await first.resign()
  await w.advance()
  const next = await b.locks.election(NAME).campaign()
  await w.advance()
  copies.release()
  await w.advance()
  expect(owners()).toEqual([null, first.owner, null, next.owner])
})

test('an announcement that was lost is sent again', async () => {
  const w = new World()
  const [a, c] = [w.client(), w.client()]
  const { owners } = observed(c)
  await w.advance()
  w.net.drop('request', 'announce')
  const leader = await a.locks.election(NAME).campaign()
  await w.advance(3000)
  expect(owners()).toEqual([null, leader.owner])
})

test('close of a leader, and a forced end, are told at once', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const { owners } = observed(c)
  await w.advance()
  const first = await a.locks.election(NAME).campaign()
  await w.advance()
  await a.locks.close()
  await w.advance()
  expect(owners()).toEqual([null, first.owner, null])
  const second = await b.locks.election(NAME).campaign()
  await w.advance(1)
  await c.locks.forceRelease(NAME)
  await expect(async () => {
    await w.advance(4000)
    if (second.signal.aborted) throw second.signal.reason
  }).rejects.toMatchObject({ reason: 'forced' })
  await w.advance()
  expect(owners().slice(3)).toEqual([second.owner, null])
})

test('revoked passes through: a leader may be asked to step down', async () => {
  const w = new World()
  const leader = await w.client().locks.election(NAME).campaign()
  expect(await w.client().locks.revoke(NAME, { reason: 'deploy' })).toEqual({ asked: 1 })
  await w.advance(4000)
  expect(leader.revoked.reason).toMatchObject({ code: 'ERR_REVOKED', by: { reason: 'deploy' } })
  expect(leader.isLeader).toBe(true)
})

test.each(['return', 'abort', 'close'] as const)(
  '%s ends a loop, and leaves nothing',
  async (how) => {
    const w = new World()
    const [a, c] = [w.client(), w.client()]
    await a.locks.election(NAME).campaign()
    const controller = new AbortController()
    const loop = c.locks.election(NAME).observe({ signal: controller.signal })
    const channel = `lock:election:lock:${NAME}`
    expect(await loop.next()).toMatchObject({ done: false })
    const pending = loop.next()
    expect(w.server.subscribers(channel)).toBe(1)
    if (how === 'return') await loop.return!()
    if (how === 'abort') controller.abort()
    if (how === 'close') await c.locks.close()
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(await loop.next()).toEqual({ done: true, value: undefined })
    await w.advance()
    expect(w.server.subscribers(channel)).toBe(0)
    const sent = w.net.count(undefined, c)
    await w.advance(60_000)
    expect(w.net.count(undefined, c)).toBe(sent)
  },
)

test('a server that cannot be reached rejects the first look, and ends no loop later', async () => {
  const w = new World()
  const [a, c] = [w.client(), w.client()]
  c.port.subscribable = false
  const refused = w.watch(c.locks.election(NAME).observe().next())
  await w.advance(1000)
  expect(refused.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  c.port.subscribable = true
  const leader = await a.locks.election(NAME).campaign()
  const { owners } = observed(c)
  await w.advance()
  w.net.drop('request', 'inspect', { times: 4 })
  await w.advance(25_000)
  expect(owners()).toEqual([leader.owner])
  expect(w.net.count('inspect', c)).toBeGreaterThan(5)
})

test('in memory it is the same', async () => {
  const clock = new ManualClock()
  const locks = Holdfast.inMemory({ clock })
  const election = locks.election(NAME)
  const loop = election.observe()
  expect(await loop.next()).toEqual({ done: false, value: null })
  {
    await using leader = await election.campaign()
    expect((await loop.next()).value).toMatchObject({ owner: leader.owner, fence: leader.fence })
  }
  expect((await loop.next()).value).toBeNull()
  await locks.close()
  expect((await loop.next()).done).toBe(true)
})

test('who leads for hours is still known, with label, fence and since', async () => {
  const w = new World()
  const leader = await w.client({}, { label: 'a' }).locks.election(NAME).campaign()
  await w.advance(3_600_000)
  const { value } = await w.client().locks.election(NAME).observe().next()
  expect(value).toMatchObject({ owner: leader.owner, label: 'a', fence: leader.fence })
  expect((value as Leader).since).toBeGreaterThan(1e12)
})
