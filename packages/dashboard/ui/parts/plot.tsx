import { useEffect, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { count, round, span } from '../lib/format.js'

export interface Line {
  readonly label: string
  /** A custom property with its colour. */
  readonly color: string
  readonly values: readonly (number | null)[]
}

interface Props {
  readonly title: string
  readonly note: string
  readonly from: number
  readonly step: number
  readonly lines: readonly Line[]
  readonly unit: 'ms' | 'count'
}

const HEIGHT = 150

const lastOf = (values: readonly (number | null)[]): number | null =>
  values.findLast((value) => value !== null) ?? null

/** Lines over time. What they end with is written beside their names, so that it can be read and heard too. */
export function Plot({ title, note, from, step, lines, unit }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  /** Under the pointer. */
  const [at, setAt] = useState<number | null>(null)
  const format = unit === 'ms' ? span : count
  const times = (lines[0]?.values ?? []).map((_, i) => (from + i * step) / 1000)
  const data = [times, ...lines.map(({ values }) => values)] as uPlot.AlignedData
  const newest = useRef(data)
  newest.current = data
  const measured = lines.some(({ values }) => values.some((value) => value !== null))

  useEffect(() => {
    const root = box.current
    if (!root || !measured) return
    let gone = false
    let end = (): void => undefined
    // Large, and nothing that a page has to wait for. Where it cannot be had, the numbers are there nevertheless.
    void import('uplot').then(
      ({ default: UPlot }) => {
        if (!gone) end = begin(UPlot, root)
      },
      () => undefined,
    )
    return () => {
      gone = true
      end()
    }
  }, [measured])

  useEffect(() => plot.current?.setData(data))

  /** Draws, and again where the colours or the width are others. @returns the end of it */
  function begin(UPlot: typeof uPlot, root: HTMLElement): () => void {
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new UPlot(optionsOf(root, lines, unit, setAt), newest.current, root)
    }
    draw()
    scheme.addEventListener('change', draw)
    const sizes = new ResizeObserver(() => {
      plot.current?.setSize({ width: root.clientWidth, height: HEIGHT })
    })
    sizes.observe(root)
    return () => {
      scheme.removeEventListener('change', draw)
      sizes.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }

  const shown = (values: Line['values']): string =>
    format(at === null ? lastOf(values) : (values[at] ?? null))
  const said = lines.map(({ label, values }) => `${label} ${format(lastOf(values))}`).join(', ')
  return (
    <figure class="plot">
      <figcaption>
        <span class="title">{title}</span>
        <span class="note">{note}</span>
        <dl>
          {lines.map(({ label, color, values }) => (
            <div key={label}>
              <dt>
                <span class={`swatch ${color}`} aria-hidden="true" />
                {label}
              </dt>
              <dd class="num">{shown(values)}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      {measured ? (
        <div ref={box} class="canvas" role="img" aria-label={`${title} over time. Now: ${said}`} />
      ) : (
        <p class="nothing">Nothing was measured in this time.</p>
      )}
    </figure>
  )
}

function optionsOf(
  root: HTMLElement,
  lines: readonly Line[],
  unit: Props['unit'],
  showAt: (index: number | null) => void,
): uPlot.Options {
  const css = getComputedStyle(root)
  const color = (name: string): string => css.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: color('faint'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
  }
  return {
    width: root.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 24, values: (_, all) => all.map(hour) },
      {
        ...axis,
        grid: { stroke: color('line'), width: 1 },
        size: 52,
        space: 34,
        values: (_, all) =>
          all.map((value) =>
            value === 0
              ? '0'
              : unit === 'ms'
                ? round(value)
                : Number.isInteger(value)
                  ? count(value)
                  : '',
          ),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: color(line.color),
        width: 1.5,
        spanGaps: false,
        points: { show: true, size: 4, fill: color(line.color), filter: alone },
      })),
    ],
    hooks: { setCursor: [(plot) => showAt(plot.cursor.idx ?? null)] },
  }
}

/** What was measured with nothing before and after it is no line: it is drawn as a point. */
function alone({ data }: uPlot, series: number): number[] {
  const values = data[series] ?? []
  const lacks = (i: number): boolean => values[i] === null || values[i] === undefined
  return Array.from(values, (_, i) => i).filter((i) => !lacks(i) && lacks(i - 1) && lacks(i + 1))
}

function hour(seconds: number): string {
  const date = new Date(seconds * 1000)
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
}
