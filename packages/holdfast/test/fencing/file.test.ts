// A file that refuses a stale token; processes that race for it, and are stopped and killed.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fencedFile } from '../../src/fencing/index.js'
import { refusal } from '../real/kit.js'
import { assertBuilt } from '../real/process.js'

const program = fileURLToPath(new URL('file-process.mjs', import.meta.url))
const refused = (given: number, stands: number): object => ({ code: 'ERR_FENCED', given, stands })

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-file-'))
  path = join(folder, 'report')
})
afterEach(() => rm(folder, { recursive: true }))

/** Everything below the folder: what a method left behind shows here. */
const all = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).map(String).toSorted()

test('a stale token is refused by every method, and changes nothing', async () => {
  const file = fencedFile(path)
  await file.write('new', 34)
  for (const late of [() => file.claim(33), () => file.read(33), () => file.write('old', 33)]) {
    expect(await refusal(late())).toMatchObject(refused(33, 34))
  }
  expect(await file.read(34)).toBe('new')
  expect(await all()).toEqual(['report', 'report/34', 'report/34/data'])
})

test('the same token may come again, and a later one takes over', async () => {
  const file = fencedFile(path)
  expect(await file.read(33)).toBe(null)
  await file.write('a', 33)
  await file.write('ünï ✓', 33)
  expect(await fencedFile(path).read(34)).toBe('ünï ✓')
  expect(await refusal(file.write('c', 33))).toMatchObject(refused(33, 34))
})

test('tokens are compared as numbers', async () => {
  const file = fencedFile(path)
  await file.write('a', 9)
  await file.write('b', 10)
  const most = Number.MAX_SAFE_INTEGER
  await file.write('c', most)
  expect(await refusal(file.read(most - 1))).toMatchObject(refused(most - 1, most))
})

test('reading claims: the update of a zombie that read before is not lost, it is refused', async () => {
  const [a, b] = [fencedFile(path), fencedFile(path)]
  await a.write('100', 32)
  const [zombie, holder] = [await a.read(33), await b.read(34)]
  expect(await refusal(a.write(`${Number(zombie) + 50}`, 33))).toMatchObject(refused(33, 34))
  await b.write(`${Number(holder) + 10}`, 34)
  expect(await readFile(join(path, '34/data'), 'utf8')).toBe('110')
})

test('calls of one token at one time', async () => {
  const file = fencedFile(path)
  await Promise.all(Array.from({ length: 20 }, (_, i) => file.write(String(i), 33)))
  expect(Number(await file.read(33))).toBeLessThan(20)
  expect(await all()).toEqual(['report', 'report/33', 'report/33/data'])
})

test('the draft of a process that was killed goes with its token', async () => {
  const file = fencedFile(path)
  await file.write('a', 33)
  await writeFile(join(path, '33/33-left.draft'), 'half')
  await file.claim(34)
  expect(await all()).toEqual(['report', 'report/34', 'report/34/data'])
})

test('the drafts of its own token are left to their writers', async () => {
  const file = fencedFile(path)
  await file.write('a', 33)
  await writeFile(join(path, '33/33-under-way.draft'), 'half')
  await file.write('b', 33)
  expect(await readdir(join(path, '33'))).toEqual(['33-under-way.draft', 'data'])
})

test('where a copy left two tokens the later one stands', async () => {
  await mkdir(join(path, '34'), { recursive: true })
  await mkdir(join(path, '35'))
  expect(await refusal(fencedFile(path).claim(34))).toMatchObject(refused(34, 35))
})

test('a claim that ended half-way is made good by the next call of its token', async () => {
  const file = fencedFile(path)
  await file.write('a', 33)
  // Renamed, and not swept: the draft of a write under 33 that is about to be renamed.
  await writeFile(join(path, '33/33-late.draft'), 'late')
  await rename(join(path, '33'), join(path, '34'))
  expect(await file.read(34)).toBe('a')
  expect(await readdir(join(path, '34'))).toEqual(['data'])
})

