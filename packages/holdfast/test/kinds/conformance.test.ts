// Each kind of lock is a mutex if it is used as one: the suite of the mutex holds for it, word for word.
import { AsyncLocalStorage } from 'node:async_hooks'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { withBench } from '../../src/testing/conformance/bench.js'
import { forgetful, MUTEX } from '../../src/testing/conformance/mutex.js'
import {
  findServer,
  startServer,
  type ConformanceTarget,
  type RunningServer,
} from '../../src/testing/index.js'
import { FILLER, Filler, kinds, lastPermit, memoryTarget, type Kind } from './adapters.js'

/** As what kind a case plays; and who has the four other permits, where it is the last of five. */
const playing = new AsyncLocalStorage<{ kind: Kind; filler: Filler | null }>()
const filling = (): Filler | null => playing.getStore()?.filler ?? null

// oxlint-disable-next-line typescript/unbound-method -- each is called with its `this` below
const { inspect, forceRelease, revoke } = Holdfast.prototype
vi.spyOn(Holdfast.prototype, 'mutex').mockImplementation(function (this: Holdfast, name, options) {
  return playing.getStore()!.kind(this, name, options) as ReturnType<Holdfast['mutex']>
})
// What is said of all holders is said here of those of the suite.
vi.spyOn(Holdfast.prototype, 'inspect').mockImplementation(async function (this: Holdfast, name) {
  const state = await inspect.call(this, name)
  const holders = state.holders.filter(({ label }) => label !== FILLER)
  const holderCount = state.holderCount - (state.holders.length - holders.length)
  return { ...state, holders, holderCount }
})
vi.spyOn(Holdfast.prototype, 'forceRelease').mockImplementation(async function (
  this: Holdfast,
  name,
  options,
) {
  const result = await forceRelease.call(this, name, options)
  const filler = filling()
  if (!filler) return result
  // It has never waited, so that it hears of it when it asks.
  const lock = await filler.take(name)
  await lock.verify().catch(() => {})
  return { ...result, asked: result.asked - 1 }
})
vi.spyOn(Holdfast.prototype, 'revoke').mockImplementation(async function (
  this: Holdfast,
  name,
  options,
) {
  const { asked } = await revoke.call(this, name, options)
  return { asked: filling() ? asked - 1 : asked }
})

function suites(target: ConformanceTarget): void {
  const cases = Object.entries(MUTEX)
  const { flushScripts } = target
  if (flushScripts) {
    cases.push(['a server that forgot its scripts', (bench) => forgetful(bench, flushScripts)])
  }
  const play = (kind: Kind, filler: Filler | null = null): void => {
    for (const [name, run] of cases) {
      it.concurrent(name, () => playing.run({ kind, filler }, () => withBench(target, run)))
    }
  }
  describe.each(Object.entries(kinds))('%s', (_name, kind) => {
    play(kind)
  })
  describe('a semaphore of five, four of them taken', () => {
    const filler = new Filler(target)
    afterAll(() => filler.close())
    play(lastPermit(filler), filler)
  })
}

describe('memory', () => {
  suites(memoryTarget())
})

for (const engine of ['redis', 'valkey'] as const) {
  if (!(await findServer({ engine }))) {
    it.skip(`${engine}: no ${engine}-server was found on this machine`)
    continue
  }
  describe(engine, () => {
    let server: RunningServer
    let admin: Redis
    beforeAll(async () => {
      server = await startServer({ engine })
      admin = new Redis(server.url)
    })
    afterAll(async () => {
      admin.disconnect()
      await server.stop()
    })
    suites({
      flushScripts: () => admin.script('FLUSH'),
      open: async () => {
        const client = new Redis(server.url)
        return { client, close: () => client.quit() }
      },
    })
  })
}
