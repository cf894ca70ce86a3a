import { useState } from 'preact/hooks'
import type { Action, Entry, HolderOf, LockPage, WaiterOf } from '../../src/model.js'
import { age, clock, count, modeText, plural, span, visible, whoText } from '../lib/format.js'
import { elapsed, serverNow, viewOf } from '../lib/live.js'
import { href, route } from '../lib/route.js'
import { ActionDialog } from '../parts/actions.js'
import { Histogram } from '../parts/histogram.js'
import { howHeld, Section } from '../parts/rows.js'
import { Empty, Loading, LockLink, Person, Text } from '../parts/text.js'
import { Ttl } from '../parts/ttl.js'
import { historyCode } from './overview.js'

export function Lock() {
  const name = route.value.params['name'] ?? ''
  const [action, setAction] = useState<Action | null>(null)
  const view = viewOf('lock')
  if (!view || view.data.row.name !== name) return <Loading />
  const { data, since } = view
  const { row } = data
  return (
    <>
      <header class="lock-head">
        <div>
          <p class="crumb">
            <a href={href('locks')}>Locks</a>
          </p>
          <h1>
            <Text text={name} most={120} />
          </h1>
          <p class="state">
            <span class={`chip ${row.mode === null ? '' : 'on'}`}>{howHeld(row)}</span>
            {row.waiting > 0 && <span class="chip warn">{count(row.waiting)} waiting</span>}
          </p>
        </div>
        <div class="buttons">
          {data.actions.includes('revoke') && (
            <button type="button" onClick={() => setAction('revoke')}>
              Ask to let go…
            </button>
          )}
          {data.actions.includes('force') && (
            <button type="button" class="danger" onClick={() => setAction('force')}>
              Force release…
            </button>
          )}
        </div>
      </header>
      {action && <ActionDialog action={action} page={data} onClose={() => setAction(null)} />}
      <Holders data={data} since={since} />
      <Line data={data} since={since} />
      <div class="pair">
        <Section id="waits" title="Waits" note="until granted">
          <Histogram data={data.waits} caption="How long calls waited until they were granted" />
        </Section>
        <Section id="holds" title="Holds" note="until they ended">
          <Histogram data={data.holds} caption="How long the lock was held" />
        </Section>
      </div>
      <History history={data.history} />
    </>
  )
}

function Holders({ data, since }: { data: LockPage; since: number }) {
  const { row, holders } = data
  const more = row.holders - holders.length
  return (
    <Section
      id="holders"
      title={row.holders === 1 ? 'Holder' : 'Holders'}
      note={row.holders > 1 ? count(row.holders) : undefined}
    >
      {holders.length === 0 ? (
        <p class="quiet">Nobody holds it{row.waiting > 0 ? '.' : ', and nobody waits.'}</p>
      ) : (
        <ul class="holders">
          {holders.map((one, i) => (
            <Holder
              key={`${one.id} ${one.fence} ${i}`}
              one={one}
              of={i === 0 ? row.ttlOf : null}
              since={since}
            />
          ))}
        </ul>
      )}
      {more > 0 && <p class="hint">{plural(more, 'more holder')} not shown.</p>}
    </Section>
  )
}

function Holder({ one, of, since }: { one: HolderOf; of: number | null; since: number }) {
  const gone = elapsed(since)
  return (
    <li class="card">
      <Person who={one} />
      <dl class="facts">
        <Fact name="Mode">{modeText(one.mode, one.permits)}</Fact>
        <Fact name="Held for">{age(one.heldFor === null ? null : one.heldFor + gone)}</Fact>
        {one.host !== undefined && (
          <Fact name="Host">
            <Text text={one.host} most={40} />
          </Fact>
        )}
        {one.pid !== undefined && <Fact name="Process">{one.pid}</Fact>}
        <Fact name="Fence">{one.fence ?? '–'}</Fact>
        <Fact name="Lease left">
          <Ttl remaining={one.remaining === null ? null : one.remaining - gone} of={of} />
        </Fact>
      </dl>
    </li>
  )
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  )
}