test.runIf(process.platform === 'linux')(
  'a rename that is past its look at the path when the file is claimed',
  async () => {
    const file = fencedFile(path)
    await file.write('100', 33)
    await writeFile(join(path, '33/33-late.draft'), 'late')
    // As the kernel has it in the midst of a rename: the folder itself, whatever its name is by then.
    const inside = await open(join(path, '33'))
    const through = `/proc/self/fd/${inside.fd}`
    try {
      expect(await file.read(34)).toBe('100')
      const late = refusal(rename(`${through}/33-late.draft`, `${through}/data`))
      expect(await late).toMatchObject({ code: 'ENOENT' })
      expect(await file.read(34)).toBe('100')
    } finally {
      await inside.close()
    }
  },
)

test.each([-1, 1.5, 2 ** 53, '33', undefined])(
  'a token that is %s touches nothing',
  async (fence) => {
    const file = fencedFile(path)
    for (const call of [
      () => file.claim(fence as number),
      () => file.read(fence as number),
      () => file.write('a', fence as number),
    ]) {
      expect(await refusal(call())).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', given: fence })
    }
    expect(await refusal(file.write(7 as never, 1))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
    expect(await all()).toEqual([])
  },
)

test('paths that are something else', async () => {
  expect(() => fencedFile('')).toThrow(/path/)
  await writeFile(path, 'a file')
  expect(await refusal(fencedFile(path).write('a', 1))).toMatchObject({ code: 'ERR_CONFIG' })
  await mkdir(join(folder, 'theirs/photos'), { recursive: true })
  const theirs = fencedFile(join(folder, 'theirs'))
  expect(await refusal(theirs.write('a', 1))).toMatchObject({ code: 'ERR_CONFIG' })
  const nowhere = fencedFile(join(folder, 'no/such/folder'))
  expect(await refusal(nowhere.write('a', 1))).toMatchObject({ code: 'ENOENT' })
  expect(await all()).toEqual(['report', 'theirs', 'theirs/photos'])
  expect(await readFile(path, 'utf8')).toBe('a file')
})

test('an empty folder may be there', async () => {
  await mkdir(path)
  await fencedFile(path).write('a', 1)
  expect(await fencedFile(path).read(1)).toBe('a')
})

test('three processes without any lock: no write that was not refused is lost', async () => {
  assertBuilt()
  const sums = await Promise.all(
    [1, 2, 3].map(async (first) => {
      const args = [program, path, 'add', String(first), '3', '100']
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (text: Buffer) => (said += text.toString()))
      const [code] = (await once(child, 'close')) as [number]
      expect(code).toBe(0)
      return Number(said)
    }),
  )
  const written = sums.reduce((sum, one) => sum + one)
  expect(written).toBeGreaterThan(0)
  expect(Number(await fencedFile(path).read(Number.MAX_SAFE_INTEGER))).toBe(written)
  // One that was refused because the others ran on has been in the races too.
  expect(written).toBeLessThan(300)
  expect(await readdir(folder)).toEqual(['report'])
}, 60_000)

test('a process that is stopped at any moment holds nobody up, and writes nothing late', async () => {
  assertBuilt()
  const file = fencedFile(path)
  const child = fork(program, [path, 'write'], { execArgv: [] })
  const said = async (): Promise<unknown> => ((await once(child, 'message')) as [unknown])[0]
  try {
    for (let theirs = 1; theirs < 30; theirs += 2) {
      child.send(theirs)
      expect(await said()).toBe('writing')
      await sleep(Math.random() * 3)
      child.kill('SIGSTOP')
      const mine = theirs + 1
      expect(await file.read(mine)).toBe(`zombie ${theirs}`)
      await file.write('mine', mine)
      const answer = said()
      child.kill('SIGCONT')
      expect(await answer).toBe('ERR_FENCED')
      expect(await file.read(mine)).toBe('mine')
    }
    child.send(1001)
    await said()
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  // Killed wherever it was.
  await file.write('after', 1002)
  expect(await all()).toEqual(['report', 'report/1002', 'report/1002/data'])
}, 60_000)
