// The loop of watch and top, without a server.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { Look } from 'holdfast'
import { looks } from '../src/looks.js'

const LOOK: Look = { states: [], changes: [], complete: true }
const fails = (code: string): Error => Object.assign(new Error(`${code} it is`), { code })

/** What came of a look each time, and then nothing any more. */
async function heard(all: readonly (Look | Error)[], signal: AbortSignal): Promise<string[]> {
  const left = [...all]
  const told: string[] = []
  const watch = {
    look: (): Promise<Look> => {
      const next = left.shift()
      if (next instanceof Error) return Promise.reject(next)
      return next ? Promise.resolve(next) : new Promise(() => undefined)
    },
  }
  const to = { look: () => told.push('look'), trouble: (text: string) => told.push(text) }
  const end = await looks(watch, 1, signal, to).catch((error: Error) => error.message)
  return [...told, end]
}

test('trouble that may pass is told once, and again when it has come back', async () => {
  const away = fails('ERR_UNAVAILABLE')
  const all = [LOOK, away, away, fails('ERR_NO_QUORUM'), LOOK, away, LOOK, fails('ERR_CONFIG')]
  expect(await heard(all, new AbortController().signal)).toEqual([
    'look',
    'ERR_UNAVAILABLE it is',
    'ERR_NO_QUORUM it is',
    'look',
    'ERR_UNAVAILABLE it is',
    'look',
    'ERR_CONFIG it is',
  ])
})

test('it ends as soon as it is to, also while a look takes long', async () => {
  const stop = new AbortController()
  const told = heard([LOOK], stop.signal)
  while (getEventListeners(stop.signal, 'abort').length === 0) await Promise.resolve()
  await new Promise((resolve) => setTimeout(resolve, 50))
  stop.abort(new Error('enough'))
  expect(await told).toEqual(['look', 'enough'])
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  const before = AbortSignal.abort(new Error('before'))
  expect(await heard([LOOK], before)).toEqual(['before'])
})
