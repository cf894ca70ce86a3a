import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Row, Sort } from '../../src/model.js'
import { count, plural } from '../lib/format.js'
import { viewOf, watch } from '../lib/live.js'
import { queryOf, wanted } from '../lib/query.js'
import { href, replace, route } from '../lib/route.js'
import { reachable, rowsInView } from '../lib/window.js'
import { columns, LockCells } from '../parts/rows.js'
import { Empty, Loading } from '../parts/text.js'
import { historyCode } from './overview.js'

const narrow = matchMedia('(max-width: 640px)')

interface Known {
  readonly row: Row
  readonly since: number
}

export function Locks() {
  const { filter, sort, reverse } = wanted(route.value.params)
  const box = useRef<HTMLDivElement>(null)
  const [scrolled, setScrolled] = useState({ top: 0, height: 800 })
  const [rowHeight, setRowHeight] = useState(narrow.matches ? 54 : 37)
  /** Rows by their place: those in view stay until they are told anew. */
  const rows = useRef(new Map<number, Known>())
  const key = `${filter}\n${sort}\n${reverse}`
  const shownKey = useRef(key)

  const view = viewOf('locks')
  const data = view?.data ?? null
  const fits =
    data !== null && data.filter === filter && data.sort === sort && data.reverse === reverse
  const last = useRef(0)
  if (shownKey.current !== key && fits) {
    shownKey.current = key
    rows.current.clear()
  }
  if (view && fits && view.since !== last.current) {
    last.current = view.since
    if (data.total < rows.current.size) rows.current.clear()
    data.rows.forEach((row, i) => rows.current.set(data.offset + i, { row, since: view.since }))
  }

  const total = data?.total ?? 0
  const shown = reachable(total, rowHeight)
  const window_ = rowsInView({ ...scrolled, total: shown }, rowHeight)
  const query = queryOf(route.value, data ? window_ : undefined)
  const drawn = new Set<string>()
  useEffect(() => {
    // Whoever pulls the bar through ten thousand rows asks where it stops.
    const later = setTimeout(() => watch(query, true), data ? 120 : 0)
    return () => clearTimeout(later)
  }, [query])
  useEffect(() => {
    if (box.current) box.current.scrollTop = 0
  }, [key])
  useLayoutEffect(() => {
    const read = (): void => {
      setRowHeight(narrow.matches ? 54 : 37)
      if (box.current) setScrolled({ top: box.current.scrollTop, height: box.current.clientHeight })
    }
    read()
    const sizes = new ResizeObserver(read)
    if (box.current) sizes.observe(box.current)
    return () => sizes.disconnect()
  }, [data !== null, total === 0])

  const set = (change: Record<string, string | undefined>): void =>
    replace(href('locks', { ...route.value.params, ...change }))

  return (
    <div class="fill-page">
      <div class="toolbar">
        <h1>Locks</h1>
        <input
          type="search"
          aria-label="Filter by name, label, host or process"
          placeholder="Filter by name, label, host"
          value={filter}
          onInput={(event) => set({ filter: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Escape') event.currentTarget.blur()
          }}
        />
        <label class="select">
          <span>by</span>
          <select value={sort} onChange={(event) => set({ sort: event.currentTarget.value })}>
            <option value="waiting">waiting</option>
            <option value="held">held for</option>
            <option value="left">lease left</option>
            <option value="name">name</option>
          </select>
        </label>
        <span class="note" role="status">
          {data && (fits ? totals(data) : 'Asking…')}
        </span>
      </div>
      {data && !data.history && (
        <p class="hint">
          Names come from a slow scan of the server, so a new lock is here some seconds later. With{' '}
          <code>{historyCode}</code> in the processes that lock, they come from an index.
        </p>
      )}
      {!data ? (
        <Loading />
      ) : total === 0 && fits ? (
        <NoLocks filter={filter} onClear={() => set({ filter: undefined })} />
      ) : (
        <div
          ref={box}
          class={`scroll ${fits ? '' : 'stale'}`}
          tabindex={0}
          role="region"
          aria-label="Table of locks"
          onScroll={(event) =>
            setScrolled({
              top: event.currentTarget.scrollTop,
              height: event.currentTarget.clientHeight,
            })
          }
        >
          <table class="locks fixed" aria-rowcount={total + 1}>
            <Heads sort={sort} reverse={reverse} set={set} />
            <tbody>
              <Gap height={window_.first * rowHeight} />
              {range(window_.first, window_.end).map((index) => {
                const found = rows.current.get(index)
                // A row that was told for another place meanwhile.
                const known = found && !drawn.has(found.row.name) ? found : null
                if (known) drawn.add(known.row.name)
                return known ? (
                  <tr key={`n ${known.row.name}`} data-row aria-rowindex={index + 2}>
                    <LockCells row={known.row} since={known.since} />
                  </tr>
                ) : (
                  <tr key={`i ${index}`} class="unknown" aria-rowindex={index + 2}>
                    <td>…</td>
                  </tr>
                )
              })}
              <Gap height={(shown - window_.end) * rowHeight} />
            </tbody>
          </table>
          {shown < total && (
            <p class="hint">{plural(total - shown, 'more name')}: filter to see them.</p>
          )}
        </div>
      )}
    </div>
  )
}

function totals(data: { total: number; names: number; complete: boolean; filter: string }): string {
  const found =
    data.filter === ''
      ? plural(data.total, 'name')
      : `${count(data.total)} of ${plural(data.names, 'name')}`
  return data.complete ? found : `${found} so far`
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i)

const Gap = ({ height }: { height: number }) =>
  height > 0 ? (
    <tr class="gap" aria-hidden="true">
      <td style={{ height: `${height}px` }} />
    </tr>
  ) : null

function Heads({
  sort,
  reverse,
  set,
}: {
  sort: Sort
  reverse: boolean
  set: (change: Record<string, string | undefined>) => void
}) {
  // What is most, longest or least is what somebody looks for: those come first.
  const down = sort === 'waiting' || sort === 'held'
  const order = down !== reverse ? 'descending' : 'ascending'
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map(({ id, label, sort: by }) => (
          <th
            key={id}
            scope="col"
            class={`c-${id}`}
            aria-sort={by === null ? undefined : by === sort ? order : 'none'}
          >
            {by === null ? (
              label
            ) : (
              <button
                type="button"
                onClick={() =>
                  set({ sort: by, reverse: by === sort && !reverse ? '1' : undefined })
                }
              >
                {label}
                <span aria-hidden="true" class="arrow">
                  {by === sort ? (order === 'descending' ? '↓' : '↑') : ''}
                </span>
              </button>
            )}
          </th>
        ))}
      </tr>
    </thead>
  )
}

function NoLocks({ filter, onClear }: { filter: string; onClear: () => void }) {
  if (filter === '') {
    return (
      <Empty
        title="No lock is held"
        code={`await locks.mutex('invoice:42').use(async () => {\n  // it is listed here for as long as this runs\n})`}
      >
        Locks that processes hold on this server are listed here, and who waits for them:
      </Empty>
    )
  }
  return (
    <Empty title="No name matches">
      A filter is a part of a name, of its holder’s label, or of its host or process id.{' '}
      <button type="button" onClick={onClear}>
        Show all
      </button>
    </Empty>
  )
}
