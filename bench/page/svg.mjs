// Bars and lines as SVG, for a light and a dark page. No more of a chart library than these pages need.

export const themes = {
  light: {
    text: '#1f2328',
    quiet: '#59636e',
    grid: '#d1d9e0',
    ours: '#0969da',
    yardstick: '#bf8700',
    peer: '#848d97',
    lines: ['#0969da', '#1a7f37', '#bf8700', '#cf222e', '#8250df', '#59636e'],
  },
  dark: {
    text: '#f0f6fc',
    quiet: '#9198a1',
    grid: '#3d444d',
    ours: '#4493f8',
    yardstick: '#d29922',
    peer: '#7d8590',
    lines: ['#4493f8', '#3fb950', '#d29922', '#f85149', '#ab7df8', '#9198a1'],
  },
}

const width = 760
const escape = (text) =>
  String(text).replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c],
  )
const n = (value) => Number(value.toFixed(1))

/** 1234567 as 1.2 M. */
export function short(value) {
  const steps = [
    [1e6, ' M'],
    [1e3, ' k'],
  ]
  for (const [size, unit] of steps) {
    // 999,950 would be 1000.0 k.
    if (Math.abs(value) >= size * 0.99995) return `${digits(value / size)}${unit}`
  }
  return digits(value)
}

const digits = (value) => {
  const size = Math.abs(value)
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)))
}

function text(x, y, words, { fill, size = 12, anchor = 'start', bold = false }) {
  const weight = bold ? ' font-weight="600"' : ''
  return `<text x="${n(x)}" y="${n(y)}" fill="${fill}" font-size="${size}" text-anchor="${anchor}"${weight}>${escape(words)}</text>`
}

const line = (x1, y1, x2, y2, stroke, w = 1) =>
  `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" stroke="${stroke}" stroke-width="${w}"/>`

/** Powers of ten that hold the values, and where a value is among them. */
function logScale(values, from, to) {
  const positive = values.filter((value) => value > 0)
  const low = Math.floor(Math.log10(Math.min(...positive)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))))
  const at = (value) => {
    const part = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)
    return from + part * (to - from)
  }
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  return { at, ticks }
}

/** From zero. */
function linearScale(values, from, to) {
  const most = Math.max(...values, 0) || 1
  const step = [1, 2, 2.5, 5, 10]
    .map((f) => f * 10 ** Math.floor(Math.log10(most / 4)))
    .find((s) => s * 4 >= most)
  const count = Math.ceil(most / step - 1e-9)
  const top = count * step
  const at = (value) => from + (Math.max(value, 0) / top) * (to - from)
  return { at, ticks: Array.from({ length: count + 1 }, (_, i) => i * step) }
}

/**
 * One panel of bars. The thin line in each goes from the least to the most of its rounds.
 *
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.unit
 * @param {boolean} [chart.log]
 * @param {{ label: string, kind: string, median: number, min: number, max: number }[]} chart.bars
 */
function barPanel({ title, unit, log = false, bars }, theme, top) {
  const left = 216
  const right = width - 92
  const row = 22
  const head = 34
  const values = bars.flatMap(({ median, min, max }) => [median, min, max])
  const { at, ticks } = (log ? logScale : linearScale)(values, left, right)
  const bottom = top + head + bars.length * row
  const parts = [text(16, top + 18, title, { fill: theme.text, size: 14, bold: true })]
  for (const tick of ticks) {
    parts.push(line(at(tick), top + head - 4, at(tick), bottom, theme.grid))
    parts.push(
      text(at(tick), bottom + 14, short(tick), { fill: theme.quiet, size: 11, anchor: 'middle' }),
    )
  }
  const scale = `${unit}${log ? ', logarithmic' : ''}`
  parts.push(text(width - 16, top + 18, scale, { fill: theme.quiet, size: 11, anchor: 'end' }))
  bars.forEach(({ label, kind, median, min, max }, i) => {
    const y = top + head + i * row
    const bold = kind === 'ours'
    parts.push(text(left - 8, y + 14, label, { fill: theme.text, anchor: 'end', bold }))
    const size = Math.max(1, at(median) - left)
    parts.push(
      `<rect x="${left}" y="${y + 3}" width="${n(size)}" height="14" rx="2" fill="${theme[kind]}"/>`,
    )
    if (max > min) parts.push(line(at(min), y + 10, at(max), y + 10, theme.text, 1.5))
    const x = Math.max(at(median), at(max)) + 6
    parts.push(text(x, y + 14, short(median), { fill: theme.text, bold }))
  })
  return { body: parts.join('\n'), bottom: bottom + 26 }
}

