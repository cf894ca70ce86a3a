// One table for each kind of scenario.
import { median, ratios } from '../lib/stats.mjs'
import { figure, percent, table, withSpread } from './text.mjs'

const list = (row, key) => row.rounds.map((round) => round?.[key] ?? null)
const all = (row, key, scale) => withSpread(list(row, key), scale)
const middle = (row, key) => median(list(row, key))
const most = (row, key) => {
  const values = list(row, key).filter(Number.isFinite)
  return values.length === 0 ? null : Math.max(...values)
}
const KB = 1 / 1024

/** Those that have figures, the best first. */
function measured(scenario, key, descending = true) {
  return scenario.rows
    .filter((row) => !row.skipped && row.rounds.some(Boolean))
    .toSorted((a, b) => {
      const [x, y] = [middle(a, key) ?? 0, middle(b, key) ?? 0]
      return descending ? y - x : x - y
    })
}

/** Of each round, to the yardstick in the same round. */
function times(scenario, row, base, key = 'perSecond') {
  const to = scenario.rows.find(({ subject }) => subject === base)
  return to ? withSpread(ratios(list(row, key), list(to, key))) : '–'
}

/** The hand-written lock on the client that the subject uses. */
function ownYardstick(scenario, { client, kind }) {
  const id = { redis: 'hand-node-redis', redis5: 'hand-node-redis', socket: 'hand-socket' }[client]
  return kind === 'yardstick' ? null : (id ?? 'hand-ioredis')
}

