import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { engines, until, World } from './kit.js'
import { assertBuilt } from './process.js'

const script = fileURLToPath(new URL('sigterm.mjs', import.meta.url))

/** A process that holds `held` and waits for `taken`, and what it says. */
class Child {
  readonly said: string[] = []
  readonly exit: Promise<(number | string | null)[]>
  readonly #child: ChildProcess

  private constructor(url: string, what: string) {
    this.#child = spawn(process.execPath, [script, url, what], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.exit = once(this.#child, 'close') as Promise<(number | string | null)[]>
    let text = ''
    this.#child.stdout!.on('data', (data: Buffer) => {
      text += data.toString()
      this.said.splice(0, this.said.length, ...text.trim().split('\n'))
    })
  }

  static async start(url: string, what: string): Promise<Child> {
    assertBuilt()
    const child = new Child(url, what)
    await until(() => expect(child.said).toContain('ready'))
    child.said.length = 0
    return child
  }

  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  async kill(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL')
    await this.exit
  }
}

describe.each(engines)('SIGTERM, on %s', (engine) => {
  let world: World
  let taken: Lock
  let child: Child
  beforeAll(async () => {
    world = await World.start(engine)
  })
  beforeEach(async () => {
    taken = await world.locks().mutex('taken').acquire()
  })
  afterEach(async () => {
    await child.kill()
    await world.clean()
  })
  afterAll(() => world.stop())

  async function tell(what: string): Promise<void> {
    child = await Child.start(world.server.url, what)
    child.terminate()
  }
  const says = (): string[] => child.said.filter((line) => line !== 'ready').toSorted()

  test('close and quit: held locks are released, waits cancelled, the process ends', async () => {
    await tell('closes')
    expect(await child.exit).toEqual([0, null])
    expect(says()).toEqual(['ended held: ERR_LOST', 'ended taken: ERR_CLOSED', 'lost closed'])
    expect(await world.keys()).toEqual(['lock:taken'])
    expect((await world.locks().inspect('taken')).waiterCount).toBe(0)
    taken.assertHeld()
  })

  test('what runs may finish first, under its lock', async () => {
    await tell('finishes')
    expect(await child.exit).toEqual([0, null])
    expect(says()).toEqual(['ended taken: 20', 'finished held'])
    expect(await world.admin.llen('written')).toBe(1)
    await world.admin.del('written')
    expect(await world.keys()).toEqual(['lock:taken'])
  })

  test('no handler: the lock ends with its lease, and the dead waiter is skipped', async () => {
    const after = world.locks()
    await tell('nothing')
    expect(await child.exit).toEqual([null, 'SIGTERM'])
    expect(await world.admin.exists('lock:held')).toBe(1)
    const behind = after.mutex('taken').acquire()
    await until(async () => expect((await after.inspect('taken')).waiterCount).toBe(2))
    const held = await after.mutex('held', { wait: 10_000 }).acquire()
    expect(held.fence).toBeGreaterThan(0)
    const handover = await world.during(async () => {
      await taken.release()
      await behind
    })
    expect(handover.publish).toBe(1)
    await (await behind).release()
    await held.release()
    await until(async () => expect(await world.keys()).toEqual([]))
  })

  test('the client alone is ended: nothing is released, and the process stays', async () => {
    await tell('quits')
    await until(() => expect(child.said).toContain('lost expired'))
    await until(async () => expect(await world.admin.exists('lock:held')).toBe(0))
    // Its own connection, for messages, is still open.
    expect(child.running).toBe(true)
  })
})
