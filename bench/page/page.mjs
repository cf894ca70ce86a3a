// The results page. No figure stands here: all come from the results.
import { plots, picture } from './plots.mjs'
import { tableOf } from './tables.mjs'
import { judgeTargets } from './targets.mjs'
import { figure, table } from './text.mjs'

/** How each kind of scenario is measured. */
const how = {
  cycles:
    'A cycle is acquire and release. Commands, bytes and writes to the socket are counted in a slice of its own, which is not timed.',
  turns:
    'Each holds for one turn of the event loop, if nothing else is said, and releases; it asks again when another waiter of its process has had the lock. A hand-over is timed from the call of `release()` until the next `acquire()` has resolved, in whichever process. *Out of order* is the part of grants to somebody who had asked later than one who still waited, by the clock of the client; *passed over* how many such grants one wait has seen.',
  pair: 'Timed from the call of `release()` in one process until `acquire()` has resolved in the other, by the machine’s clock.',
  idle: 'Commands are counted while nothing happens. Then the holder releases, and everybody who is served does so after one turn of the event loop.',
  renewal:
    'Held as each library documents it for long tasks. *Loop held up* is the longest delay of the event loop in the time measured, *over idle* what it is more than in the same process with nothing held.',
  frozen:
    'The clients of all have a command time-out of 100 ms, without which most of the peers wait for as long as a server does not answer.',
  memory:
    'In a process of its own with the collector called before each look. Of a held lock the benchmark keeps what its library needs to end it, and nothing of its own; of a waiter an asynchronous function that awaits it, which is about half a KB and the same for all. Holdfast keeps one key a name after the last release, the last fencing token, which expires by itself. *After a crash*: one holds and the others wait when the process is killed.',
  import:
    'Without the client, which is the user’s. The bundles are made by esbuild, minified, and compressed with gzip. *That an import loads*: with splitting, the first file and what it imports at once. *With a first lock*: also what the first call for a lock on one server loads. *In one file*: all there is, without splitting. The other libraries load all at once.',
  scripts: 'By the server’s own count (`INFO commandstats`), each call of one name.',
  growth: 'One slice for each size.',
  storms:
    'All calls in one turn of the event loop. The connections are cut by the server while all wait; the time is from the release, three seconds later, until all have been served.',
}

const listed = (words) => (words.length === 0 ? 'nothing of this list' : words.join(', '))

function head({ machine, plan, whole, seconds, violations }) {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  const quick =
    plan === 'quick'
      ? '\n\n**A quick run**: it shows that all works; its slices are too short for its figures to mean much.'
      : ''
  // A load of one is one core that is always busy.
  const busy =
    machine.load < 0.7
      ? ''
      : `\n\n**The machine was busy with other work** (a load of ${machine.load} before it began): the figures are too low, and the spread is large.`
  const part = whole ? '' : '\n\n**A part of it**: not all scenarios or subjects were run.'
  return `Taken on ${machine.date.slice(0, 16).replace('T', ' ')} UTC on ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, ${machine.server} on the
loopback without persistence. Packages: ${versions.join(', ')}. The run took ${figure(seconds)} s; ${violations} violations of mutual exclusion.${quick}${part}${busy}`
}

function targetsOf(results) {
  const judged = judgeTargets(results)
  const reached = judged.filter((one) => one.reached).length
  const rows = judged.map(({ what, limit, value, unit, reached: yes }) => [
    what,
    limit,
    value === null ? 'not measured' : `${figure(value)}${unit && ` ${unit}`}`,
    yes === null ? '–' : yes ? 'yes' : '**no**',
  ])
  return `${reached} of ${judged.length} reached.

${table(['what', 'target', 'here', 'reached'], rows)}

How often somebody may be passed over: each other process has its share (the grant of the server and \`localHandovers\` more) once for each share that the waiters of one's own process take. Each process has subscribed before, with two waiters on a name of its own;
the first wait of each waiter is left out all the same, since processes do not begin in the same moment. The event loop is held up in proportion for 10,000 leases. KB are of 1024 bytes.`
}

function subjectsOf(results) {
  const used = new Set(
    Object.values(results.scenarios).flatMap(({ rows }) => rows.map(({ subject }) => subject)),
  )
  const rows = results.subjects
    .filter(({ id }) => used.has(id) && !id.endsWith('+ap'))
    .map(({ title, client, setup, documented, lacks }) => [
      title,
      { ioredis5: 'ioredis 5', redis: 'node-redis', redis5: 'node-redis 5', socket: 'bare socket' }[
        client
      ] ?? client,
      setup,
      documented ?? (setup === 'defaults' ? 'the same' : '–'),
      listed(lacks),
    ])
  return table(['', 'client', 'set to', 'documented default', 'does not give'], rows, { texts: 5 })
}

/** @returns {string} Markdown; plots are in `folder`, as seen from the page */
export function page(results, folder) {
  const subjects = new Map(results.subjects.map((one) => [one.id, one]))
  const of = (id) => subjects.get(id) ?? { title: id }
  const drawn = new Set(plots(results).map(({ file }) => file.replace(/-(light|dark)\.svg$/, '')))
  const sections = Object.values(results.scenarios).map((scenario) => {
    const plot = drawn.has(scenario.id) ? `\n${picture(folder, scenario.id, scenario.title)}\n` : ''
    return `## ${scenario.title}

${how[scenario.measures]}
${plot}
${tableOf(scenario, of)}`
  })
  const overview = drawn.has('overview')
    ? `\n${picture(folder, 'overview', 'Locks a second of Holdfast, the lock by hand and other libraries')}\n`
    : ''
  return `<!-- Written by \`npm run bench\`; change bench/page instead. -->
# Benchmarks

${head(results)}
${overview}
Each subject runs in a process of its own. Slices of all subjects take turns, in several rounds; each figure is the median of the rounds, with
\`[least–most]\` where there were several, and each ratio is taken to the yardstick in the same round. Absolute figures move with the machine, ratios less so ([two of them](performance.md#what-is-reached)). While it is
measured every turn is recorded and checked: if two ever hold a lock at one time, the run fails. \`npm run bench\` does it all again (fifteen minutes), \`npm run bench -- --quick\` in short; the raw figures are in [results.json](${folder}/results.json).

## Targets

${targetsOf(results)}

## Who was measured, and how it was set up

Peers run with retries set for speed, 10 ms where they poll; *documented default* is what they do if nothing is set, which has a [section of its own](#contended-16-waiters-that-hold-for-1-ms-retries-as-documented). "By hand" is the lock that everybody writes. The push relay is about the least
that a queue in the server with a push can cost, and the cohort the same with hand-over inside the process; neither survives a crash of a waiter, a lost message or a reconnect. Holdfast runs with all that it
promises: fencing, renewal, a loss signal, order.

${subjectsOf(results)}

${sections.join('\n\n')}
`
}
