// The claim in SQL on a real PostgreSQL, where there is one, in transactions of two sessions of psql.
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fencedSql, type SqlRows } from '../../src/fencing/index.js'
import { guard } from '../../src/testing/guard.js'
import { refusal, until } from '../real/kit.js'

/** Where Debian and others keep the programs of a server, which are not in PATH. */
function find(): string | null {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).toSorted() : []
  const places = [...versions.map((one) => join(base, one, 'bin')), '/usr/local/bin', '/usr/bin']
  return places.find((place) => ['initdb', 'psql'].every((p) => existsSync(join(place, p)))) ?? null
}

/** PostgreSQL does not run as root; packages make a user for it. */
function user(): { uid?: number; gid?: number } | null {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((which) => {
    const said = spawnSync('id', [which, 'postgres'], { encoding: 'utf8' })
    return said.status === 0 ? Number(said.stdout) : null
  })
  return uid == null || gid == null ? null : { uid, gid }
}

const programs = find()
const as = user()
if (programs === null || as === null) {
  process.stderr.write('skipped: PostgreSQL: no server found (apt-get install postgresql)\n')
}

const { table, claim } = fencedSql('postgresql')

/** A session of psql: one statement after the other, the rows as JSON. */
class Session {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: Interface
  #errors = ''

  constructor(folder: string) {
    const args = ['-XAtq', '-h', folder, '-U', 'postgres', 'postgres']
    this.#child = spawn(join(programs!, 'psql'), args, { stdio: 'pipe' })
    this.#lines = createInterface({ input: this.#child.stdout })
    this.#child.stderr.on('data', (text: Buffer) => (this.#errors += text.toString()))
  }

  /** @throws what the server refused it with. */
  async run(sql: string): Promise<string[]> {
    const rows: string[] = []
    const done = new Promise<string>((resolve) => {
      const listen = (line: string): void => {
        if (!line.startsWith('done ')) return void rows.push(line)
        this.#lines.off('line', listen)
        resolve(line)
      }
      this.#lines.on('line', listen)
    })
    this.#child.stdin.write(`${sql};\n\\echo done :SQLSTATE\n`)
    const state = await done
    if (state === 'done 00000') return rows
    await until(() => expect(this.#errors).not.toBe(''))
    throw new Error(`${state}: ${this.#errors}`)
  }

  /** As a driver runs a statement with values: the types of the values are the server's to find. */
  readonly query = async (sql: string, [resource, fence]: [string, number]): Promise<SqlRows> => {
    await this.run(`PREPARE claim AS ${sql}`)
    try {
      const [token] = await this.run(`EXECUTE claim('${resource}', '${fence}')`)
      return [{ token }]
    } finally {
      // Refused where the transaction has failed already.
      await this.run('DEALLOCATE claim').catch(() => undefined)
    }
  }

  async begin(fence: number, level = 'READ COMMITTED'): Promise<void> {
    await this.run(`BEGIN ISOLATION LEVEL ${level}`)
    try {
      await claim(this.query, 'account:1', fence)
    } catch (error) {
      await this.run('ROLLBACK')
      throw error
    }
  }

  async read(): Promise<number> {
    return Number((await this.run('SELECT balance FROM accounts'))[0])
  }

  async write(balance: number): Promise<void> {
    await this.run(`UPDATE accounts SET balance = ${balance}`)
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
  }
}

describe.skipIf(programs === null || as === null)('PostgreSQL', () => {
  let folder: string
  let stop: () => Promise<void>
  let [a, b]: Session[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-pg-'))
    chmodSync(folder, 0o755)
    if (as!.uid !== undefined) chownSync(folder, as!.uid, as!.gid!)
    const data = join(folder, 'data')
    const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8']
    const made = spawnSync(join(programs!, 'initdb'), initdb, {
      ...as,
      cwd: folder,
      encoding: 'utf8',
    })
    if (made.status !== 0) throw new Error(made.stderr)
    const args = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off']
    const server = spawn(join(programs!, 'postgres'), args, { ...as, cwd: folder, stdio: 'ignore' })
    guard(server, folder)
    stop = async () => {
      const gone = once(server, 'exit')
      // Immediately: nothing is worth saving.
      server.kill('SIGQUIT')
      await gone
    }
    await until(() => {
      const args2 = ['-XAtq', '-h', folder, '-U', 'postgres', '-c', 'SELECT 1', 'postgres']
      expect(spawnSync(join(programs!, 'psql'), args2).status).toBe(0)
    }, 60_000)
    ;[a, b] = [new Session(folder), new Session(folder)]
    await a.run(table)
    await a.run(table)
    await a.run('CREATE TABLE accounts (balance INTEGER)')
  }, 90_000)
  afterAll(async () => {
    await a?.end()
    await b?.end()
    await stop?.()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(async () => {
    for (const session of [a!, b!]) await session.run('ROLLBACK')
    await a!.run('DELETE FROM fences')
    await a!.run('DELETE FROM accounts')
  })

  const fencedBy = (given: number, stands: number): object => ({
    code: 'ERR_FENCED',
    given,
    stands,
  })
  /** Until the server says that a session waits for another one's lock. */
  const waits = (session: Session): Promise<void> =>
    until(async () => {
      const sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
      expect(await session.run(sql)).toEqual(['1'])
    })

  test('a stale token is refused; the same one and a later one may come', async () => {
    const fence = 1_764_186_000_000_000
    for (const one of [fence, fence, fence + 1]) {
      await a!.begin(one)
      await a!.run('COMMIT')
    }
    expect(await refusal(a!.begin(fence))).toMatchObject(fencedBy(fence, fence + 1))
    expect(await a!.run('SELECT * FROM fences')).toEqual([`account:1|${fence + 1}`])
  })

  test('a zombie that is inside of its transaction is waited for, and its update seen', async () => {
    await a!.run('INSERT INTO accounts VALUES (100)')
    // Without a row of fences yet, and with one.
    for (const fence of [33, 35]) {
      await a!.begin(fence)
      const seen = await a!.read()
      const second = b!.begin(fence + 1)
      await waits(a!)
      await a!.write(seen + 50)
      await a!.run('COMMIT')
      await second
      await b!.write((await b!.read()) + 10)
      await b!.run('COMMIT')
    }
    expect(await a!.read()).toBe(220)
  })

  test('a zombie that comes after the claim waits for it, and is refused', async () => {
    await a!.run('INSERT INTO accounts VALUES (100)')
    const seen = await a!.read()
    await b!.begin(34)
    const late = refusal(a!.begin(33).then(() => a!.write(seen + 50)))
    await waits(b!)
    await b!.write((await b!.read()) + 10)
    await b!.run('COMMIT')
    expect(await late).toMatchObject(fencedBy(33, 34))
    expect(await a!.read()).toBe(110)
  })

  test('with a claim that is rolled back the one before stands', async () => {
    await b!.begin(34)
    const earlier = a!.begin(33)
    await waits(b!)
    await b!.run('ROLLBACK')
    await earlier
  })

  test('a zombie with a snapshot of before is refused by the database', async () => {
    await a!.begin(33)
    await a!.run('COMMIT')
    await a!.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await a!.run('SELECT 1 FROM fences')
    await b!.begin(34)
    await b!.run('COMMIT')
    // Whoever has its snapshot before the claim does not learn of the token, but gets no further.
    expect(String(await refusal(claim(a!.query, 'account:1', 33)))).toMatch(/40001/)
  })
})
