// Every moment at which a process can be paused: before each step that a method of a fenced file takes in
// the file system, a later holder claims, reads and writes.
import type * as promises from 'node:fs/promises'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fencedFile, type FencedFile } from '../../src/fencing/index.js'
import { refusal } from '../real/kit.js'

/** Called before each step. */
let step: () => Promise<void> = async () => {}

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof promises>()
  type Step = (...args: unknown[]) => Promise<unknown>
  const stepped = (
    name: 'mkdir' | 'readdir' | 'readFile' | 'rename' | 'rm' | 'writeFile',
  ): Step => {
    const real = actual[name] as Step
    return async (...args) => {
      await step()
      return real(...args)
    }
  }
  return {
    ...actual,
    mkdir: stepped('mkdir'),
    readdir: stepped('readdir'),
    readFile: stepped('readFile'),
    rename: stepped('rename'),
    rm: stepped('rm'),
    // Whether it is on the disk makes no difference here, and is slow to find out.
    writeFile: async (path: string, text: string, options: object) => {
      await step()
      return actual.writeFile(path, text, { ...options, flush: false })
    },
  }
})

let folder: string
let path: string
let zombie: FencedFile
let holder: FencedFile
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-file-'))
  path = join(folder, 'state')
  zombie = fencedFile(path)
  holder = fencedFile(path)
})
afterEach(() => {
  step = async () => {}
  rmSync(folder, { recursive: true })
})

/** What a call comes to that is paused before its step of this number, while `meanwhile` is done. */
async function paused(
  at: number,
  call: () => Promise<unknown>,
  meanwhile: () => Promise<unknown>,
): Promise<{ reached: boolean; outcome: unknown }> {
  let steps = 0
  let reached = false
  step = async () => {
    if (steps++ !== at) return
    reached = true
    const before = step
    step = async () => {}
    await meanwhile()
    step = before
  }
  const outcome = await call().catch((error: unknown) => error)
  step = async () => {}
  return { reached, outcome }
}

const fenced = expect.objectContaining({ code: 'ERR_FENCED', given: 33, stands: 34 }) as unknown

/** Where the file is when the zombie comes: nothing, written by an earlier holder, or by itself. */
const starts = [
  { title: 'nothing yet', before: null },
  { title: 'an earlier token', before: 32 },
  { title: 'its own token', before: 33 },
]

test.each(starts)('a write that is paused before any step, after $title', async ({ before }) => {
  let at = 0
  for (; ; at++) {
    if (before !== null) await holder.write('100', before)
    let seen: string | null = null
    const { reached, outcome } = await paused(
      at,
      () => zombie.write('late', 33),
      async () => {
        seen = await holder.read(34)
        expect(seen).toBe(before === null ? null : '100')
      },
    )
    if (!reached) break
    // Refused, and the holder finds what it found before.
    expect([at, outcome]).toEqual([at, fenced])
    expect(await holder.read(34)).toBe(seen)
    await holder.write('its own', 34)
    expect(readdirSync(folder, { recursive: true }).map(String).toSorted()).toEqual([
      'state',
      'state/34',
      'state/34/data',
    ])
    rmSync(path, { recursive: true })
  }
  // The list, the draft, its rename, and what was to be claimed.
  expect(at).toBeGreaterThanOrEqual(before === 33 ? 4 : 5)
})

test.each(starts)('a read that is paused before any step, after $title', async ({ before }) => {
  let at = 0
  for (; ; at++) {
    if (before !== null) await holder.write('100', before)
    const { reached, outcome } = await paused(
      at,
      () => zombie.read(33),
      () => holder.write('its own', 34),
    )
    if (!reached) break
    expect([at, outcome]).toEqual([at, fenced])
    rmSync(path, { recursive: true })
  }
  expect(at).toBeGreaterThanOrEqual(3)
})

test.each(starts)(
  'a later claim that is paused lets an earlier write come first, or refuses it',
  async ({ before }) => {
    for (let at = 0; ; at++) {
      if (before !== null) await holder.write('100', before)
      let written = false
      const { reached, outcome } = await paused(
        at,
        () => holder.read(34),
        async () => {
          written = (await refusal(zombie.write('first', 33))) === 'nothing'
        },
      )
      // What was not refused was seen.
      expect([at, outcome]).toEqual([at, written ? 'first' : before === null ? null : '100'])
      if (!reached) break
      rmSync(path, { recursive: true })
    }
  },
)
