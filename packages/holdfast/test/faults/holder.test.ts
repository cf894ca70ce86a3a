import { afterEach, describe, expect, test } from 'vitest'
import { engines, until } from '../real/kit.js'
import { Process } from '../real/process.js'
import { PATIENT, SHORT, Stage } from './stage.js'

describe.each(engines)('a holder that is killed, on %s', (engine) => {
  afterEach(() => Process.killAll())

  test.skipIf(engine === 'any')('[26] waiting: E, its turn comes when the lease is over', () =>
    Stage.play(engine, [], async (stage) => {
      const [holder] = await Process.start(1, stage.proxy.url)
      const held = await holder!.ask('acquire', { name: 'a', options: { ttl: SHORT } })
      const locks = stage.near()
      const waiting = (await stage.warm(locks)).acquire({ wait: PATIENT })
      await stage.queued(locks, 1)
      await holder!.kill()
      expect((await locks.inspect('a')).holders.map((one) => one.owner)).toEqual([held.owner])
      const lock = await waiting
      expect(lock.fence).toBeGreaterThan(held.fence)
      await until(() => lock.verify())
      expect(await lock.release()).toEqual({ released: true })
      await stage.clean()
    }),
  )
})
