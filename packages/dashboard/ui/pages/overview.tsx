import type { ComponentChildren } from 'preact'
import type { Overview as Data, Percentiles } from '../../src/model.js'
import { age, count, plural, round } from '../lib/format.js'
import { elapsed, viewOf } from '../lib/live.js'
import { href } from '../lib/route.js'
import { unused } from '../lib/window.js'
import { Plot, type Line } from '../parts/plot.js'
import { LockCells, LockHeads, Section } from '../parts/rows.js'
import { Empty, Loading, LockLink } from '../parts/text.js'

export const historyCode = `new Holdfast(redis, { history: true })`

export function Overview() {
  const view = viewOf('overview')
  if (!view) return <Loading />
  const { data, since } = view
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <Tiles data={data} since={since} />
      <Plots data={data} />
      <Section
        id="top"
        title="Most contended"
        note={<a href={href('locks', { sort: 'waiting' })}>all locks</a>}
      >
        {data.top.length === 0 ? (
          <Nothing data={data} />
        ) : (
          <table class="locks">
            <LockHeads />
            <tbody>
              {data.top.map((row) => (
                <tr key={row.name} data-row>
                  <LockCells row={row} since={since} />
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Section>
    </>
  )
}

function Nothing({ data }: { data: Data }) {
  if (data.held > 0) return <p class="quiet">Nobody waits for a lock: all who asked have theirs.</p>
  return (
    <Empty
      title="No lock is held"
      code={`const locks = new Holdfast(redis, { history: true })\nawait locks.mutex('invoice:42').use(async () => {\n  // it is listed here for as long as this runs\n})`}
    >
      As soon as a process takes a lock on this server, it is here:
    </Empty>
  )
}

function Tile({
  label,
  value,
  tone = '',
  to,
  children,
}: {
  label: string
  value: string
  tone?: string
  to?: string
  children?: ComponentChildren
}) {
  return (
    <div class="tile">
      <dt>{to === undefined ? label : <a href={to}>{label}</a>}</dt>
      <dd class={`value num ${tone}`}>{value}</dd>
      <dd class="more">{children}</dd>
    </div>
  )
}

function Tiles({ data, since }: { data: Data; since: number }) {
  const { oldest } = data
  const heldFor = oldest?.heldFor ?? null
  const longest = data.top.reduce((most, row) => Math.max(most, row.longest ?? 0), 0)
  return (
    <dl class="tiles">
      <Tile label="Held" value={count(data.held)} to={href('locks', { sort: 'held' })}>
        {data.complete ? 'names now' : 'names found so far'}
      </Tile>
      <Tile label="Waiting" value={count(data.waiting)} to={href('locks', { sort: 'waiting' })}>
        {longest > 0 ? `the longest for ${age(longest + elapsed(since))}` : 'calls in line'}
      </Tile>
      <Tile label="Contended" value={count(data.contended)} to={href('graph')}>
        {data.deadlocks > 0 ? (
          <a class="event bad" href={href('graph')}>
            {plural(data.deadlocks, 'deadlock')}
          </a>
        ) : (
          'names with a line'
        )}
      </Tile>
      <Tile
        label="Oldest hold"
        value={heldFor === null ? '–' : age(heldFor + elapsed(since))}
        to={href('locks', { sort: 'held' })}
      >
        {oldest ? <LockLink name={oldest.name} most={26} /> : 'nothing is held'}
      </Tile>
      <Tile
        label="Lost in 24 h"
        value={count(data.lost)}
        tone={data.lost !== null && data.lost > 0 ? 'bad' : ''}
      >
        {data.lost === null ? 'needs a history' : 'leases that ended early'}
      </Tile>
    </dl>
  )
}

/** `hour`, `10s`. */
const period = (ms: number): string =>
  ms === 3_600_000 ? 'hour' : ms === 60_000 ? 'minute' : round(ms)

function Plots({ data: { series, history } }: { data: Data }) {
  if (!series) {
    return (
      <Empty title="How long calls wait, and locks are held" code={historyCode}>
        {history
          ? 'Plots are drawn as soon as the history has something to tell.'
          : 'Processes that keep a history say it here over time, with locks that were lost. Switch it on in all of them:'}
      </Empty>
    )
  }
  const { step } = series
  const skip = unused(series)
  const from = series.from + skip * step
  const quantiles = ({ p50, p95, p99 }: Percentiles): Line[] => [
    { label: 'p50', color: 'plot-1', values: p50.slice(skip) },
    { label: 'p95', color: 'plot-2', values: p95.slice(skip) },
    { label: 'p99', color: 'plot-3', values: p99.slice(skip) },
  ]
  return (
    <Section
      id="plots"
      title={`The last ${period(step * (series.held.length - skip))}`}
      note={`by ${period(step)}`}
    >
      <div class="plots">
        <Plot
          title="Wait"
          note="until granted"
          from={from}
          step={step}
          unit="ms"
          lines={quantiles(series.wait)}
        />
        <Plot
          title="Hold"
          note="until it ended"
          from={from}
          step={step}
          unit="ms"
          lines={quantiles(series.hold)}
        />
        <Plot
          title="Hand-over"
          note="from one to the next"
          from={from}
          step={step}
          unit="ms"
          lines={quantiles(series.handover)}
        />
        <Plot
          title="Holders and waiters"
          note="at each moment"
          from={from}
          step={step}
          unit="count"
          lines={[
            { label: 'holders', color: 'plot-1', values: series.held.slice(skip) },
            { label: 'waiters', color: 'plot-2', values: series.waitingCount.slice(skip) },
          ]}
        />
      </div>
    </Section>
  )
}
