import { scenarios, type Scenario } from './scenarios.js'

/** What one seed plays. */
export interface Case {
  readonly seed: number
  readonly nodes: number
  readonly scenario: Scenario
  /** What plays it again. */
  readonly command: string
}

/** How many nodes runs are played on, unless somebody chooses. */
const NODES: readonly number[] = [1, 3, 5]

/** The case of a seed: scenarios in turn, and numbers of nodes, unless they are given. */
export function casesOf(seed: number, nodes?: number, only?: string): Case {
  const named = scenarios.filter(({ name }) => only === undefined || name === only)
  const fitting = (count: number): Scenario[] => named.filter((one) => one.nodes?.(count) ?? true)
  const counts = NODES.filter((count) => fitting(count).length > 0)
  const count = nodes ?? counts[Math.floor(seed / named.length) % counts.length]!
  const fit = fitting(count)
  const scenario = fit[seed % fit.length]
  if (!scenario || !(count >= 1 && count <= 7)) {
    const names = scenarios.map(({ name }) => name).join(', ')
    throw new Error(`no scenario ${only} with ${count} nodes; there are ${names}`)
  }
  const options = `--from ${seed} --seeds 1 --nodes ${count} --only ${scenario.name}`
  return { seed, nodes: count, scenario, command: `npm run simulate -- ${options} --trace` }
}
