import { test } from 'vitest'
import { Servers, type QuorumClient } from './kit.js'
function slow(w: Servers, seed: number): void {
  let state = seed
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  for (const net of w.nets)
    for (const direction of ['request', 'reply', 'push'] as const)
      net.delay(direction, '*', () => random() * 7.5, { times: Infinity })
}
test('x', async () => {
  const w = new Servers(3)
  await w.started()
  slow(w, 2)
  const out: string[] = []
  w.nets.forEach(({ server }, i) => {
    const ex = server.execute.bind(server)
    server.execute = (s, k, a) => {
      const r = ex(s, k, a) as any
      out.push(
        `${w.clock.monotonic().toFixed(1)} n${i} ${s} ${String(a[1]).slice(0, 3)} ${s === 'q_acquire' ? 'b' + String(a[10]).slice(-9) + ' w' + a[6] : a.slice(3).join(',').slice(-25)} -> ${JSON.stringify(r.slice(3)).slice(0, 90)}`,
      )
      return r
    }
    const pub = server.publish.bind(server)
    server.publish = (c, m) => {
      out.push(`${w.clock.monotonic().toFixed(1)} n${i} PUSH ${m.slice(0, 12)} ${m.slice(-60)}`)
      return pub(c, m)
    }
  })
  const clients = Array.from({ length: 9 }, () => w.client())
  const work = ({ locks, clock }: QuorumClient): Promise<void> =>
    locks.mutex('a').use(async () => {
      out.push('IN')
      await new Promise<void>((r) => clock.setTimer(r, 10))
      out.push('OUT')
    })
  const all = w.watch(Promise.all(clients.map(work)))
  for (let ms = 0; ms < 400 && all.state === 'pending'; ms++) await w.advance(1)
  console.log(out.slice(0, 170).join('\n'))
})
