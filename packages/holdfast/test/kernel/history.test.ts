/**
 * The scripts of a history on a real server and in memory, side by side: random calls, the same replies and
 * keys. As differential.test.ts, whose scripts touch none of these keys.
 */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { scripts } from '../../src/kernel/scripts.gen.js'
import { findServer, startServer, type ServerEngine } from '../../src/testing/index.js'
import { Inconclusive, Pair } from './pair.js'

const sequences = Number(process.env['HOLDFAST_RUNS'] ?? 200)
const seed = process.env['HOLDFAST_SEED']

const text = fc.constantFrom('', 'x', 'a b', 'größe', '["a",null,1]', '12', 'two\nlines', '-1')
const entry = fc.array(text, { minLength: 9, maxLength: 9 })
const stream = fc.nat({ max: 2 })
const notes = fc.record({
  stream,
  most: fc.constantFrom(1, 3, 10, 1000),
  keep: fc.constantFrom(60, 250, 60_000),
  entries: fc.array(entry, { maxLength: 5 }),
})
const mark = fc.record({
  ms: fc.constantFrom('', '', '40', '150', '5000', '60000'),
  client: fc.constantFrom('0123abcd', '4567abcd'),
  name: fc.constantFrom('a', 'b', 'ab', 'größe', '*'),
})

type Step =
  | {
      kind: 'note'
      all: { stream: number; most: number; keep: number; entries: string[][] }[]
      marks: { ms: string; client: string; name: string }[] | null
    }
  | { kind: 'past'; stream: number; side: 'before' | 'after'; which: string; count: number }
  | { kind: 'index'; pattern: string }
  | { kind: 'spoil'; key: number; how: 'delete' | 'text' | 'hash' }
  | { kind: 'sleep'; ms: number }

const is = <const K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: is('note'),
      all: fc.uniqueArray(notes, { maxLength: 3, selector: ({ stream: of }) => of }),
      marks: fc.option(
        fc.uniqueArray(mark, {
          minLength: 1,
          maxLength: 4,
          selector: ({ client, name }) => client + name,
        }),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: is('past'),
      stream,
      side: fc.constantFrom('before' as const, 'after' as const),
      which: fc.constantFrom('end', 'seen'),
      count: fc.constantFrom(1, 2, 100),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: is('index'),
      pattern: fc.constantFrom('*', 'a*', '?', '[ab]', 'b', '\\*'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: is('spoil'),
      key: fc.nat({ max: 3 }),
      how: fc.constantFrom('delete', 'delete', 'text', 'hash'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: is('sleep'), ms: fc.constantFrom(1, 5, 45, 70) }) },
)

async function play(pair: Pair, id: string, steps: readonly Step[]): Promise<void> {
  const streams = [0, 1, 2].map((i) => `{lock:${id}}:hf:history:${i}`)
  const index = `{lock:${id}}:hf:prefix-index:lock:`
  const keys = [...streams, index]
  let seen = '0-0'
  for (const one of steps) {
    switch (one.kind) {
      case 'note': {
        const args = ['1', String(one.all.length)]
        for (const { most, keep, entries } of one.all)
          args.push(String(most), String(keep), String(entries.length), ...entries.flat())
        for (const { ms, client, name } of one.marks ?? []) args.push(ms, `${client} ${name}`)
        const named = one.all.map((of) => streams[of.stream]!)
        await pair.call('history', one.marks ? [...named, index] : named, args)
        break
      }
      case 'past': {
        const before = one.side === 'before'
        const known = one.which === 'seen' && seen !== '0-0'
        const at = known ? seen : before ? '' : '0-0'
        const reply = await pair.call(
          'past',
          [streams[one.stream]!],
          ['1', one.side, at, String(one.count)],
        )
        const [last = 'error'] = reply[3] as string[]
        if (last !== 'error') seen = last
        break
      }
      case 'index':
        await pair.call('index', [index], ['1', '0', one.pattern, '100'])
        break
      case 'spoil':
        if (one.how === 'delete') {
          await pair.del(keys[one.key]!)
        } else {
          if (one.how === 'text') await pair.set(keys[one.key]!, 'text', null)
          else await pair.hash(keys[one.key]!)
        }
        break
      case 'sleep':
        await new Promise((resolve) => setTimeout(resolve, one.ms))
    }
  }
  await pair.compareState(keys)
}

async function compare(engine: ServerEngine): Promise<void> {
  await using server = await startServer({ engine })
  const commands = new Redis(server.url, { enableAutoPipelining: true })
  const messages = new Redis(server.url)
  const seen = new Set<string>()
  let conclusive = 0
  try {
    for (const { lua } of Object.values(scripts)) await commands.script('LOAD', lua)
    const run = String(((await commands.evalsha(scripts.hello.sha1, 0, '1')) as string[])[1])
    const many = fc.array(fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }), {
      minLength: 1,
      maxLength: 100,
      size: 'max',
    })
    const property = fc.asyncProperty(many, async (plans) => {
      const ends = await Promise.allSettled(
        plans.map((plan) =>
          play(
            new Pair({ commands, messages, inbox: new Map(), seen }, run),
            randomBytes(8).toString('hex'),
            plan,
          ),
        ),
      )
      const errors = ends.flatMap((end) =>
        end.status === 'rejected' ? [end.reason as unknown] : [],
      )
      const failed = errors.find((error) => !(error instanceof Inconclusive))
      if (failed !== undefined) throw failed as Error
      conclusive += plans.length - errors.length
    })
    while (conclusive < sequences) {
      const chosen =
        seed === undefined ? {} : { seed: Number(seed), interruptAfterTimeLimit: 60_000 }
      await fc.assert(property, { ...chosen, numRuns: 2, endOnFailure: seed === undefined })
      if (seed !== undefined) return
    }
    expect([...seen]).toEqual(expect.arrayContaining(['noted', 'error']))
  } finally {
    commands.disconnect()
    messages.disconnect()
  }
}

describe.concurrent('the Lua of a history does what the reference does', () => {
  for (const engine of ['redis', 'valkey'] as const) {
    test(engine, { timeout: 120_000 }, async ({ skip }) => {
      if ((await findServer({ engine })) === null) skip(`no ${engine}-server found`)
      await compare(engine)
    })
  }
})
