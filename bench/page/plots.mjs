// Which figures are drawn, and as what.
import { spread } from '../lib/stats.mjs'
import { barChart, lineChart, themes } from './svg.mjs'

const titles = (results) => new Map(results.subjects.map((one) => [one.id, one]))

function bars(results, scenario, { key = 'perSecond', pick = () => true } = {}) {
  const of = titles(results)
  return (scenario.rows ?? [])
    .filter((row) => !row.skipped && pick(of.get(row.subject)))
    .map((row) => ({ row, figures: spread(row.rounds.map((round) => round?.[key])) }))
    .filter(({ figures }) => figures !== null && figures.median > 0)
    .map(({ row, figures }) => {
      const { title, kind } = of.get(row.subject)
      return { label: title, kind, ...figures }
    })
    .sort((a, b) => b.median - a.median)
}

/** Few enough to be read at a glance: Holdfast as it comes, the yardstick, and every peer. */
const overviewOf = (results) =>
  [
    ['parallel-512', 'Nobody else wants it: 512 names at once'],
    ['handover-16', 'Contended: 16 waiters in one process'],
    ['processes-4', 'Contended: 4 processes of 16 waiters'],
  ]
    .map(([id, title]) => ({ scenario: results.scenarios[id], title }))
    .filter(({ scenario }) => scenario)
    .map(({ scenario, title }) => ({
      title,
      unit: scenario.unit,
      log: scenario.measures === 'turns',
      bars: bars(results, scenario, {
        pick: ({ id, kind }) =>
          (kind === 'peer' && !id.endsWith('+ap')) || id === 'holdfast' || id === scenario.base,
      }),
    }))
    .filter((panel) => panel.bars.length > 0)

function growthOf(results, scenario) {
  const of = titles(results)
  const series = new Map()
  for (const row of scenario.rows ?? []) {
    const figures = row.skipped ? null : spread(row.rounds.map((round) => round?.perSecond))
    if (figures === null || figures.median <= 0) continue
    const { title } = of.get(row.subject)
    if (!series.has(title)) series.set(title, [])
    series.get(title).push([row.size, figures.median])
  }
  return [...series].map(([label, points]) => ({ label, points }))
}

/** @returns {{ file: string, text: string }[]} two of each, `<name>-light.svg` and `<name>-dark.svg` */
export function plots(results) {
  const drawn = []
  const add = (name, draw) => {
    for (const [theme, colours] of Object.entries(themes)) {
      drawn.push({ file: `${name}-${theme}.svg`, text: draw(colours) })
    }
  }
  const overview = overviewOf(results)
  if (overview.length > 0) add('overview', (theme) => barChart(overview, theme))
  for (const scenario of Object.values(results.scenarios)) {
    const { id, title, unit, axis } = scenario
    if (scenario.measures === 'growth') {
      const series = growthOf(results, scenario)
      if (series.length > 0) add(id, (theme) => lineChart({ title, unit, axis, series }, theme))
    } else if (scenario.measures === 'cycles' || scenario.measures === 'turns') {
      const panel = { title, unit, log: true, bars: bars(results, scenario) }
      if (panel.bars.length > 0) add(id, (theme) => barChart([panel], theme))
    }
  }
  return drawn
}

/** For a page in Markdown that is read in light and dark. `folder` is the way to the plots from there. */
export const picture = (folder, name, words) => `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${folder}/${name}-dark.svg">
  <img alt="${words}" src="${folder}/${name}-light.svg">
</picture>`
