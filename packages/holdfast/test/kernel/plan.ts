import fc from 'fast-check'
import type { AcquireItem, Ballot, Step, VoteItem } from './steps.js'

export const names = 2
export const clients = 3
/** Owners of each client, beside those of a crowd. */
export const owners = 2 * clients

const name = fc.nat({ max: names - 1 })
const owner = fc.nat({ max: owners - 1 })
const ttl = fc.constantFrom(60, 60, 250, 1000, 60_000, 900_000)
const notAfter = fc.oneof(
  { weight: 12, arbitrary: fc.constant('none' as const) },
  { weight: 4, arbitrary: fc.constant('future' as const) },
  { weight: 1, arbitrary: fc.constantFrom('past' as const, 'other run' as const) },
)

const acquireFields = {
  name,
  owner,
  mode: fc.constantFrom('x', 'x', 's', 'p', 'p'),
  weight: fc.constantFrom(1, 1, 2, 3),
  limit: fc.constantFrom(3, 3, 3, 3, 5),
  ttl,
  claim: fc.constantFrom(50, 2000),
  wait: fc.constantFrom(true, true, true, false),
  ticket: fc.constantFrom('none', 'none', 'known', 'early', 'first'),
  notAfter,
  info: fc.constantFrom(
    '',
    '{"label":"a b"}',
    'two\nlines',
    '["a",null,1]',
    '["a","h",1,"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]',
    'größe 7 ',
    ' 0 1 2 - 0',
  ),
} as const
const acquireItem: fc.Arbitrary<AcquireItem> = fc.record(acquireFields)

const ballot = fc.constantFrom<Ballot[]>(
  'now',
  'now',
  'now',
  'next',
  'next',
  'same',
  'same',
  'low',
  'ahead',
  'text',
)
const voteItem: fc.Arbitrary<VoteItem> = fc.record({
  ...acquireFields,
  ballot,
  slots: fc.constantFrom('', '', '', '0', '1', '2', '0,1', '1,2', '0,1,2', '7', '0,0'),
})

/** Mostly one item, sometimes several of the same or of different names. */
const some = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.oneof(
    { weight: 4, arbitrary: item.map((one) => [one]) },
    { weight: 1, arbitrary: fc.array(item, { minLength: 2, maxLength: 4 }) },
  )

/** Mostly every name, sometimes one of them, or one twice. */
const together: fc.Arbitrary<AcquireItem[]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(acquireItem, { minLength: names, maxLength: names })
      .map((items) => items.map((item, i) => ({ ...item, name: i }))),
  },
  { weight: 1, arbitrary: fc.array(acquireItem, { minLength: 1, maxLength: 3 }) },
)

const is = <const K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind)

/** What a node of a quorum is asked. */
const quorumStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: is('q_acquire'), items: some(voteItem) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: is('q_release'),
      items: some(
        fc.record({
          name,
          owner,
          least: fc.constantFrom('', '', '', '', '150', '5000'),
          ballot: fc.oneof(fc.constant('none' as const), ballot),
          failed: fc.boolean(),
          stands: fc.boolean(),
        }),
      ),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: is('q_renew'),
      items: some(
        fc.record({
          name,
          owner,
          ttl,
          notAfter,
          record: fc.constantFrom('own', 'own', 'own', 'none', 'text', 'small'),
        }),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: is('q_turn'),
      items: some(
        fc.record({
          name,
          owner,
          heir: owner,
          mode: fc.constantFrom('s', 'x', 'p', 's', 'x', 'p', 'o'),
          ttl,
          notAfter,
          info: fc.constantFrom('', '["heir",null,2]'),
          ballot,
        }),
      ),
    }),
  },
)

const guardStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: is('guard'),
      epoch: fc.constantFrom(0, 0, 1),
      quarantine: fc.constantFrom(null, null, 100, 100, 5000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: is('bootstrap'), set: fc.constantFrom('', '', '1') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: is('marker'),
      how: fc.constantFrom('delete', 'other run', 'text', 'sound', 'sound', 'sound'),
    }),
  },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: quorumStep },
  { weight: 5, arbitrary: guardStep },
  {
    weight: 30,
    arbitrary: fc.record({ kind: is('acquire'), items: some(acquireItem) }),
  },
  { weight: 14, arbitrary: fc.record({ kind: is('all'), items: together }) },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: is('release'),
      items: some(
        fc.record({
          name,
          owner,
          least: fc.constantFrom('', '', '', '0', '60', '150', '1000', '5000', '90000', 'long'),
        }),
      ),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: is('renew'),
      items: some(fc.record({ name, owner, ttl, notAfter })),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: is('turn'),
      items: some(
        fc.record({
          name,
          owner,
          heir: owner,
          mode: fc.constantFrom('s', 'x', 'p', 's', 'x', 'p', 'o'),
          ttl,
          notAfter,
          info: fc.constantFrom('', '["heir",null,2]'),
        }),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: is('force'),
      items: some(
        fc.record({
          name,
          how: fc.constantFrom('0', '1', '2', '2'),
          meant: fc.constantFrom('', '', '1', '9000000000000000'),
          by: fc.constantFrom('', '["ops","a b"]'),
        }),
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: is('inspect'), names: some(name) }) },
  { weight: 3, arbitrary: fc.record({ kind: is('announce'), names: some(name) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: is('edge'),
      items: some(
        fc.record({ name, owner, edges: fc.constantFrom('', '\n["k","w.1"]', '\na\nb]') }),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: is('waits'), items: some(fc.record({ name, owner })) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: is('resize'),
      name,
      limit: fc.constantFrom('', '1', '2', '5', '100', '0', 'many'),
      notAfter,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: is('crowd'),
      size: fc.integer({ min: 60, max: 140 }),
      dies: fc.boolean(),
      like: acquireItem,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('subscribe', 'subscribe', 'unsubscribe'),
      client: fc.nat({ max: clients }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: is('foreign'), name, px: fc.constantFrom(null, 60, 5000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: is('spoil'),
      name,
      key: fc.nat({ max: 4 }),
      how: fc.constantFrom(
        'delete',
        'delete',
        'delete',
        'wrong type',
        'other wrong type',
        'text',
        'number',
        'large',
      ),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: is('sleep'), ms: fc.constantFrom(1, 5, 20, 70, 70, 140, 280) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: is('version') }) },
  {
    // What a stranger may do to single fields: for long runs, which look for more than may go wrong by itself.
    weight: process.env['HOLDFAST_RUNS'] === undefined ? 0 : 6,
    arbitrary: fc.record({
      kind: is('surgery'),
      name,
      owner,
      how: fc.constantFrom(
        'hdel',
        'hdel',
        'hdel',
        'zrem',
        'zrem',
        'unshare',
        'unshare1',
        'k',
        'n',
        'lapsed',
        'withheld',
      ),
    }),
  },
)

/** Mostly what a quorum asks, among all else that may come between. */
const voting: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: quorumStep },
  { weight: 5, arbitrary: step },
)

const length = { minLength: 1, maxLength: 30, size: 'max' } as const

/** One sequence: its names and clients are its own, so that many run at the same time. */
export const sequence: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.array(step, length) },
  { weight: 1, arbitrary: fc.array(voting, length) },
  {
    weight: 2,
    arbitrary: fc
      .array(voting, length)
      .map((steps): Step[] => [
        { kind: 'guard', epoch: 0, quarantine: 5000 },
        { kind: 'marker', how: 'sound' },
        ...steps,
      ]),
  },
)
