import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { startServer, type RunningServer, type ServerEngine } from '../../src/testing/index.js'
import { FaultProxy } from '../kit/proxy.js'
import { until } from '../real/kit.js'

const admin = ({ url }: RunningServer): Redis => {
  const client = new Redis(url, { retryStrategy: () => 50 })
  client.on('error', () => {})
  return client
}

/** A primary and one replica, whose link can be cut. */
export class Replicated implements AsyncDisposable {
  readonly primary: RunningServer
  readonly replica: RunningServer
  readonly admins: { readonly primary: Redis; readonly replica: Redis }
  readonly #link: FaultProxy

  private constructor(primary: RunningServer, replica: RunningServer, link: FaultProxy) {
    this.primary = primary
    this.replica = replica
    this.admins = { primary: admin(primary), replica: admin(replica) }
    this.#link = link
  }

  static async start(engine?: ServerEngine | 'any'): Promise<Replicated> {
    const options = engine === 'any' ? {} : { engine }
    // Without data nothing is to be synchronised in haste.
    const args = ['--repl-diskless-sync-delay', '0']
    const primary = await startServer({ ...options, args })
    const link = await FaultProxy.start(primary)
    const of = ['--replicaof', `127.0.0.1 ${link.port}`]
    const replica = await startServer({ ...options, args: [...args, ...of] })
    const all = new Replicated(primary, replica, link)
    await all.linked()
    return all
  }

  /** What is written from now on reaches the replica. */
  async linked(): Promise<void> {
    const { primary } = this.admins
    await until(async () => {
      await primary.set('linked', '1', 'PX', 60_000)
      expect(await primary.wait(1, 100)).toBe(1)
    }, 20_000)
    await primary.del('linked')
    expect(await primary.wait(1, 5000)).toBe(1)
  }

  /** Nothing goes to the replica any more, nor comes from it, and nobody is told. */
  cut(): void {
    this.#link.freeze()
  }

  /** Ends a cut. What was written meanwhile arrives. */
  async mend(): Promise<void> {
    this.#link.resume()
    await this.linked()
  }

  /** The primary is gone, with all that the replica has not got; the replica takes its place. */
  async failover(): Promise<void> {
    await this.primary.kill()
    this.#link.cut()
    await this.admins.replica.replicaof('NO', 'ONE')
  }

  async keys(): Promise<string[]> {
    const keys = await this.admins.primary.keys('*')
    return keys.filter((key) => !key.includes(':hf:fence:')).toSorted()
  }

  async clean(): Promise<void> {
    this.#link.resume()
    await this.admins.primary.flushall()
    await this.linked()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admins.primary.disconnect()
    this.admins.replica.disconnect()
    await this.replica.stop()
    await this.#link.close()
    await this.primary.stop()
  }
}
