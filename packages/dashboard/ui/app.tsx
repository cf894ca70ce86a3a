// Makes Preact draw again what reads a signal that changes.
import '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { helpOpen, shortcuts, startKeys } from './lib/keys.js'
import { connection, paused, togglePause, trouble, watch } from './lib/live.js'
import { queryOf } from './lib/query.js'
import { href, pages, route, type PageId } from './lib/route.js'
import type { Trouble } from '../src/model.js'
import { shorten, visible } from './lib/format.js'
import { Graph } from './pages/graph.js'
import { Lock } from './pages/lock.js'
import { Locks } from './pages/locks.js'
import { Elections, Health, Processes } from './pages/others.js'
import { Overview } from './pages/overview.js'
import { Dialog } from './parts/dialog.js'
import { Search } from './parts/search.js'
import { Text } from './parts/text.js'

const bodies = {
  overview: Overview,
  locks: Locks,
  lock: Lock,
  graph: Graph,
  processes: Processes,
  elections: Elections,
  health: Health,
}

/** As `createDashboard` was told: index.html has it. */
const title =
  document.querySelector<HTMLMetaElement>('meta[name="application-name"]')?.content ?? ''

export function start(): void {
  startKeys()
  const root = document.getElementById('app')
  if (!root) return
  root.replaceChildren()
  render(<App />, root)
}

function App() {
  const { page, params } = route.value
  const Body = bodies[page]
  useEffect(() => {
    // This one asks for what is in view, and does so itself.
    if (page !== 'locks') watch(queryOf(route.value))
    const here = page === 'lock' ? params['name'] : pages.find(({ id }) => id === page)?.title
    document.title = `${shorten(visible(here ?? ''), 60)} · ${visible(title)}`
  }, [page, params['name']])
  useEffect(() => scrollTo(0, 0), [page, params['name']])
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <Header page={page} />
      <Banner />
      <main id="main" tabindex={-1} class={`page-${page}`}>
        {/* What was begun of one lock, such as its end, is of that one. */}
        <Body key={page === 'lock' ? params['name'] : page} />
      </main>
      {helpOpen.value && <Help />}
    </>
  )
}

/** The address behind the `#` is that of the page, so a link cannot jump. */
function skip(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

function Header({ page }: { page: PageId }) {
  return (
    <header class="top">
      <a class="brand" href={href('overview')}>
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path
            d="M6 9V6.5a4 4 0 0 1 8 0V9"
            fill="none"
            stroke="currentColor"
            stroke-width="1.8"
            stroke-linecap="round"
          />
          <rect x="4" y="8.5" width="12" height="8.5" rx="2" fill="currentColor" />
        </svg>
        <Text text={title} most={100} />
      </a>
      <nav aria-label="Pages">
        {pages.map(({ id, title: name }) => (
          <a
            key={id}
            href={href(id)}
            aria-current={id === page || (page === 'lock' && id === 'locks') ? 'page' : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <Search />
      <Status />
    </header>
  )
}

const states = {
  connecting: 'Connecting',
  live: 'Live',
  trouble: 'No Redis',
  mistake: 'No page',
  away: 'No server',
} as const

function Status() {
  const state = paused.value ? 'paused' : connection.value
  const said = trouble.value
  return (
    <button
      type="button"
      class={`status ${state}`}
      aria-pressed={paused.value}
      title={paused.value ? 'Go on (Space)' : 'Stand still (Space)'}
      onClick={togglePause}
    >
      <span class="dot" aria-hidden="true" />
      {paused.value
        ? 'Paused'
        : states[said && connection.value === 'trouble' ? kindOf(said) : connection.value]}
    </button>
  )
}

/** A mistake of the dashboard is none of Redis. */
const kindOf = ({ code }: Trouble): 'mistake' | 'trouble' =>
  code === 'ERR_INTERNAL' ? 'mistake' : 'trouble'

const headings = {
  mistake: 'Something is wrong here.',
  trouble: 'Redis cannot be asked.',
  away: 'The dashboard refuses.',
} as const

/** What is wrong and what to do, said to those who hear the page too. It goes by itself. */
function Banner() {
  const state = connection.value
  const said = trouble.value
  return (
    <div role="alert" class="banner-place">
      {said ? (
        <div class="banner">
          <b>{headings[state === 'trouble' ? kindOf(said) : 'away']}</b> <bdi>{said.message}</bdi>{' '}
          <span class="faint">{said.code}</span>
          {said.advice !== '' && <p>{said.advice}</p>}
          <p>What is shown is from before.</p>
        </div>
      ) : state === 'away' ? (
        <div class="banner">
          <b>The dashboard does not answer.</b>
          <p>
            Is its process running, and reached from here? What is shown is from before. The page
            goes on by itself.
          </p>
        </div>
      ) : null}
    </div>
  )
}

function Help() {
  return (
    <Dialog title="Keys" onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {shortcuts.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="buttons">
        <button type="button" onClick={() => (helpOpen.value = false)}>
          Close
        </button>
      </p>
    </Dialog>
  )
}