const image = (height, title, body) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${n(height)}" width="${width}" height="${n(height)}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" role="img" aria-label="${escape(title)}">\n${body}\n</svg>\n`

function key(kinds, theme, y) {
  const names = { ours: 'Holdfast', yardstick: 'by hand', peer: 'other libraries' }
  let x = 16
  return kinds
    .map((kind) => {
      const part =
        `<rect x="${x}" y="${n(y - 9)}" width="10" height="10" rx="2" fill="${theme[kind]}"/>` +
        text(x + 15, y, names[kind], { fill: theme.quiet, size: 11 })
      x += 30 + names[kind].length * 6.4
      return part
    })
    .join('\n')
}

/** One or several panels of bars, below each other. */
export function barChart(panels, theme) {
  const parts = []
  let top = 4
  for (const panel of panels) {
    const { body, bottom } = barPanel(panel, theme, top)
    parts.push(body)
    top = bottom + 6
  }
  const kinds = ['ours', 'yardstick', 'peer'].filter((kind) =>
    panels.some(({ bars }) => bars.some((bar) => bar.kind === kind)),
  )
  parts.push(key(kinds, theme, top + 8))
  return image(top + 20, panels.map(({ title }) => title).join('; '), parts.join('\n'))
}

/**
 * Lines over sizes, both axes logarithmic.
 *
 * @param {{ title: string, unit: string, axis: string, series: { label: string, points: [number, number][] }[] }} chart
 */
export function lineChart({ title, unit, axis, series }, theme) {
  const [left, right, top, bottom] = [60, width - 190, 44, 300]
  const points = series.flatMap((one) => one.points)
  const x = logScale(
    points.map(([at]) => at),
    left,
    right,
  )
  const y = logScale(
    points.map(([, value]) => value),
    bottom,
    top,
  )
  const parts = [
    text(16, 22, title, { fill: theme.text, size: 14, bold: true }),
    text(width - 16, 22, unit, { fill: theme.quiet, size: 11, anchor: 'end' }),
  ]
  for (const tick of y.ticks) {
    parts.push(line(left, y.at(tick), right, y.at(tick), theme.grid))
    parts.push(
      text(left - 6, y.at(tick) + 4, short(tick), { fill: theme.quiet, size: 11, anchor: 'end' }),
    )
  }
  for (const tick of x.ticks) {
    parts.push(line(x.at(tick), top, x.at(tick), bottom, theme.grid))
    parts.push(
      text(x.at(tick), bottom + 16, short(tick), { fill: theme.quiet, size: 11, anchor: 'middle' }),
    )
  }
  parts.push(
    text((left + right) / 2, bottom + 32, axis, { fill: theme.quiet, size: 11, anchor: 'middle' }),
  )
  const ends = series
    .map((one, i) => ({ i, y: y.at(one.points.at(-1)[1]) }))
    .sort((a, b) => a.y - b.y)
  let below = -Infinity
  for (const end of ends) {
    end.y = Math.max(end.y, below + 14)
    below = end.y
  }
  for (const { i, y: at } of ends) {
    const colour = theme.lines[i % theme.lines.length]
    const path = series[i].points.map(([px, py]) => `${n(x.at(px))},${n(y.at(py))}`)
    parts.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    )
    for (const point of path) {
      const [cx, cy] = point.split(',')
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`)
    }
    parts.push(text(right + 10, at + 4, series[i].label, { fill: colour }))
  }
  return image(bottom + 44, title, parts.join('\n'))
}
