import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { recognise } from '../../src/clients/recognise.js'
import { Holdfast, type HoldfastOptions, type Port, type Reply } from '../../src/index.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import { bad, examined, finding, is } from './doctor-kit.js'
import { engines, World } from './kit.js'

describe('doctor, on several servers', () => {
  const worlds: World[] = []
  const open: Holdfast[] = []
  beforeAll(async () => {
    for (let i = 0; i < 4; i++) worlds.push(await World.start(engines[i % engines.length]!))
  })
  afterEach(async () => {
    for (const locks of open.splice(0)) await locks.close()
    for (const world of worlds) await world.clean()
  })
  afterAll(async () => {
    for (const world of worlds) await world.stop()
  })

  const port = (i: number): Port => recognise(worlds[i]!.client())
  function locksOn(ports: readonly Port[], options: HoldfastOptions = {}): Holdfast {
    const locks = new Holdfast(ports, options)
    open.push(locks)
    return locks
  }
  const on = (...servers: readonly number[]): readonly Port[] => servers.map(port)

  /** One whose clock is ahead by so many ms, as far as a hello tells. */
  function ahead(ms: number, of: Port): Port {
    return Object.assign(Object.create(of) as Port, {
      run: async (...call: Parameters<Port['run']>): Promise<Reply> => {
        const reply = (await of.run(...call)) as readonly Reply[]
        if (call[0] !== scripts.hello) return reply
        return [String(Number(reply[0]) + ms * 1000), ...reply.slice(1)]
      },
    })
  }

  test('three: each by itself, and together', async () => {
    const locks = locksOn(on(0, 1, 2))
    await locks.bootstrap()
    const findings = await examined(locks)
    expect(bad(findings)).toEqual([])
    for (const id of ['reachable', 'version', 'rights', 'quarantine'] as const) {
      expect(findings.filter((one) => one.id === id).map(({ server }) => server)).toEqual([0, 1, 2])
    }
    for (const id of ['servers', 'same-server', 'clock-difference', 'lock'] as const) {
      const all = findings.filter((one) => one.id === id)
      expect(all).toMatchObject([{ severity: 'ok', server: null }])
    }
    for (const world of worlds) {
      const keys = await world.keys()
      expect(keys.filter((key) => key !== '{hf}:hf:node')).toEqual([])
    }
  })

  test('before the first start; another epoch', async () => {
    const first = await examined(locksOn(on(0, 1, 2)))
    expect(is(first, 'quarantine', 'warning')).toContain('never been asked')
    expect(is(first, 'lock', 'warning')).toMatch(/^not tried: .* never asked for a lock/)
    for (const world of worlds) expect(await world.keys()).toEqual([])
    // What it would have written locks nobody out: programs have another quarantine.
    const program = locksOn(on(0, 1, 2), { quarantine: '15s' })
    const refused = program.mutex('a').acquire({ wait: 0 })
    await expect(refused).rejects.toThrow('in quarantine for')
    expect(await program.bootstrap()).toBe(true)
    await (await program.mutex('a').acquire({ wait: 0 })).release()
    for (const world of worlds) await world.clean()

    await expect(
      locksOn(on(0, 1, 2))
        .mutex('a')
        .acquire({ wait: 0 }),
    ).rejects.toThrow('quarantine')
    const second = await examined(locksOn(on(0, 1, 2)))
    expect(is(second, 'quarantine', 'warning')).toContain('in quarantine')
    await locksOn(on(0, 1, 2), { epoch: 1 }).bootstrap()
    const older = await examined(locksOn(on(0, 1, 2)))
    expect(is(older, 'quarantine', 'error')).toContain('the epoch of this node is 1')
    is(older, 'lock', 'error')
  })

  test('a later epoch than that of the servers is not begun', async () => {
    const program = locksOn(on(0, 1, 2))
    await program.bootstrap()
    const findings = await examined(locksOn(on(0, 1, 2), { epoch: 5 }))
    expect(is(findings, 'quarantine', 'warning')).toContain('an earlier epoch')
    expect(is(findings, 'lock', 'warning')).toMatch(
      /^not tried: server 0, 1, 2 .* an earlier epoch/,
    )
    await (await program.mutex('a').acquire({ wait: 0 })).release()
  })

  test('one that forgot all, and one primary with strictFailover', async () => {
    const locks = locksOn(on(0, 1, 2))
    await locks.bootstrap()
    await worlds[1]!.admin.flushall()
    expect(is(await examined(locks), 'lock', 'warning')).toMatch(/^not tried: server 1 /)
    const strict = new Holdfast(port(3), { strictFailover: true })
    open.push(strict)
    expect(is(await examined(strict), 'lock', 'warning')).toMatch(/^not tried: the server /)
    expect(await worlds[3]!.keys()).toEqual([])
  })

  test('an even number, one away, and no majority', async () => {
    const even = locksOn(on(0, 1, 2, 3))
    await even.bootstrap()
    expect(is(await examined(even), 'servers', 'note')).toContain('4 of 4')
    const away = (): Port => recognise(worlds[0]!.client({ port: 1 }))
    const findings = await examined(locksOn([port(0), port(1), away()]), { timeout: 100 })
    expect(is(findings, 'servers', 'warning')).toContain('2 of 3')
    expect(finding(findings, 'reachable')).toMatchObject({ severity: 'error', server: 2 })
    is(findings, 'lock', 'ok')
    const none = await examined(locksOn([port(0), away(), away()]), { timeout: 100 })
    is(none, 'servers', 'error')
    is(none, 'lock', 'error')
    expect(is(none, 'clock-difference', 'note')).toContain('cannot be seen')
  })

  test('the same server twice, and one that does not say which it is', async () => {
    const locks = locksOn([port(0), port(0), port(1)])
    expect(is(await examined(locks), 'same-server', 'error')).toContain('answers more than once')
    await worlds[2]!.admin.call(
      'ACL',
      'SETUSER',
      'u',
      'reset',
      'on',
      '>p',
      '~*',
      '&*',
      '+@all',
      '-info',
    )
    const mute = { username: 'u', password: 'p', enableReadyCheck: false }
    const findings = await examined(locksOn([port(0), port(1), recognise(worlds[2]!.client(mute))]))
    expect(is(findings, 'same-server', 'note')).toContain('cannot be seen')
  })

  test('clocks that are apart', async () => {
    const apart = async (ms: number): Promise<Holdfast> => {
      const locks = locksOn([port(0), ahead(ms, port(1)), port(2)])
      await locks.bootstrap()
      return locks
    }
    is(await examined(await apart(0)), 'clock-difference', 'ok')
    const findings = await examined(await apart(2000))
    expect(is(findings, 'clock-difference', 'warning')).toContain('server 1 is at least')
    is(findings, 'clock-offset', 'note')
    is(await examined(await apart(61_000)), 'clock-difference', 'error')
  })

  test('a replica behind one of them', async () => {
    const { host, port: primary } = worlds[0]!.server
    await worlds[0]!.admin.config('SET', 'repl-diskless-sync-delay', '0')
    await worlds[3]!.admin.call('REPLICAOF', host, `${primary}`)
    const locks = locksOn(on(0, 1, 2))
    await locks.bootstrap()
    const seen = async (): Promise<string> => finding(await examined(locks), 'replicas').measured
    await expect.poll(seen, { timeout: 20_000 }).toContain('online')
    expect(is(await examined(locks), 'replicas', 'note')).toContain('several servers need none')
    await worlds[3]!.admin.call('REPLICAOF', 'NO', 'ONE')
  })
})