function Line({ data, since }: { data: LockPage; since: number }) {
  const { line, waiterCount } = data
  const gone = elapsed(since)
  return (
    <Section
      id="line"
      title="Line"
      note={waiterCount > 0 ? `${count(waiterCount)} waiting` : undefined}
    >
      {line.length === 0 ? (
        <p class="quiet">Nobody waits for it.</p>
      ) : (
        <table class="line">
          <thead>
            <tr>
              <th scope="col" class="num rank">
                #
              </th>
              <th scope="col">Who</th>
              <th scope="col">Wants</th>
              <th scope="col" class="num">
                Waits for
              </th>
            </tr>
          </thead>
          <tbody>
            {line.map((one: WaiterOf) => (
              <tr key={`${one.rank} ${one.id}`}>
                <td class="num faint">{one.rank}</td>
                <td>
                  <Person who={one} />
                </td>
                <td>{modeText(one.mode, one.permits)}</td>
                <td class="num">{age(one.waitedFor + gone)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {waiterCount > line.length && line.length > 0 && (
        <p class="hint">{plural(waiterCount - line.length, 'more waiter')} behind them.</p>
      )}
    </Section>
  )
}

function History({ history }: { history: LockPage['history'] }) {
  if (history === null) {
    return (
      <Section id="history" title="History">
        <Empty title="Nobody writes down what happens to this lock" code={historyCode}>
          With a history, grants, waits, releases and losses are here, and how long they took:
        </Empty>
      </Section>
    )
  }
  return (
    <Section id="history" title="History" note={history.length > 0 ? 'newest first' : undefined}>
      {history.length === 0 ? (
        <p class="quiet">Nothing has happened to it since the history began.</p>
      ) : (
        <table class="line">
          <thead>
            <tr>
              <th scope="col">At</th>
              <th scope="col">What</th>
              <th scope="col">Who</th>
              <th scope="col">How</th>
            </tr>
          </thead>
          <tbody>
            {history.map((entry) => (
              <tr key={entry.id}>
                <td class="at faint">{clock(entry.at, serverNow())}</td>
                <td>
                  <span class={`event ${tones[entry.event] ?? ''}`}>{entry.event}</span>
                </td>
                <td>
                  <Person who={entry.who} />
                </td>
                <td>
                  <How entry={entry} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  )
}

const tones: Partial<Record<string, string>> = {
  granted: 'good',
  lost: 'bad',
  deadlock: 'bad',
  missed: 'warn',
  revoked: 'warn',
  'gave-up': 'warn',
}

function How({ entry }: { entry: Entry }) {
  const said: string[] = []
  if (entry.waited !== undefined && (entry.waited > 0 || entry.event !== 'granted'))
    said.push(`waited ${span(entry.waited)}`)
  if (entry.held !== undefined) said.push(`held ${span(entry.held)}`)
  if (entry.mode !== undefined && entry.mode !== 'exclusive') said.push(entry.mode)
  if (entry.pushed) said.push('handed over')
  if (entry.local) said.push('within its process')
  if (entry.reason !== undefined) said.push(visible(entry.reason))
  if (entry.by) {
    const { label, host } = entry.by
    if (label !== undefined || host !== undefined) {
      said.push(`by ${visible(whoText({ id: '', ...entry.by }))}`)
    }
  }
  if (entry.by?.reason !== undefined) said.push(visible(entry.by.reason))
  if (entry.count !== undefined) said.push(`${plural(entry.count, 'entry', 'entries')} lacking`)
  if (entry.broken !== undefined) said.push(entry.broken ? 'broken by giving up' : 'not broken')
  return (
    <>
      <bdi>{said.join(' · ')}</bdi>
      {entry.names && ' '}
      {entry.names && (
        <span class="names">
          {entry.names.map((name, i) => (
            <LockLink key={i} name={name} most={24} />
          ))}
        </span>
      )}
      {entry.fence !== undefined && <span class="faint num fence">{entry.fence}</span>}
    </>
  )
}