const kinds = {
  cycles: (scenario, of) =>
    table(
      [
        '',
        scenario.unit,
        'x by hand on ioredis',
        'x by hand on its client',
        'p50 ms',
        'p99 ms',
        'commands a cycle',
        'bytes sent a cycle',
        'writes a cycle',
        'client CPU µs',
        'server CPU µs',
        'failed',
      ],
      measured(scenario, 'perSecond').map((row) => {
        const own = ownYardstick(scenario, of(row.subject))
        return [
          of(row.subject).title,
          all(row, 'perSecond'),
          times(scenario, row, scenario.base),
          own === null ? '–' : times(scenario, row, own),
          all(row, 'p50'),
          figure(middle(row, 'p99')),
          figure(row.extra?.commands),
          figure(row.extra?.bytes),
          figure(row.extra?.writes),
          figure(middle(row, 'clientUs')),
          figure(middle(row, 'serverUs')),
          figure(most(row, 'failures')),
        ]
      }),
    ),
  turns: (scenario, of) =>
    table(
      [
        '',
        scenario.unit,
        `x ${of(scenario.base).title}`,
        'p50 ms',
        'p99 ms',
        'commands a hand-over',
        'client CPU µs',
        'server CPU µs',
        'longest wait ms',
        'out of order',
        'passed over at most',
        'never served',
        'failed',
      ],
      measured(scenario, 'perSecond').map((row) => [
        of(row.subject).title,
        all(row, 'perSecond'),
        times(scenario, row, scenario.base),
        all(row, 'p50'),
        figure(middle(row, 'p99')),
        figure(row.extra?.commands),
        figure(middle(row, 'clientUs')),
        figure(middle(row, 'serverUs')),
        figure(middle(row, 'longestWait')),
        percent(middle(row, 'outOfOrder')),
        figure(most(row, 'passed')),
        figure(middle(row, 'unserved')),
        figure(most(row, 'failures')),
      ]),
    ),
  pair: (scenario, of) =>
    table(
      ['', 'p50 µs', 'p99 µs', `x ${of(scenario.base).title}`],
      measured(scenario, 'p50', false).map((row) => [
        of(row.subject).title,
        all(row, 'p50', 1000),
        all(row, 'p99', 1000),
        times(scenario, row, scenario.base, 'p50'),
      ]),
    ),
  idle: (scenario, of) =>
    table(
      [
        '',
        'idle for s',
        'commands in it',
        'commands/s',
        'client CPU %',
        'first served after ms',
        'all served after ms',
        'served',
      ],
      measured(scenario, 'drainMs', false).map((row) => [
        of(row.subject).title,
        figure(middle(row, 'windowMs') / 1000),
        figure(most(row, 'commands')),
        all(row, 'perSecond'),
        figure(middle(row, 'cpuPercent')),
        all(row, 'firstMs'),
        all(row, 'drainMs'),
        figure(middle(row, 'served')),
      ]),
    ),
  renewal: (scenario, of) =>
    table(
      [
        '',
        'commands/s',
        'writes/s',
        'bytes/s',
        'client CPU %',
        'server CPU %',
        'loop held up ms, most',
        'over idle ms',
        'p99 ms',
        'alive at the end',
      ],
      measured(scenario, 'perSecond', false).map((row) => [
        of(row.subject).title,
        all(row, 'perSecond'),
        figure(middle(row, 'writes')),
        figure(middle(row, 'bytes')),
        figure(middle(row, 'cpuPercent')),
        figure(middle(row, 'serverPercent')),
        all(row, 'maxMs'),
        all(row, 'overIdleMs'),
        figure(middle(row, 'p99Ms')),
        figure(middle(row, 'alive')),
      ]),
    ),
  frozen: (scenario, of) =>
    table(
      [
        '',
        'all up: p50 ms',
        'p99 ms',
        'two frozen: p50 ms',
        'p99 ms',
        'x all up',
        'cycles/s, two frozen',
        'what went wrong',
      ],
      scenario.rows
        .filter((row) => !row.skipped)
        .toSorted((a, b) => (middle(a, 'down') ?? Infinity) - (middle(b, 'down') ?? Infinity))
        .map((row) => [
          of(row.subject).title,
          all(row, 'up'),
          figure(middle(row, 'upP99')),
          all(row, 'down'),
          figure(middle(row, 'downP99')),
          withSpread(ratios(list(row, 'down'), list(row, 'up'))),
          all(row, 'perSecond'),
          row.errors.join('; '),
        ]),
    ),
  memory: (scenario, of) =>
    table(
      [
        '',
        'heap KB a held lock',
        'heap KB a waiter',
        'process KB a held lock',
        'server bytes a held lock',
        'keys after the last release',
        'of them for ever',
        'keys after a crash',
      ],
      measured(scenario, 'heldBytes', false).map((row) => [
        of(row.subject).title,
        all(row, 'heldBytes', KB),
        all(row, 'waiterBytes', KB),
        all(row, 'heldRssBytes', KB),
        all(row, 'serverBytes'),
        all(row, 'keysAfterRelease'),
        all(row, 'keysForever'),
        all(row, 'keysAfterCrash'),
      ]),
    ),
  import: (scenario, of) =>
    table(
      [
        '',
        'ms over bare Node',
        'ms of CPU',
        'KB that an import loads',
        'KB with a first lock',
        'KB in one file',
      ],
      measured(scenario, 'ms', false).map((row) => [
        of(row.subject).title,
        all(row, 'ms'),
        all(row, 'cpu'),
        ...['initialBytes', 'lockBytes', 'bundleBytes'].map((key) => figure(row.extra?.[key] * KB)),
      ]),
    ),
  growth: (scenario, of) => {
    const names = scenario.axis === 'names'
    const more = names
      ? ['releases/s', 'heap KB each', 'server bytes each']
      : ['p50 ms', 'p99 ms', 'commands a hand-over']
    const keys = names
      ? ['releasesPerSecond', 'heldBytes', 'serverBytes']
      : ['p50', 'p99', 'commands']
    return table(
      ['', scenario.axis, scenario.unit, ...more],
      scenario.rows
        .filter((row) => !row.skipped)
        .map((row) => [
          of(row.subject).title,
          figure(row.size),
          all(row, 'perSecond'),
          ...keys.map((key) => all(row, key, key === 'heldBytes' ? KB : 1)),
        ]),
    )
  },
  scripts: (scenario) =>
    table(
      ['call', 'µs'],
      scenario.rows.filter((row) => !row.skipped).map((row) => [row.what, all(row, 'us')]),
    ),
  storms: (scenario, of) =>
    table(
      [
        '',
        'what',
        'how many',
        'ms',
        'commands',
        'bytes sent',
        'loop held up ms',
        'heap MiB more',
        'process MiB more',
        'commands over 2 ms',
        'the slowest ms',
      ],
      scenario.rows
        .filter((row) => !row.skipped)
        .map((row) => [
          of(row.subject).title,
          row.play,
          figure(middle(row, 'count')),
          ...['ms', 'commands', 'bytes', 'loopMaxMs', 'heapMiB', 'rssMiB', 'slow', 'slowestMs'].map(
            (key) => all(row, key),
          ),
        ]),
      { texts: 2 },
    ),
}

/** The table of a scenario, what went wrong in it, and what was left out. */
export function tableOf(scenario, of) {
  const parts = scenario.rows.length === 0 ? [] : [kinds[scenario.measures](scenario, of)]
  const said = new Set()
  for (const row of scenario.rows) {
    const why = row.skipped
      ? [`not measured: ${row.skipped}`]
      : scenario.measures === 'frozen'
        ? []
        : row.errors
    const size = row.size === undefined ? '' : `, ${figure(row.size)} ${scenario.axis}`
    for (const text of why) said.add(`${of(row.subject).title}${row.skipped ? '' : size}: ${text}`)
  }
  for (const note of scenario.notes) said.add(note)
  if (said.size > 0) parts.push([...said].map((text) => `- ${text}`).join('\n'))
  return parts.join('\n\n')
}
