import { play } from './run.js'
import { scenarios } from './scenarios.js'
const [, , n = '10', from = '1', only = ''] = process.argv
const t0 = performance.now()
const all = new Map<string, number>()
let bad = 0, virt = 0, steps = 0
for (let seed = Number(from); seed < Number(from) + Number(n); seed++) {
  const list = only ? scenarios.filter((s) => s.name === only) : scenarios
  const scenario = list[seed % list.length]!
  const o = await play(seed, 1, scenario)
  virt += o.virtual; steps += o.steps
  for (const [k, v] of o.tallies) all.set(k, (all.get(k) ?? 0) + v)
  if (o.violations.length) { bad++; console.log(seed, scenario.name, o.violations.length); for (const v of o.violations.slice(0, 2)) console.log('   ', v.invariant, v.text) }
}
const s = (performance.now() - t0) / 1000
console.log([...all].sort().map(([k, v]) => `${k}=${v}`).join('\n'))
console.log({ bad, s, perMinute: Number(n) / s * 60, virt, steps, acqPerS: all.get('acquisitions')! / s })
