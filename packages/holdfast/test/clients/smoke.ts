import { expect } from 'vitest'
import { Holdfast } from '../../src/index.js'
import type { Client } from '../../src/clients/recognise.js'
import { until } from '../real/kit.js'

/**
 * What somebody does who tries a client out, on two of them: take names, wait, hand over, list,
 * release. A hand-over that is not pushed would take longer than a test may.
 */
export async function smoke(
  first: Client,
  second: Client,
  names: readonly string[],
): Promise<void> {
  const [a, b] = [new Holdfast(first, { label: 'a' }), new Holdfast(second, { label: 'b' })]
  try {
    for (const name of names) {
      const lock = await a.mutex(name, { ttl: '60s' }).acquire()
      expect(await b.mutex(name).tryAcquire()).toBeNull()
      const wait = b.mutex(name, { ttl: '60s' }).acquire()
      await until(async () => expect((await b.inspect(name)).waiterCount).toBe(1))
      expect(await lock.release()).toEqual({ released: true })
      const next = await wait
      expect(next.fence).toBeGreaterThan(lock.fence)
      // With a claim it is renewed to its whole length soon; until then the answer is the same.
      await next.verify()
      expect((await a.inspect(name)).holders.map(({ label }) => label)).toEqual(['b'])
      const listed: string[] = []
      for await (const found of a.list()) listed.push(found.name)
      expect(listed).toEqual([name])
      expect(await next.release()).toEqual({ released: true })
    }
  } finally {
    await Promise.all([a.close(), b.close()])
  }
}
