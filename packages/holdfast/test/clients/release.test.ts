import { expect, test } from 'vitest'
import { Stage } from '../faults/stage.js'
import { engines } from '../real/kit.js'
import { kinds, otherKinds, recommendedKinds } from './kinds.js'

const [engine = 'any'] = engines
/** They send again by themselves what was under way when a connection broke. */
const resends = ['ioredis RESP3', 'ioredis RESP2', 'ioredis 5', 'iovalkey']

test.skipIf(engine === 'any').each([...kinds, ...otherKinds, ...recommendedKinds])(
  '$name: a release whose reply is lost has freed the name, and says what it knows',
  (kind) =>
    Stage.play(engine, [], async (stage) => {
      const lock = await (await stage.warm(await stage.farBy(kind))).acquire()
      const cut = stage.proxy.cutAfter('reply', 3, /evalsha/i)
      const reason = resends.includes(kind.name) ? 'lost' : 'unavailable'
      expect(await lock.release()).toEqual({ released: false, reason })
      await cut
      const next = await stage.near().mutex('a').tryAcquire()
      expect(next?.fence).toBeGreaterThan(lock.fence)
    }),
  20_000,
)
