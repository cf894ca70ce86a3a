// What a request may not ask for, in the order in which the specification refuses it.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { refusal } from '../reentrant/kit.js'

const { signal } = new AbortController()
const callback = (): void => {}
const locks = Holdfast.inMemory()
const manager = locks.lockManager()
const request = manager.request.bind(manager) as (...given: unknown[]) => Promise<unknown>

test.each([
  ['a name that begins with -', ['-x', callback]],
  ['an empty name', ['', callback]],
  ['a name that is too long', ['x'.repeat(1025), callback]],
  ['a name with a lone surrogate', ['\uD800', callback]],
  ['steal and ifAvailable', ['x', { steal: true, ifAvailable: true }, callback]],
  ['steal and shared', ['x', { steal: true, mode: 'shared' }, callback]],
  ['steal and a signal', ['x', { steal: true, signal }, callback]],
  ['ifAvailable and a signal', ['x', { ifAvailable: true, signal }, callback]],
  [
    'a signal that is aborted, and steal',
    ['x', { steal: true, signal: AbortSignal.abort(1) }, callback],
  ],
])('NotSupportedError: %s', async (_title, given) => {
  const error = await refusal(request(...given))
  expect(error).toBeInstanceOf(DOMException)
  expect(error).toMatchObject({ name: 'NotSupportedError' })
})

test.each([
  ['nothing', []],
  ['no callback', ['x']],
  ['options, and no callback', ['x', {}]],
  ['a name that is no text', [7, callback]],
  ['a callback that is none', ['x', {}, 'f']],
  ['options that are none', ['x', 'shared', callback]],
  ['another mode', ['x', { mode: 'upgradable' }, callback]],
  ['no mode', ['x', { mode: null }, callback]],
  ['a signal that is none', ['x', { signal: 5 }, callback]],
  ['an option that does not exist', ['x', { wait: 5 }, callback]],
])('TypeError: %s', async (_title, given) => {
  expect(await refusal(request(...given))).toBeInstanceOf(TypeError)
})

test('options that are null or undefined are none', async () => {
  expect(await request('x', null, () => 1)).toBe(1)
  expect(await request('x', { mode: undefined, signal: undefined }, () => 2)).toBe(2)
})

test('its own options are checked when it is made', () => {
  for (const options of [{ wait: 5 }, { signal }, { ttl: 1 }, { label: 7 }, { rubbish: 1 }]) {
    expect(() => locks.lockManager(options as object)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    )
  }
})

test('what its locks are shown as', async () => {
  const named = locks.lockManager({ label: 'nightly', ttl: '5s' })
  await named.request('labelled', async () => {
    const [holder] = (await locks.inspect('labelled')).holders
    expect(holder).toMatchObject({ label: 'nightly' })
    expect(holder!.remaining).toBeLessThanOrEqual(5000)
  })
})
