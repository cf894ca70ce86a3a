// Rings of processes of their own, on real servers.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, until, World } from '../real/kit.js'
import { Process } from '../real/process.js'

const options = { wait: 120_000, ttl: 120_000 }
const COUNT = 10
let processes: Process[]
beforeAll(() => {
  processes = Array.from({ length: COUNT }, () => new Process())
})
const worlds: World[] = []
afterAll(async () => {
  await Process.killAll()
  await Promise.all(worlds.map((world) => world.stop()))
})

describe.each(engines)('deadlocks, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    worlds.push((world = await World.start(engine)))
    const { url } = world.server
    await Promise.all(processes.map((one) => one.ask('connect', { url })))
  }, 60_000)
  afterEach(() => world.clean())

  /** Closes a ring of processes, and says what became of each. */
  async function ring(name: string, members: readonly Process[]): Promise<number> {
    const count = members.length
    const results = await Promise.all(
      members.map((one, i) => {
        const next = `${name}${(i + 1) % count}`
        return one.ask('nest', { own: `${name}${i}`, next, ready: `ready:${name}`, count, options })
      }),
    )
    const victims = results.filter(({ got }) => !got)
    expect(victims).toHaveLength(1)
    const [{ code, cycle = [], ms }] = victims as [(typeof victims)[0]]
    expect(code).toBe('ERR_DEADLOCK')
    expect(cycle).toHaveLength(count)
    // Link by link, once round.
    cycle.forEach(([, waitsFor], i) => expect(cycle[(i + 1) % count]![0]).toBe(waitsFor))
    process.stdout.write(`a ring of ${count} on ${engine}: broken after ${Math.round(ms)} ms\n`)
    return count
  }

  test(
    'rings of 2, 3 and 10 processes: one victim each, the others go on',
    { timeout: 120_000 },
    async () => {
      // Some are in several rings at once, each with another context.
      const rings = [processes, processes.slice(0, 2), processes.slice(2, 5)]
      const commands = await world.during(() =>
        Promise.all(rings.map((members, i) => ring(`r${i}:`, members))),
      )
      // Each takes two locks, releases, notes its wait and looks a few times, ten names each time.
      expect(commands.evalsha).toBeLessThan(15 * (6 + 8 * (COUNT + 1)))
      const keys = await world.keys()
      expect(keys.filter((key) => key.includes('lock:'))).toEqual([])
    },
  )

  test(
    'deadlocks() finds a ring, behind a prefix of the client too, and breaks nothing',
    { timeout: 60_000 },
    async () => {
      const keyPrefix = 'app:'
      const locksOf = () => world.locks({ deadlock: 'report' }, world.client({ keyPrefix }))
      const all = [locksOf(), locksOf()]
      const stop = new AbortController()
      const { signal } = stop
      const calls = all.map((locks, i) =>
        locks.mutex(`n${i}`, { label: `p${i}` }).use(async () => {
          await until(async () => expect((await locks.inspect(`n${1 - i}`)).holderCount).toBe(1))
          return locks.mutex(`n${1 - i}`).use(() => {}, { wait: Infinity, signal })
        }),
      )
      const settled = Promise.allSettled(calls)
      const found = await until(async () => {
        const deadlocks = await locksOf().deadlocks()
        expect(deadlocks).toHaveLength(1)
        return deadlocks[0]!.cycle
      }, 30_000)
      const links = found.map(({ label, name, waitsFor }) => `${label} ${name} ${waitsFor.name}`)
      expect(links.sort()).toEqual(['p0 n0 n1', 'p1 n1 n0'])
      expect((await all[0]!.inspect('n0')).waiterCount).toBe(1)
      stop.abort(new Error('enough'))
      await settled
      expect(await locksOf().deadlocks()).toEqual([])
    },
  )
})
