import type { ProcessRow } from '../../src/model.js'
import { age, clock, count, plural, span } from '../lib/format.js'
import { serverNow, viewOf } from '../lib/live.js'
import { Empty, Loading, LockLink, Person, Text } from '../parts/text.js'
import { Section } from '../parts/rows.js'

/** How many rows of a page that is no virtual table. */
const MOST = 500

export function Processes() {
  const view = viewOf('processes')
  if (!view) return <Loading />
  const { processes, complete, partial } = view.data
  const shown = processes.slice(0, MOST)
  return (
    <>
      <header class="head">
        <h1>Processes</h1>
        <span class="note">
          {processes.length > MOST
            ? `the first ${MOST} of ${count(processes.length)}`
            : count(processes.length)}
          {complete ? '' : ' so far'}
          {partial ? ' · of a longer line only the first 100 are counted' : ''}
        </span>
      </header>
      {processes.length === 0 ? (
        <Empty
          title="No process holds or waits for a lock"
          code={`new Holdfast(redis, { label: 'billing worker' })`}
        >
          Each is listed with what it holds and waits for. Host and process are told by themselves;
          a label says what it is for:
        </Empty>
      ) : (
        <table class="line processes">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col" class="num">
                Holds
              </th>
              <th scope="col" class="num">
                Waits
              </th>
              <th scope="col" class="c-names">
                Locks
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.id} data-row>
                <td>
                  <Person who={one} />
                  <span class="under names">
                    <Names of={one} />
                  </span>
                </td>
                <td class="num">{count(one.holds)}</td>
                <td class="num">
                  {one.waits > 0 ? <b>{count(one.waits)}</b> : <span class="faint">0</span>}
                </td>
                <td class="names c-names">
                  <Names of={one} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

function Names({ of: { names, holds, waits } }: { of: ProcessRow }) {
  const more = holds + waits - names.length
  return (
    <>
      {names.map((name) => (
        <LockLink key={name} name={name} most={28} />
      ))}
      {more > 0 && <span class="faint">and {count(more)} more</span>}
    </>
  )
}

export function Elections() {
  const view = viewOf('elections')
  if (!view) return <Loading />
  const { elections } = view.data
  return (
    <>
      <header class="head">
        <h1>Elections</h1>
        <span class="note">{count(elections.length)}</span>
      </header>
      {elections.length === 0 ? (
        <Empty
          title="No election is led or stood for"
          code={`createDashboard(locks, { elections: ['scheduler'] })`}
        >
          An election is a lock that somebody always wants. Who leads, since when, and how many
          would follow is here by itself; an election that is to be shown also while nobody stands
          has to be named:
        </Empty>
      ) : (
        <table class="line">
          <thead>
            <tr>
              <th scope="col">Election</th>
              <th scope="col">Leader</th>
              <th scope="col" class="num">
                For
              </th>
              <th scope="col" class="num">
                Candidates
              </th>
              <th scope="col" class="num c-fence">
                Fence
              </th>
            </tr>
          </thead>
          <tbody>
            {elections.map((one) => (
              <tr key={one.name} data-row>
                <td>
                  <LockLink name={one.name} />
                </td>
                <td>
                  {one.leader ? (
                    <Person who={one.leader} />
                  ) : (
                    <span class="event warn">no leader</span>
                  )}
                </td>
                <td
                  class="num"
                  title={one.since === null ? undefined : `since ${clock(one.since, serverNow())}`}
                >
                  {one.since === null ? '–' : age(serverNow() - one.since)}
                </td>
                <td class="num">{count(one.candidates)}</td>
                <td class="num faint c-fence">{one.fence ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

const severities = ['error', 'warning', 'note', 'ok'] as const
const tones: Partial<Record<string, string>> = {
  error: 'bad',
  warning: 'warn',
  ok: 'good',
  up: 'good',
  quarantine: 'warn',
  away: 'bad',
}

export function Health() {
  const view = viewOf('health')
  if (!view) return <Loading />
  const { nodes, findings, lookedAt } = view.data
  if (lookedAt === null) {
    return (
      <>
        <h1>Health</h1>
        <p class="loading">The doctor looks at the servers, which takes some seconds…</p>
      </>
    )
  }
  const sorted = severities.flatMap((one) => findings.filter(({ severity }) => severity === one))
  const wrong = sorted.filter(({ severity }) => severity !== 'ok')
  const fine = sorted.filter(({ severity }) => severity === 'ok')
  return (
    <>
      <header class="head">
        <h1>Health</h1>
        <span class="note">looked at {age(serverNow() - lookedAt)} ago</span>
      </header>
      <Section id="nodes" title={nodes.length === 1 ? 'Server' : 'Servers'}>
        <ul class="holders">
          {nodes.map((node) => (
            <li key={node.name} class="card">
              <span class="who">
                <Text text={node.name} most={40} />
                <span class={`event ${tones[node.state]}`}>{node.state}</span>
              </span>
              <dl class="facts">
                <div>
                  <dt>Round trip</dt>
                  <dd class="num">{span(node.latency)}</dd>
                </div>
                {node.clock !== undefined && (
                  <div>
                    <dt>Clock ahead</dt>
                    <dd class="num">{span(Math.round(node.clock))}</dd>
                  </div>
                )}
                {node.run !== undefined && (
                  <div>
                    <dt>Run</dt>
                    <dd class="num">
                      <Text text={node.run} most={12} />
                    </dd>
                  </div>
                )}
              </dl>
            </li>
          ))}
        </ul>
      </Section>
      <Section
        id="findings"
        title="Findings"
        note={wrong.length === 0 ? 'nothing to do' : `${plural(wrong.length, 'thing')} to know`}
      >
        <ul class="findings">
          {[...wrong, ...fine].map((one, i) => (
            <li key={i} class={`is-${one.severity}`}>
              <span class={`event ${tones[one.severity] ?? ''}`}>{one.severity}</span>
              <div>
                <p>
                  <b>{one.id}</b>
                  {one.node !== undefined && <span class="faint"> {one.node}</span>}{' '}
                  <bdi>{one.text}</bdi>
                </p>
                {one.todo !== undefined && one.severity !== 'ok' && <p class="todo">{one.todo}</p>}
              </div>
            </li>
          ))}
        </ul>
      </Section>
      <p class="hint">
        The same from a shell: <code>holdfast doctor</code>.
      </p>
    </>
  )
}
