import { HoldfastError, type Holdfast, type Lock } from '../../src/index.js'
import { until } from './kit.js'

/** The steps of `everything` when all goes well. */
export const fine = {
  ping: 'ok',
  acquire: 'ok',
  verify: 'ok',
  inspect: 'ok',
  list: 'ok',
  release: 'ok',
  handed: 'ok',
  force: 'ok',
  observe: 'ok',
}

/** What came of the steps: `ok`, the code of an error, or the reason of a release. */
export interface Course {
  readonly steps: Readonly<Record<string, string>>
  readonly errors: readonly HoldfastError[]
}

/** Everything that is done with locks, by two clients; `admin` looks how far it is. */
export async function everything(a: Holdfast, b: Holdfast, admin: Holdfast): Promise<Course> {
  const steps: Record<string, string> = {}
  const errors: HoldfastError[] = []
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      const result = await work()
      steps[name] = typeof result === 'string' ? result : 'ok'
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      steps[name] = error.code
      errors.push(error)
    }
  }
  const taken: Lock[] = []
  await step('ping', () => a.ping())
  await step('acquire', async () => {
    taken.push(await a.mutex('a', { ttl: 1500 }).acquire({ wait: 3000 }))
  })
  const [first] = taken
  if (first) {
    await step('verify', () => first.verify())
    let over = false
    const waiting = b
      .mutex('a', { ttl: 1500, wait: 6000 })
      .acquire()
      .finally(() => (over = true))
    waiting.catch(() => {})
    await until(async () => {
      if (!over && (await admin.inspect('a')).waiterCount !== 1) throw new Error('not in line')
    })
    await step('inspect', () => a.inspect('a'))
    await step('list', async () => {
      for await (const { name } of a.list('a*')) return name === 'a' ? 'ok' : name
      return 'nothing'
    })
    await step('release', async () => (await first.release()).reason)
    await step('handed', async () => {
      const next = await waiting
      taken.push(next)
      if (next.fence <= first.fence) throw new Error(`${next.fence} after ${first.fence}`)
    })
  }
  const second = taken[1]
  if (second) {
    await step('force', () => a.forceRelease('a'))
    if (steps['force'] === 'ok') await until(() => second.signal.aborted || Promise.reject())
    await second.release()
  }
  // Where a mutex cannot be had, nothing is elected either.
  if (first) {
    await step('observe', async () => {
      const election = a.election('b', { ttl: 1500 })
      // Elected first: without the right to publish nobody is told, but the first look sees it.
      await election.campaign({ wait: 3000 })
      for await (const leader of election.observe()) return leader ? 'ok' : 'nobody'
      return 'nothing'
    })
  }
  await Promise.all([a.close(), b.close()])
  return { steps, errors }
}
