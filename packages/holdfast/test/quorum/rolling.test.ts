// All of five servers restarted empty, one after the other, while six clients work.
import { expect, test } from 'vitest'
import { Servers, type QuorumClient } from './kit.js'

const quarantine = 2000

// HOLDFAST_SEEDS=10 for the long run.
const SEEDS = Array.from({ length: Number(process.env['HOLDFAST_SEEDS'] ?? 1) }, (_, i) => i + 1)

test.each(SEEDS)(
  'a rolling restart without memory: one holder at a time, tokens only grow; seed %i',
  async (seed) => {
    const w = new Servers(5)
    const options = { quarantine }
    const clients = [
      await w.started(options),
      ...Array.from({ length: 5 }, () => w.client(options)),
    ]
    let state = seed
    const random = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state / 2_147_483_648
    }
    for (const net of w.nets) {
      for (const way of ['request', 'reply', 'push'] as const) {
        net.delay(way, '*', () => random() * 10, { times: Infinity })
      }
    }
    const names = ['a', 'b']
    const believers = new Map(names.map((name) => [name, new Set<{ isHeld: boolean }>()]))
    const fences = new Map(names.map((name) => [name, 0]))
    let grants = 0
    let over = false
    const work = async ({ locks, clock }: QuorumClient, i: number): Promise<void> => {
      for (let n = i; !over; n++) {
        const name = names[n % 2]!
        const lock = await locks.mutex(name, { ttl: 1000 }).acquire({ wait: 60_000 })
        const all = believers.get(name)!
        expect([...all].filter(({ isHeld }) => isHeld)).toEqual([])
        all.add(lock)
        expect(lock.fence).toBeGreaterThan(fences.get(name)!)
        fences.set(name, lock.fence)
        grants++
        await new Promise<void>((resolve) => clock.setTimer(resolve, 50 + random() * 1500))
        all.delete(lock)
        await lock.release()
      }
    }
    const all = w.watch(Promise.all(clients.map(work)))
    let before = 0
    for (let node = 0; node < 5; node++) {
      w.server(node).restart()
      await w.advance(quarantine + 1500)
      // Nobody waits for the node that is out.
      expect(grants).toBeGreaterThan(before)
      before = grants
    }
    over = true
    for (let i = 0; i < 60 && all.state === 'pending'; i++) await w.advance(1000)
    expect([all.state, all.error]).toEqual(['done', undefined])
    await w.advance(12_000)
    expect(w.left()).toEqual([])
    expect(clients.map(({ clock }) => clock.timers)).toEqual(clients.map(() => 0))
  },
)
