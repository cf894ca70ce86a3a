// Many who want one name of several servers: all get it, one at a time, and soon.
import { expect, test } from 'vitest'
import { Servers, type QuorumClient } from './kit.js'

/** Each message takes 0 to 15 ms. */
function slow(w: Servers, seed: number): void {
  let state = seed
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  for (const net of w.nets) {
    for (const direction of ['request', 'reply', 'push'] as const) {
      net.delay(direction, '*', () => random() * 7.5, { times: Infinity })
    }
  }
}

test.each([1, 2, 3, 4, 5, 6])(
  'nine contenders on three servers, seed %i: all finish within a second',
  async (seed) => {
    const w = new Servers(3)
    await w.started()
    slow(w, seed)
    const clients = Array.from({ length: 9 }, () => w.client())
    let inside = 0
    const fences: number[] = []
    const work = ({ locks, clock }: QuorumClient): Promise<void> =>
      locks.mutex('a').use(async ({ fence }) => {
        expect(++inside).toBe(1)
        fences.push(fence)
        await new Promise<void>((resolve) => clock.setTimer(resolve, 10))
        inside--
      })
    const all = w.watch(Promise.all(clients.map(work)))
    for (let ms = 0; ms < 1000 && all.state === 'pending'; ms++) await w.advance(1)
    expect([all.state, fences.length]).toEqual(['done', 9])
    expect(all.at).toBeLessThan(1000)
    expect(fences).toEqual(fences.toSorted((a, b) => a - b))
    await w.advance(3000)
    expect(w.left()).toEqual([])
  },
)
