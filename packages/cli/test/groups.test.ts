// A Cluster, and a primary that Sentinels watch: what is asked of one server goes to the right one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer } from 'holdfast/testing'
import { TestCluster } from '../../holdfast/test/kit/cluster.js'
import { TestSentinel } from '../../holdfast/test/kit/sentinel.js'
import { holdfast, reasonOf, start } from './kit.js'

const urlOf = ({ host, port }: { host: string; port: number }): string => `redis://${host}:${port}`

describe('--cluster', () => {
  let cluster: TestCluster
  /** A name for each server, in their order. */
  let names: string[]
  beforeAll(async () => {
    cluster = await TestCluster.start()
    names = []
    for (let i = 0; names.filter(Boolean).length < 3; i++) {
      const owner = await cluster.ownerOf(`lock:n${i}`)
      names[cluster.nodes.indexOf(owner)] ??= `n${i}`
    }
  })
  afterAll(() => cluster.stop())

  test('one address is enough: run holds names of any slot, others wait for them, and ls finds all', async () => {
    const env = { REDIS_URL: urlOf(cluster.seeds[0]!) }
    const holders = names.map((name) => start(['run', '--cluster', name, 'sleep', '60'], env))
    for (const name of names) {
      await expect
        .poll(async () => (await holdfast(['inspect', '--cluster', name], env)).stdout, {
          timeout: 10_000,
        })
        .toMatch(/exclusive/)
    }
    const { stdout } = await holdfast(['ls', '--cluster', '--json'], env)
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { name: string }).name)
    expect(found.toSorted()).toEqual(names.toSorted())
    const taken = await holdfast(['run', '--cluster', '-n', names[1]!, 'true'], env)
    expect([taken.code, reasonOf(taken)['reason']]).toEqual([75, 'taken'])
    const next = start(['run', '--cluster', names[1]!, 'echo', 'ran'], env)
    await expect
      .poll(
        async () => (await holdfast(['inspect', '--cluster', '--json', names[1]!], env)).stdout,
        {
          timeout: 10_000,
        },
      )
      .toMatch(/"waiterCount":1/)
    for (const { child } of holders) child.kill('SIGTERM')
    expect(await next.ended).toMatchObject({ code: 0, stdout: 'ran\n', stderr: '' })
    await Promise.all(holders.map(({ ended }) => ended))
  })

  test('the doctor looks at it', async () => {
    const urls = cluster.seeds.flatMap((seed) => ['--url', urlOf(seed)])
    const { code, stdout, stderr } = await holdfast(['doctor', '--cluster', ...urls])
    expect(stderr).toBe('')
    expect([0, 1]).toContain(code)
    expect(stdout.match(/^server \d$/gm)).toEqual(['server 0', 'server 1', 'server 2'])
  })

  test('without the option it says that one is needed', async () => {
    const env = { REDIS_URL: urlOf(cluster.seeds[0]!) }
    const { code, stderr } = await holdfast(['run', names[1]!, 'true'], env)
    expect(code).toBe(69)
    expect(stderr).toMatch(/--cluster/)
  })

  test('of a server that is none, and of servers that are away, it says so', async () => {
    await using server = await startServer()
    const none = await holdfast(['run', '--cluster', '--url', server.url, 'a', 'true'])
    expect(none.code).toBe(69)
    expect(reasonOf(none)['msg']).toMatch(/cannot reach .*cluster support disabled/i)
    await server.kill()
    const away = await holdfast(['run', '--cluster', '--url', server.url, 'a', 'true'])
    expect(away.code).toBe(69)
    expect(reasonOf(away)['msg']).toMatch(/cannot reach redis:.*: connect ECONNREFUSED/)
  })
})

