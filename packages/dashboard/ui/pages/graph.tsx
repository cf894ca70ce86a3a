import { useMemo } from 'preact/hooks'
import type { Graph as Data } from '../../src/model.js'
import { layout, NODE, type Placed } from '../lib/layout.js'
import { viewOf } from '../lib/live.js'
import { count, plural } from '../lib/format.js'
import { Section } from '../parts/rows.js'
import { Empty, Loading, LockLink, Person, Text } from '../parts/text.js'

export function Graph() {
  const view = viewOf('graph')
  const data = view?.data
  const drawn = useMemo(() => data && layout(data), [data])
  if (!data || !drawn) return <Loading />
  // Those of a circle are drawn over the others.
  const arcs = drawn.arcs.toSorted((a, b) => Number(a.edge.deadlock) - Number(b.edge.deadlock))
  return (
    <>
      <header class="head">
        <h1>Who waits for whom</h1>
        <span class="note">
          {data.deadlocks.length > 0 ? plural(data.deadlocks.length, 'deadlock') : 'no deadlock'}
          {data.complete ? '' : ' · not every wait is shown'}
        </span>
      </header>
      {data.deadlocks.map((names, i) => (
        <Circle key={i} names={names} />
      ))}
      {data.nodes.length === 0 ? (
        <Empty
          title="Nobody waits"
          code={`await locks.mutex('a').use(() => locks.mutex('b').use(work)) // here\nawait locks.mutex('b').use(() => locks.mutex('a').use(work)) // and there`}
        >
          Where calls wait, the processes and locks they wait for are drawn here, and circles
          marked. Two that would make one:
        </Empty>
      ) : (
        <>
          <div
            class="graph"
            tabindex={0}
            role="region"
            aria-label="Graph of waits; the table below says the same"
          >
            <div style={{ width: `${drawn.width + 4}px`, height: `${drawn.height + 4}px` }}>
              <svg width={drawn.width + 4} height={drawn.height + 4} aria-hidden="true">
                <defs>
                  {['arrow', 'arrow-bad'].map((id) => (
                    <marker
                      key={id}
                      id={id}
                      class={id}
                      viewBox="0 0 8 8"
                      refX="7"
                      refY="4"
                      markerWidth="7"
                      markerHeight="7"
                      orient="auto"
                    >
                      <path d="M0 0L8 4L0 8z" />
                    </marker>
                  ))}
                </defs>
                {arcs.map(({ edge, path }) => (
                  <path
                    key={`${edge.from} ${edge.to} ${edge.kind}`}
                    class={`arc ${edge.kind} ${edge.deadlock ? 'bad' : ''}`}
                    d={path}
                    marker-end={`url(#${edge.deadlock ? 'arrow-bad' : 'arrow'})`}
                  />
                ))}
              </svg>
              {drawn.nodes.map((placed) => (
                <Box key={placed.node.id} placed={placed} />
              ))}
            </div>
          </div>
          <p class="legend">
            <span class="stroke waits" aria-hidden="true" /> waits for
            <span class="stroke holds" aria-hidden="true" /> is held by
          </p>
          <List data={data} />
        </>
      )}
    </>
  )
}

function Circle({ names }: { names: readonly string[] }) {
  return (
    <div class="deadlock" role="group" aria-label="Deadlock">
      <b>Deadlock</b>
      <span>
        {names.map((name, i) => (
          <span key={i}>
            <LockLink name={name} most={32} /> <span aria-hidden="true">→</span>{' '}
          </span>
        ))}
        {names[0] !== undefined && <Text text={names[0]} most={32} />}
      </span>
      <p>
        Each holds what the next one waits for. Holdfast ends one of the waits within seconds, with{' '}
        <code>ERR_DEADLOCK</code>; one that stays has a part that cannot: revoke or force one of its
        locks. To have none, take locks in one order, or together with <code>locks.all</code>.
      </p>
    </div>
  )
}

function Box({ placed: { node, x, y, deadlock } }: { placed: Placed }) {
  const place = {
    left: `${x}px`,
    top: `${y}px`,
    width: `${NODE.width}px`,
    height: `${NODE.height}px`,
  }
  return (
    <div class={`node ${node.kind} ${deadlock ? 'bad' : ''}`} style={place}>
      {node.kind === 'lock' ? (
        <>
          <LockLink name={node.name ?? node.label} most={24} />
          {(node.waiting ?? 0) > 1 && <span class="faint">{count(node.waiting)} wait</span>}
        </>
      ) : node.kind === 'who' && node.who ? (
        <Person who={node.who} />
      ) : (
        <Text text={node.label} most={26} />
      )}
      {deadlock && <span class="tag">deadlock</span>}
    </div>
  )
}

const MOST = 200

/** The same in words. */
function List({ data }: { data: Data }) {
  const nodes = new Map(data.nodes.map((node) => [node.id, node]))
  const waits = data.edges.filter(({ kind }) => kind === 'waits')
  const holders = new Map<string, string[]>()
  for (const { from, to, kind } of data.edges) {
    if (kind === 'holds') holders.set(from, [...(holders.get(from) ?? []), to])
  }
  const shown = waits.toSorted((a, b) => Number(b.deadlock) - Number(a.deadlock)).slice(0, MOST)
  const person = (id: string) => {
    const node = nodes.get(id)
    return node?.who ? <Person who={node.who} /> : <Text text={node?.label ?? '?'} />
  }
  return (
    <Section
      id="waits-list"
      title="In words"
      note={waits.length > MOST ? `the first ${MOST} waits` : plural(waits.length, 'wait')}
    >
      <table class="line">
        <thead>
          <tr>
            <th scope="col">Who</th>
            <th scope="col">Waits for</th>
            <th scope="col">Held by</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ from, to, deadlock }) => {
            const [first, ...more] = holders.get(to) ?? []
            const lock = nodes.get(to)
            return (
              <tr key={`${from} ${to}`} data-row>
                <td>{person(from)}</td>
                <td>
                  <LockLink name={lock?.name ?? lock?.label ?? ''} most={36} />{' '}
                  {deadlock && <span class="event bad">deadlock</span>}
                </td>
                <td>
                  {first === undefined ? <span class="faint">nobody now</span> : person(first)}
                  {more.length > 0 && <span class="chip">+{more.length}</span>}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Section>
  )
}
