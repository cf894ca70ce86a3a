import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { findServer, startServer, type ServerEngine } from '../src/testing/index.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

const alive = (pid: number | null): boolean => {
  try {
    return pid !== null && process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A fresh connection that gives up at once, so that a dead server fails the test quickly. */
async function ask(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    await client.connect()
    return await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}

const engines: ServerEngine[] = ['redis', 'valkey']
const present = new Map(
  await Promise.all(engines.map(async (engine) => [engine, await findServer({ engine })] as const)),
)

describe('findServer', () => {
  test('takes REDIS_URL first, but not when an engine is asked for', async () => {
    vi.stubEnv('REDIS_URL', 'redis://example.invalid:1')
    expect(await findServer()).toEqual({ kind: 'url', url: 'redis://example.invalid:1' })
    expect(await findServer({ engine: 'redis' })).not.toMatchObject({ kind: 'url' })
  })

  test('believes the program and not its name, and skips one that does not run', async () => {
    const folders = [
      await mkdtemp(join(tmpdir(), 'holdfast-test-')),
      await mkdtemp(join(tmpdir(), 'holdfast-test-')),
    ] as const
    const programs = [join(folders[0], 'valkey-server'), join(folders[1], 'redis-server')] as const
    await writeFile(programs[0], '#!/bin/sh\nexit 1\n')
    await writeFile(programs[1], '#!/bin/sh\necho "Valkey server v=99.1.2 sha=0"\n')
    await Promise.all(programs.map((file) => chmod(file, 0o755)))
    vi.stubEnv('REDIS_URL', '')
    vi.stubEnv('PATH', folders.join(':'))
    // A valkey-server in a usual place comes before any redis-server.
    const elsewhere = present.get('valkey')
    const fake = { kind: 'binary', engine: 'valkey', path: programs[1], version: '99.1.2' }
    expect(await findServer()).toEqual(elsewhere ?? fake)
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
  })
})

describe.each(engines)('startServer %s', (engine) => {
  const here = test.skipIf(present.get(engine) === null)

  here('answers, is the engine asked for, and leaves nothing behind', async () => {
    const server = await startServer({ engine })
    const info = String(await ask(server.url, 'INFO', 'server'))
    expect(info).toContain(`process_id:${server.pid}\r\n`)
    expect(info).toContain(`${engine}_version:${server.version}\r\n`)
    const folder = String(((await ask(server.url, 'CONFIG', 'GET', 'dir')) as string[])[1])
    expect(await readdir(folder)).toEqual(['server.log'])
    const { pid } = server
    await server.stop()
    await server.stop()
    expect(alive(pid)).toBe(false)
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
  })

  here('restarts empty on the same port, after a kill too', async () => {
    await using server = await startServer({ engine })
    const first = server.pid
    await ask(server.url, 'SET', 'a', '1')
    await server.restart()
    expect(await ask(server.url, 'GET', 'a')).toBeNull()
    expect(server.pid).not.toBe(first)
    expect(alive(first)).toBe(false)
    await server.kill()
    await expect(ask(server.url, 'PING')).rejects.toThrow()
    await server.restart()
    expect(await ask(server.url, 'PING')).toBe('PONG')
  })

  here('a frozen server answers only after the thaw', async () => {
    await using server = await startServer({ engine })
    const client = new Redis(server.url)
    await client.ping()
    server.freeze()
    let answered = false
    const reply = client.ping().then((text) => {
      answered = true
      return text
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(answered).toBe(false)
    server.thaw()
    expect(await reply).toBe('PONG')
    client.disconnect()
  })

  here('a frozen server can be stopped', async () => {
    const server = await startServer({ engine })
    server.freeze()
    const { pid } = server
    await server.stop()
    expect(alive(pid)).toBe(false)
  })
})

describe('startServer', () => {
  const here = test.skipIf([...present.values()].every((found) => found === null))

  here('says so when the port asked for is taken, whoever answers on it', async () => {
    await using first = await startServer()
    await expect(startServer({ port: first.port })).rejects.toMatchObject({
      code: 'ERR_SERVER_START',
      message: `port ${first.port} is taken`,
    })
    expect(await ask(first.url, 'PING')).toBe('PONG')
  })

  here('passes arguments on, and tells what the server did not like about them', async () => {
    await using server = await startServer({ args: ['--maxmemory', '7mb', '--requirepass', 'x'] })
    const withPassword = `redis://:x@127.0.0.1:${server.port}`
    expect(await ask(withPassword, 'CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '7340032'])
    await expect(startServer({ args: ['--no-such-setting', '1'] })).rejects.toMatchObject({
      code: 'ERR_SERVER_START',
      message: expect.stringContaining('no-such-setting'),
    })
  })

  here('uses the server of a URL without owning it', async () => {
    await using owner = await startServer({ args: ['--requirepass', 'p w'] })
    const url = `redis://:p%20w@127.0.0.1:${owner.port}`
    const guest = await startServer({ url })
    expect(guest).toMatchObject({ port: owner.port, engine: owner.engine, url, pid: null })
    expect(guest.version).toBe(owner.version)
    expect(() => guest.freeze()).toThrow(expect.objectContaining({ code: 'ERR_NOT_OURS' }))
    await expect(guest.kill()).rejects.toMatchObject({ code: 'ERR_NOT_OURS' })
    await guest.stop()
    expect(await ask(url, 'PING')).toBe('PONG')
    await expect(startServer({ url: owner.url })).rejects.toMatchObject({
      code: 'ERR_SERVER_START',
      message: expect.stringContaining('NOAUTH'),
    })
  })

  test('a URL that does not answer as a server is refused', async () => {
    const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', () => resolve()))
    const { port } = web.address() as { port: number }
    await expect(startServer({ url: `redis://127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'ERR_SERVER_START',
    })
    web.close()
  })

  // The built module, because Node 20 cannot run TypeScript.
  describe.each([
    ['ends', '', 0],
    ['is killed', "process.kill(process.pid, 'SIGKILL')", null],
  ])('a program that never stops its server and %s', (_how, ending, exitCode) => {
    here('takes the server along', async () => {
      const entry = new URL('../dist/testing/index.js', import.meta.url).href
      const code = `import { writeSync } from 'node:fs'
        import { startServer } from '${entry}'
        const { url } = await startServer()
        writeSync(1, url)
        ${ending}`
      const child = spawn(process.execPath, ['--input-type=module', '-e', code])
      let url = ''
      child.stdout.on('data', (data) => (url += String(data)))
      expect(await new Promise((resolve) => child.on('close', resolve))).toBe(exitCode)
      expect(url).toMatch(/^redis:/)
      // Asked by its port: an orphan's pid may stay until the machine's first process reaps it.
      await vi.waitFor(() => expect(ask(url, 'PING')).rejects.toThrow(/closed|REFUSED/))
    })
  })
})
