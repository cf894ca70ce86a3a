// A short run of `npm run faults`, and one that must not hold. Each starts servers and processes of its
// own, and ends them whatever happens.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './lib/paths.mjs'

/** @returns {Promise<{ code: number, said: string }>} */
async function faults(...args) {
  const child = spawn(process.execPath, [join(root, 'scripts/faults.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const [code] = await once(child, 'close')
  process.off('exit', end)
  return { code, said }
}

test('one server: all kinds of fault, and nothing breaks that must not', async () => {
  const { code, said } = await faults('--minutes', '0.2', '--servers', '1', '--seed', '1')
  expect(said).toMatch(/ 0 violations$/m)
  expect([code, said]).toEqual([0, said])
}, 240_000)

test('a quorum of three: every server in turn is killed and comes back with nothing', async () => {
  const only = ['--servers', '3', '--only', 'rolling']
  const { code, said } = await faults('--minutes', '0.15', ...only, '--seed', '1')
  expect(said).toMatch(/ 0 violations$/m)
  expect([code, said]).toEqual([0, said])
}, 240_000)

test('behind sentinels: a primary that was frozen, and believes in itself when it comes back', async () => {
  const only = ['--servers', 'sentinel', '--only', 'primary frozen']
  const { code, said } = await faults('--minutes', '0.1', ...only, '--seed', '1')
  expect(said).toMatch(/ 0 violations$/m)
  expect([code, said]).toEqual([0, said])
}, 240_000)

test('a cluster: slots that move break nothing, nor do replicas that take over', async () => {
  const { code, said } = await faults('--minutes', '0.15', '--servers', 'cluster', '--seed', '1')
  expect(said).toMatch(/ 0 violations$/m)
  expect([code, said]).toEqual([0, said])
}, 240_000)

test('somebody deletes locks that are held: that is found', async () => {
  const { code, said } = await faults('--minutes', '0.08', '--sabotage', '--seed', '1')
  expect(said).toContain('wrong: I1 exclusion')
  expect([code, said]).toEqual([1, said])
  rmSync(/The history: (\S+)/.exec(said)[1], { recursive: true })
}, 120_000)
