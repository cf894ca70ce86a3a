import fc from 'fast-check'

/** One name's part of a call. Owners and names are numbers until a run gives them real ids. */
export interface AcquireItem {
  readonly name: number
  readonly owner: number
  readonly mode: 'x' | 's' | 'p'
  readonly weight: number
  readonly limit: number
  readonly ttl: number
  readonly claim: number
  readonly wait: boolean
  readonly ticket: 'none' | 'known' | 'early' | 'first'
  readonly notAfter: 'none' | 'past' | 'future' | 'other run'
  readonly info: string
}

/** Which ballot a request is of, said by what was seen before. */
type Ballot = 'now' | 'next' | 'same' | 'low' | 'ahead' | 'text'

interface VoteItem extends AcquireItem {
  readonly ballot: Ballot
  readonly slots: string
}

interface QReleaseItem extends OwnerItem {
  readonly least: string
  readonly ballot: Ballot | 'none'
  readonly failed: boolean
  readonly stands: boolean
}

interface QRenewItem extends RenewItem {
  readonly record: 'own' | 'none' | 'text' | 'small'
}

interface OwnerItem {
  readonly name: number
  readonly owner: number
}

interface ReleaseItem extends OwnerItem {
  readonly least: string
}

interface TurnItem extends OwnerItem {
  readonly heir: number
  readonly mode: string
  readonly info: string
  readonly ttl: number
  readonly notAfter: AcquireItem['notAfter']
}

interface RenewItem extends OwnerItem {
  readonly ttl: number
  readonly notAfter: AcquireItem['notAfter']
}

/** What is done to a key behind the kernel's back. */
type Spoil = 'delete' | 'wrong type' | 'other wrong type' | 'text' | 'number' | 'large'

export type Step =
  | { readonly kind: 'acquire' | 'all'; readonly items: readonly AcquireItem[] }
  | { readonly kind: 'release'; readonly items: readonly ReleaseItem[] }
  | { readonly kind: 'renew'; readonly items: readonly RenewItem[] }
  | { readonly kind: 'turn'; readonly items: readonly TurnItem[] }
  | { readonly kind: 'q_acquire'; readonly items: readonly VoteItem[] }
  | { readonly kind: 'q_release'; readonly items: readonly QReleaseItem[] }
  | { readonly kind: 'q_renew'; readonly items: readonly QRenewItem[] }
  | { readonly kind: 'q_turn'; readonly items: readonly (TurnItem & { readonly ballot: Ballot })[] }
  /** From here on calls are guarded by this epoch and quarantine; or not any more. */
  | { readonly kind: 'guard'; readonly epoch: number; readonly quarantine: number | null }
  | { readonly kind: 'bootstrap'; readonly set: string }
  /** The node's marker is deleted, or is one of another run. */
  | { readonly kind: 'marker'; readonly how: 'delete' | 'other run' | 'text' }
  | {
      readonly kind: 'force'
      readonly items: readonly {
        readonly name: number
        readonly how: string
        readonly meant: string
        readonly by: string
      }[]
    }
  | { readonly kind: 'inspect' | 'announce'; readonly names: readonly number[] }
  | { readonly kind: 'edge'; readonly items: readonly (OwnerItem & { readonly edges: string })[] }
  | { readonly kind: 'waits'; readonly items: readonly OwnerItem[] }
  | {
      readonly kind: 'resize'
      readonly name: number
      readonly limit: string
      readonly notAfter: AcquireItem['notAfter']
    }
  /** Many owners of one client at once, to get past the limits of one call. */
  | {
      readonly kind: 'crowd'
      readonly size: number
      /** Listens while it asks, and no longer. */
      readonly dies: boolean
      readonly like: AcquireItem
    }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly client: number }
  | { readonly kind: 'foreign'; readonly name: number; readonly px: number | null }
  | {
      readonly kind: 'spoil'
      readonly name: number
      readonly key: number
      readonly how: Spoil
    }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'version' }

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
      how: fc.constantFrom('delete', 'other run', 'text'),
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
)

/** Mostly what a quorum asks, among all else that may come between. */
const voting: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: quorumStep },
  { weight: 3, arbitrary: step },
)

const length = { minLength: 1, maxLength: 30, size: 'max' } as const

/** One sequence: its names and clients are its own, so that many run at the same time. */
export const sequence: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.array(step, length) },
  { weight: 1, arbitrary: fc.array(voting, length) },
)
