// Several servers: a majority decides.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf } from './kit.js'

let servers: RunningServer[]
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  servers = await Promise.all([1, 2, 3].map(() => startServer()))
  env = { REDIS_URL: servers.map(({ url }) => url).join(', ') }
})
afterAll(() => Promise.all(servers.map((server) => server.stop())))

test('run holds a lock on several servers, of which one may be away', async () => {
  const early = await holdfast(['run', '-n', 'a', 'echo', 'ran'], env)
  expect(early.code).toBe(69)
  expect(reasonOf(early)).toMatchObject({ reason: 'no-quorum' })
  expect(reasonOf(early)['msg']).toMatch(/quarantine.*, run 'holdfast bootstrap'/)
  const doctor = await holdfast(['doctor', '--over', '0s'], env)
  expect(doctor.stdout).toMatch(/quarantine .*\n +→ .*only then, holdfast bootstrap\./)
  expect(early.stderr + doctor.stdout).not.toMatch(/bootstrap\(/)
  const long = await holdfast(['run', '-n', '--ttl', '2m', 'a', 'true'], env)
  expect(long.code).toBe(64)
  expect(reasonOf(long)['msg']).toMatch(
    /^--ttl: expected at most 59403 ms, .*: see --quarantine, but got 120000 ms$/,
  )
  const first = await holdfast(['bootstrap', '--json'], env)
  expect(JSON.parse(first.stdout)).toEqual({ ended: true })
  const again = await holdfast(['bootstrap'], env)
  expect(again).toMatchObject({ code: 0, stdout: 'there was no quarantine to end\n' })
  await servers[1]!.kill()
  const urls = servers.flatMap(({ url }) => ['--url', url])
  expect(await holdfast(['run', '-n', ...urls, 'a', 'echo', 'ran'])).toMatchObject({
    code: 0,
    stdout: 'ran\n',
    stderr: '',
  })
  await servers[2]!.kill()
  const alone = await holdfast(['run', '-n', 'a', 'echo', 'ran'], env)
  expect(alone.code).toBe(69)
  expect(reasonOf(alone)['msg']).toMatch(/a majority of 3 servers: .*ECONNREFUSED/)
})