describe('--sentinel', () => {
  let sentinel: TestSentinel
  beforeAll(async () => {
    sentinel = await TestSentinel.start()
  })
  afterAll(() => sentinel.stop())

  test('the primary is found, also after a failover', async () => {
    const env = { REDIS_URL: sentinel.addresses.map(urlOf).join(',') }
    const run = ['run', '--sentinel', sentinel.name]
    expect(await holdfast([...run, 'a', 'echo', 'ran'], env)).toMatchObject({
      code: 0,
      stdout: 'ran\n',
    })
    const old = await sentinel.primary()
    await sentinel.failover()
    await sentinel.replaced(old)
    expect(await holdfast([...run, 'a', 'echo', 'ran'], env)).toMatchObject({
      code: 0,
      stdout: 'ran\n',
    })
  })

  test('--strict-failover is of it, and --quarantine with it, however many Sentinels are given', async () => {
    const env = {
      REDIS_URL: sentinel.addresses.map(urlOf).join(','),
      HOLDFAST_STRICT_FAILOVER: '1',
      HOLDFAST_QUARANTINE: '40s',
    }
    const early = await holdfast(['run', '-n', '--sentinel', sentinel.name, 'b', 'true'], env)
    expect(reasonOf(early)['msg']).toMatch(/quarantine/)
    await holdfast(['bootstrap', '--sentinel', sentinel.name], env)
    const run = await holdfast(['run', '-n', '--sentinel', sentinel.name, 'b', 'echo', 'ran'], env)
    expect(run).toMatchObject({ code: 0, stdout: 'ran\n' })
  })

  test('of a name that they do not know, and of sentinels that are away, it says so', async () => {
    const [first] = sentinel.addresses
    const unknown = await holdfast([
      'run',
      '--sentinel',
      'nobody',
      '--url',
      urlOf(first!),
      'a',
      'true',
    ])
    expect(unknown.code).toBe(69)
    expect(reasonOf(unknown)['msg']).toMatch(/cannot reach nobody of redis:.*Sentinel/i)
    await using server = await startServer()
    await server.kill()
    const away = await holdfast(['run', '--sentinel', 'x', '--url', server.url, 'a', 'true'])
    expect(away.code).toBe(69)
    expect(reasonOf(away)['msg']).toMatch(/sentinels are unreachable/)
  })

  test('a Sentinel that is taken for a server says which option is missing', async () => {
    const [first] = sentinel.addresses
    const { code, stderr } = await holdfast(['run', '-n', '--url', urlOf(first!), 'a', 'true'])
    expect(code).toBe(69)
    expect(stderr).toMatch(/--sentinel/)
  })
})

test.each([
  [['--cluster', '--url', 'redis://a/1'], /database 0 alone/],
  [['--sentinel', 'x', '--url', 'redis://a/first'], /no number of a database/],
  [['--cluster', '--url', 'redis://u:secret%zz@a'], /written as %25/],
  [
    ['--cluster', '--url', 'redis://u:secret1@a', '--url', 'redis://u:secret2@b'],
    /same scheme, user, password/,
  ],
  [['--cluster', '--sentinel', 'x', '--url', 'redis://a'], /cannot be used with/],
  [['--sentinel', '', '--url', 'redis://a'], /--sentinel is empty: the name of the primary/],
  [['--url', 'redis://a/mydb'], /no number of a database: mydb/],
  [['--url', 'redis://u:secret@a/1.5'], /no number of a database: 1\.5/],
  [['--url', 'redis://a/1e3'], /no number of a database: 1e3/],
  [['--url', 'redis://a/-1'], /no number of a database: -1/],
  [['--url', 'redis://a?db=first'], /no number of a database: first/],
  [['--url', 'redis://a', '--url', 'redis://b/x'], /no number of a database: x/],
  [['--url', 'redis://u:secret%zz@a'], /written as %25/],
] as const)('%j is refused before anything is connected', async (args, message) => {
  const ended = await holdfast(['run', ...args, 'a', 'true'])
  expect(ended.code).toBe(64)
  expect(ended.stderr).toMatch(message)
  // No password of a URL is shown.
  expect(ended.stderr).not.toMatch(/secret/)
})
