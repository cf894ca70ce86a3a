import type { ComponentChildren } from 'preact'
import type { Row } from '../../src/model.js'
import { age, count, modeText } from '../lib/format.js'
import { elapsed } from '../lib/live.js'
import { LockLink, Person } from './text.js'
import { Ttl } from './ttl.js'

const add = (ms: number | null, by: number): number | null => (ms === null ? null : ms + by)

/** How a name is held: `exclusive`, `shared by 3`, `2 of 5 permits`. */
export function howHeld(row: Row): string {
  if (row.permits) return `${row.permits.used} of ${row.permits.limit} permits`
  if (row.mode === 'shared') return `shared by ${count(row.holders)}`
  return modeText(row.mode)
}

/** The cells of one lock, as the headings of `LockHeads` have them. */
export function LockCells({ row, since }: { row: Row; since: number }) {
  const gone = elapsed(since)
  return (
    <>
      <td class="c-name">
        <LockLink name={row.name} most={38} />
        <span class="under">
          <Person who={row.holder} more={Math.max(0, row.holders - 1)} />
        </span>
      </td>
      <td class="c-mode">
        <span class={row.mode === null ? 'faint' : ''}>{howHeld(row)}</span>
      </td>
      <td class="c-who">
        <Person who={row.holder} more={Math.max(0, row.holders - 1)} />
      </td>
      <td class="num c-held">{age(add(row.heldFor, gone))}</td>
      <td class="c-ttl">
        <Ttl
          key={`${row.holder?.id} ${row.fence}`}
          remaining={add(row.remaining, -gone)}
          of={row.ttlOf}
        />
      </td>
      <td class="num c-waiting">
        {row.waiting > 0 ? <b>{count(row.waiting)}</b> : <span class="faint">0</span>}
      </td>
      <td class="num c-longest">
        {row.longest === null ? <span class="faint">–</span> : age(row.longest + gone)}
      </td>
    </>
  )
}

export const columns = [
  { id: 'name', label: 'Lock', sort: 'name' },
  { id: 'mode', label: 'Held', sort: null },
  { id: 'who', label: 'By', sort: null },
  { id: 'held', label: 'For', sort: 'held' },
  { id: 'ttl', label: 'Lease left', sort: 'left' },
  { id: 'waiting', label: 'Waiting', sort: 'waiting' },
  { id: 'longest', label: 'Longest', sort: null },
] as const

export function LockHeads() {
  return (
    <thead>
      <tr>
        {columns.map(({ id, label }) => (
          <th key={id} scope="col" class={`c-${id}`}>
            {label}
          </th>
        ))}
      </tr>
    </thead>
  )
}

export function Section({
  title,
  note,
  children,
  id,
}: {
  title: string
  note?: ComponentChildren
  children: ComponentChildren
  id: string
}) {
  return (
    <section aria-labelledby={id}>
      <header class="head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="note">{note}</span>}
      </header>
      {children}
    </section>
  )
}
