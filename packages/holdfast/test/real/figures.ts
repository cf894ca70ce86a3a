import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { scripts } from '../../src/kernel/scripts.gen.js'
import type { Holdfast } from '../../src/index.js'
import { until, type Counts, type World } from './kit.js'

/** What docs/costs.md says that something costs. */
export interface Figure {
  readonly commands: number
  readonly messages: number
  readonly subscriptions: number
}

/** Long leases and claims: nothing is renewed, and nobody looks after a claim, while one counts. */
export const LONG = { ttl: '60s', claim: '60s', wait: '60s' } as const

/** A table of docs/costs.md, by the heading of its first column. Every figure is to be asked for. */
export class Figures {
  readonly #rows = new Map<string, ReadonlyMap<string, string>>()
  readonly #left = new Set<string>()

  constructor(first: string) {
    const text = readFileSync(new URL('../../../../docs/costs.md', import.meta.url), 'utf8')
    const cells = (line: string): string[] =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim())
    const lines = text.split('\n')
    const at = lines.findIndex((line) => line.startsWith(`| ${first} |`))
    const [, ...columns] = cells(lines[at]!)
    for (const line of lines.slice(at + 2)) {
      if (!line.startsWith('|')) break
      const [row = '', ...values] = cells(line)
      this.#rows.set(row, new Map(columns.map((column, i) => [column, values[i]!])))
      for (const [i, value] of values.entries()) {
        if (value !== '-') this.#left.add(`${row}: ${columns[i]}`)
      }
    }
  }

  /** A cell such as `1 + 2`. */
  cell(row: string, column: string): Figure {
    const [commands, messages = 0] = this.#read(row, column).split(' + ').map(Number)
    return { commands: commands!, messages, subscriptions: 0 }
  }

  /** A row with a column for each number. */
  row(row: string): Figure {
    const [commands, messages, subscriptions] = ['commands', 'messages', 'subscriptions'].map(
      (column) => Number(this.#read(row, column)),
    )
    return { commands: commands!, messages: messages!, subscriptions: subscriptions! }
  }

  has(row: string, column: string): boolean {
    return this.#rows.get(row)?.get(column) !== '-'
  }

  /** Those that nobody has asked for. */
  get left(): readonly string[] {
    return [...this.#left]
  }

  #read(row: string, column: string): string {
    const value = this.#rows.get(row)?.get(column)
    expect(value, `docs/costs.md has no ${column} of ${row}`).toMatch(/^\d+( \+ \d+)?$/)
    this.#left.delete(`${row}: ${column}`)
    return value!
  }
}

/** Does the work, and waits until it has cost that, and a little longer for what would be too much. */
export async function costs<T>(world: World, figure: Figure, work: () => Promise<T>): Promise<T> {
  const expected: Counts = {
    evalsha: figure.commands,
    eval: 0,
    publish: figure.messages,
    subscribe: figure.subscriptions,
  }
  const before = await world.counts()
  const result = await work()
  await until(async () => expect(await world.since(before)).toEqual(expected))
  await sleep(30)
  expect(await world.since(before)).toEqual(expected)
  return result
}

/** The server knows all scripts. */
export async function loaded(world: World): Promise<void> {
  for (const { lua } of Object.values(scripts)) await world.admin.script('LOAD', lua)
}

let serial = 0

/** Holdfasts that have said hello, have subscribed, and have looked at the server's policy. */
export async function warm(world: World, count: number): Promise<Holdfast[]> {
  const all = Array.from({ length: count }, () => world.locks({ nodeTimeout: 5000 }))
  for (const locks of all) {
    const name = `warm-up:${++serial}`
    const held = await locks.mutex(name).acquire()
    const wait = locks.mutex(name).acquire()
    await inLine(world, name, 1)
    await held.release()
    await (await wait).release()
  }
  return all
}

/** So many stand in line for the name. */
export const inLine = (world: World, name: string, count: number): Promise<void> =>
  until(async () =>
    expect((await world.admin.zcard(`{lock:${name}}:hf:line:lock:${name}`)) as number).toBe(count),
  )
