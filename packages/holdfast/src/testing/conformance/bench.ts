import assert from 'node:assert/strict'
import type { HoldfastError } from '../../base/errors.js'
import type { Port } from '../../clients/port.js'
import type { Client } from '../../clients/recognise.js'
import { Holdfast } from '../../locks/holdfast.js'

/** What the suite is run on. */
export interface ConformanceTarget {
  /**
   * Opens a connection of its own to the one server on which all cases run: a client that Holdfast
   * knows, or a Port of yours; or an array of them, to several servers that are ready to grant. Two of
   * them must see each other's locks.
   */
  open(): Promise<{
    client: Client | Port | readonly (Client | Port)[]
    close: () => Promise<unknown>
  }>
  /** Makes the server forget its scripts; without it that case is left out. */
  readonly flushScripts?: () => Promise<unknown>
}

export interface Bench {
  /** Two Holdfasts with a connection each, and a name that nobody else uses. */
  readonly a: Holdfast
  readonly b: Holdfast
  readonly name: string
  /** Whether there is one server: several promise that all are served, and order as a rule (docs/guarantees.md, I5). */
  readonly ordered: boolean
}

export type Case = (bench: Bench) => Promise<void>

let serial = 0

/** Two Holdfasts for one case, closed after it. */
export async function withBench(target: ConformanceTarget, test: Case): Promise<void> {
  const [first, second] = await Promise.all([target.open(), target.open()])
  // Each call with a place of its own in line: the cases are about hand-overs by the server. And with
  // time for an answer, because many cases run at once on a machine that may stand still for a moment.
  const options = { localHandovers: 0, nodeTimeout: 5000 } as const
  const a = new Holdfast(first.client, { label: 'a', ...options })
  const b = new Holdfast(second.client, { label: 'b', ...options })
  try {
    await test({ a, b, name: uniqueName(), ordered: !Array.isArray(first.client) })
  } finally {
    await Promise.all([a.close(), b.close()])
    await Promise.all([first.close(), second.close()])
  }
}

/** A name that nobody else uses. */
export function uniqueName(): string {
  return `conformance:${process.pid}:${Date.now()}:${++serial}`
}

/** Resolves once so many wait for the name. */
export async function waiting(locks: Holdfast, name: string, count: number): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if ((await locks.inspect(name)).waiterCount === count) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.fail(`${count} waiters were expected, but ${JSON.stringify(await locks.inspect(name))}`)
}

/** Resolves with the reason of a signal once it aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

/** Has an error this code? */
export const code =
  (expected: string): ((error: HoldfastError) => boolean) =>
  (error) =>
    error.code === expected
