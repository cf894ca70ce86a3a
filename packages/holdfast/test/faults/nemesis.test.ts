import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { Nemesis } from '../kit/nemesis.js'
import { engines, until } from '../real/kit.js'

type Act = (nemesis: Nemesis) => unknown

/** A write, in a script as all of ours are: then a server has other reasons to refuse. */
const write = (client: Redis, value: string): Promise<unknown> =>
  client.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, 'k', value)

/** What a plain client hears while it lasts; afterwards it can write. */
const states: readonly [
  name: string,
  begin: Act,
  end: Act,
  hears: RegExp,
  args?: readonly string[],
][] = [
  ['pause', (n) => n.pause(), (n) => n.unpause(), /Command timed out/],
  ['freeze', (n) => n.freeze(), (n) => n.thaw(), /Command timed out/],
  ['crash', (n) => n.crash(), (n) => n.restart(), /max retries|Connection is closed|ECONN/],
  ['busy', (n) => n.busy(), (n) => n.calm(), /BUSY/],
  ['fill', (n) => n.fill(), (n) => n.spare(), /OOM/],
  ['demote', (n) => n.demote(), (n) => n.promote(), /READONLY/],
  ['orphan', (n) => n.orphan(), (n) => n.promote(), /MASTERDOWN/],
  ['lonely', (n) => n.lonely(), (n) => n.accompanied(), /NOREPLICAS/],
  ['diskFull', (n) => n.diskFull(), (n) => n.diskMended(), /MISCONF/],
  ['rights', (n) => n.rights('-@scripting'), (n) => n.rights('+@all'), /NOPERM/],
  ['password', (n) => n.password(), (n) => n.passwordless(), /NOAUTH/],
  ['loading', (n) => n.loading(), (n) => n.loaded(), /LOADING/, Nemesis.loads],
]

const [engine = 'any'] = engines

describe.skipIf(engine === 'any')(`what the nemesis does is felt, on ${engine}`, () => {
  async function play(
    args: readonly string[],
    scene: (nemesis: Nemesis, client: () => Redis) => Promise<void>,
  ): Promise<void> {
    const nemesis = await Nemesis.start(engine, args)
    const clients: Redis[] = []
    try {
      await scene(nemesis, () => {
        const { host, port } = nemesis.server
        const options = { maxRetriesPerRequest: 0, enableReadyCheck: false, commandTimeout: 300 }
        const client = new Redis({ host, port, ...options })
        client.on('error', () => {})
        clients.push(client)
        return client
      })
    } finally {
      for (const client of clients) client.disconnect()
      await nemesis[Symbol.asyncDispose]()
    }
  }

  test.concurrent.for(states)('%s', ([, begin, end, hears, args = []]) =>
    play(args, async (nemesis, client) => {
      expect(await write(client(), '1')).toBe('OK')
      await begin(nemesis)
      const other = client()
      const answer = await write(other, '2').catch(String)
      expect(answer).toMatch(hears)
      await end(nemesis)
      await until(async () => expect(await write(client(), '3')).toBe('OK'))
      expect(await nemesis.admin.keys('*')).toEqual(['k'])
    }),
  )

  test.concurrent('restart: empty, with old data, or with all', () =>
    play([], async (nemesis) => {
      const { admin } = nemesis
      await admin.set('old', '1')
      await nemesis.crash()
      await nemesis.restart()
      expect(await admin.keys('*')).toEqual([])
      await admin.set('old', '1')
      await nemesis.save()
      await admin.set('new', '1')
      await nemesis.crash()
      await nemesis.restart()
      expect(await admin.keys('*')).toEqual(['old'])
      await play(['--appendonly', 'yes', '--appendfsync', 'always'], async (durable) => {
        await durable.admin.set('new', '1')
        await durable.crash()
        await durable.restart()
        expect(await durable.admin.keys('*')).toEqual(['new'])
      })
    }))

  test.concurrent('moments: scripts forgotten, connections closed, keys flushed and evicted', () =>
    play([], async (nemesis, client) => {
      const { admin } = nemesis
      const sha = (await admin.script('LOAD', 'return 1')) as string
      await nemesis.forgetScripts()
      expect(await admin.evalsha(sha, 0).catch(String)).toContain('NOSCRIPT')
      for (const kind of ['normal', 'pubsub'] as const) {
        const [normal, pubsub] = [client(), client()]
        await Promise.all([normal.ping(), pubsub.subscribe('c')])
        const closed: string[] = []
        normal.once('close', () => closed.push('normal'))
        pubsub.once('close', () => closed.push('pubsub'))
        await nemesis.kill(kind)
        await until(() => expect(closed).toEqual([kind]))
        normal.disconnect()
        pubsub.disconnect()
      }
      await admin.mset('a', '1', 'b', '1')
      await admin.pexpire('a', 60_000)
      await nemesis.evict()
      expect(await admin.keys('*')).toEqual(['b'])
      await nemesis.flush()
      expect(await admin.keys('*')).toEqual([])
    }))

  test.concurrent('a replica has everything, and becomes a primary', () =>
    play([], async (nemesis) => {
      await nemesis.admin.set('k', '1')
      const replica = await nemesis.replica()
      try {
        expect(await replica.admin.get('k')).toBe('1')
        expect(await replica.admin.set('k', '2').catch(String)).toContain('READONLY')
        await replica.promote()
        expect(await replica.admin.set('k', '2')).toBe('OK')
        expect(await nemesis.admin.get('k')).toBe('1')
      } finally {
        await replica[Symbol.asyncDispose]()
      }
    }))
})
