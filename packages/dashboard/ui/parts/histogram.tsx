import type { Histogram as Data } from '../../src/model.js'
import { count, round } from '../lib/format.js'

export interface Bin {
  readonly label: string
  readonly count: number
  readonly part: number
}

/** The bins from the first that has anything to the last; those between stay, so that a gap is seen as one. */
export function binsOf({ bounds, counts }: Data): Bin[] {
  const most = Math.max(1, ...counts)
  const all = counts.map((n, i) => {
    const bound = bounds[i]
    const label = bound === undefined ? `> ${round(bounds.at(-1) ?? 0)}` : `≤ ${round(bound)}`
    return { label, count: n, part: n / most }
  })
  const first = all.findIndex((bin) => bin.count > 0)
  if (first === -1) return []
  return all.slice(first, all.findLastIndex((bin) => bin.count > 0) + 1)
}

export function Histogram({ data, caption }: { data: Data | null; caption: string }) {
  const bins = data ? binsOf(data) : []
  if (bins.length === 0) return <p class="faint">Nothing was measured yet.</p>
  return (
    <table class="bins">
      <caption class="hidden">{caption}</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Length</th>
          <th scope="col">Times</th>
        </tr>
      </thead>
      <tbody>
        {bins.map((bin) => (
          <tr key={bin.label}>
            <th scope="row">{bin.label}</th>
            <td>
              {bin.count > 0 && (
                <span class="fill" style={{ width: `${(bin.part * 100).toFixed(1)}%` }} />
              )}
              <span class="num">{count(bin.count)}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
