import { expect, test } from 'vitest'
import { Holdfast, type Lock } from '../../src/index.js'
import type { RunningServer } from '../../src/testing/index.js'
import { believes, IN_TIME, LONG, nodeTimeout, PATIENT, SHORT } from '../faults/stage.js'
import { TestCluster } from '../kit/cluster.js'
import { clusterKinds, sentinelKinds, type Connected } from '../kit/cluster-clients.js'
import { TestSentinel } from '../kit/sentinel.js'
import { within } from '../kit/within.js'
import { refusal, until } from '../real/kit.js'

// So that a restart is an absence and no loss.
const lasting = ['--appendonly', 'yes', '--appendfsync', 'always']
/** Longer than a fault lasts: nobody is to take its place. */
const NEVER = 60_000

const faults = [
  {
    fault: 'frozen',
    begin: (server: RunningServer) => server.freeze(),
    end: (server: RunningServer) => server.thaw(),
  },
  {
    fault: 'killed, and back with its data',
    begin: (server: RunningServer) => server.kill(),
    end: (server: RunningServer) => server.restart(),
  },
] as const
type Fault = (typeof faults)[number]

interface Kind {
  readonly name: string
  readonly open: () => Promise<Connected>
}

/** The servers on which a fault is played. */
interface Ground {
  /** The one that fails. */
  readonly server: RunningServer
  /** Puts a name on that one. */
  readonly tag: string
  readonly kinds: readonly Kind[]
  /** A client of another process. */
  readonly near: () => Connected['client']
  /** All keys but fences. */
  readonly left: () => Promise<string[]>
}

const UNAVAILABLE = { code: 'ERR_UNAVAILABLE' }

/** One client of a kind, with names of its own on the server that fails. */
class Player {
  readonly #kind: Kind
  readonly #near: Holdfast
  readonly #connected: Connected
  readonly #far: Holdfast
  readonly #name: (state: string) => string
  #held!: Lock
  #given!: Lock
  #short!: Lock
  #patient!: Promise<Lock>
  #rival!: Promise<{ won: Lock; two: boolean }>

  private constructor(kind: Kind, near: Holdfast, tag: string, connected: Connected) {
    this.#kind = kind
    this.#near = near
    this.#connected = connected
    this.#far = new Holdfast(connected.client, { nodeTimeout, checkEviction: false })
    this.#name = (state) => `${tag}${kind.name}:${state}`
  }

  static async enter(kind: Kind, near: Holdfast, tag: string): Promise<Player> {
    return new Player(kind, near, tag, await kind.open())
  }

  /** So that a failure says of which client it is. */
  async #says(play: () => Promise<void>): Promise<void> {
    try {
      await play()
    } catch (error) {
      throw new Error(`${this.#kind.name}: ${String(error)}`, { cause: error })
    }
  }

  before(): Promise<void> {
    return this.#says(async () => {
      const far = this.#far
      this.#held = await far.mutex(this.#name('held'), { ttl: LONG }).acquire()
      this.#given = await far.mutex(this.#name('given'), { ttl: LONG }).acquire()
      const short = this.#name('short')
      this.#short = await far.mutex(short, { ttl: SHORT }).acquire()
      this.#rival = this.#near
        .mutex(short)
        .acquire({ wait: PATIENT })
        .then((won) => ({ won, two: believes(this.#short) }))
      this.#rival.catch(() => {})
      await until(async () => expect((await far.inspect(short)).waiterCount).toBe(1))
      this.#short.assertHeld()
    })
  }

  during(): Promise<void> {
    return this.#says(async () => {
      const free = this.#far.mutex(this.#name('free'))
      const [once, said, result] = await Promise.all([
        refusal(within(free.acquire({ wait: 0 }), IN_TIME)),
        refusal(within(this.#held.verify(), IN_TIME)),
        within(this.#given.release(), IN_TIME),
      ])
      expect(once).toMatchObject({ ...UNAVAILABLE, lock: free.name })
      expect(said).toMatchObject({ ...UNAVAILABLE, lock: this.#held.name })
      expect(result).toEqual({ released: false, reason: 'unavailable' })
      this.#patient = free.acquire({ wait: PATIENT })
      this.#patient.catch(() => {})
      await until(() => expect(this.#short.signal.aborted).toBe(true))
      expect(this.#short.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
      this.#held.assertHeld()
    })
  }

  after(): Promise<void> {
    return this.#says(async () => {
      const { won, two } = await this.#rival
      expect(two).toBe(false)
      expect(won.fence).toBeGreaterThan(this.#short.fence)
      await won.release()
      const lock = await this.#patient
      await until(() => lock.verify(), PATIENT)
      expect(await this.#near.mutex(lock.name).tryAcquire()).toBeNull()
      expect(await lock.release()).toEqual({ released: true })
      await until(() => this.#held.verify(), PATIENT)
      this.#held.assertHeld()
      expect(await this.#near.mutex(this.#held.name).tryAcquire()).toBeNull()
      expect(await this.#held.release()).toEqual({ released: true })
      // Long before its lease is over.
      const next = await this.#near.mutex(this.#given.name).acquire({ wait: LONG / 2 })
      expect(next.fence).toBeGreaterThan(this.#given.fence)
      expect(await next.release()).toEqual({ released: true })
    })
  }

  /** Something to release in vain when it leaves. */
  again(): Promise<void> {
    return this.#says(async () => {
      await until(() => this.#far.mutex(this.#name('last')).acquire(), PATIENT)
    })
  }

  leave(): Promise<void> {
    return this.#says(() => within(this.#far.close(), IN_TIME))
  }

  end(): void {
    this.#connected.end()
  }
}

async function play(ground: Ground, fault: Fault): Promise<void> {
  const { server, kinds, tag } = ground
  const near = new Holdfast(ground.near(), { nodeTimeout: 5000, checkEviction: false })
  const players = await Promise.all(kinds.map((kind) => Player.enter(kind, near, tag)))
  const all = (work: (player: Player) => Promise<void>): Promise<unknown> =>
    Promise.all(players.map(work))
  try {
    await all((player) => player.before())
    await fault.begin(server)
    await all((player) => player.during())
    await fault.end(server)
    await all((player) => player.after())
    await until(async () => expect(await ground.left()).toEqual([]))
    await all((player) => player.again())
    await fault.begin(server)
    await all((player) => player.leave())
    await fault.end(server)
  } finally {
    for (const player of players) player.end()
    server.thaw()
    await near.close()
  }
}

test.concurrent.for(faults.map((fault) => [fault.fault, fault] as const))(
  'a primary of a cluster is %s: every client answers in time, loses in time, leaves no orphan',
  { timeout: 60_000 },
  async ([, fault]) => {
    await using cluster = await TestCluster.start({ nodeTimeout: NEVER, args: lasting })
    const [first] = cluster.nodes
    const tag = await (async () => {
      for (let i = 0; ; i++) if ((await cluster.ownerOf(`{${i}}`)) === first) return `{${i}}`
    })()
    await play(
      {
        server: first!.server,
        tag,
        kinds: clusterKinds.map((kind) => ({ ...kind, open: () => kind.open(cluster.seeds) })),
        near: () => cluster.client(),
        left: () => cluster.keys(),
      },
      fault,
    )
  },
)

test.concurrent.for(faults.map((fault) => [fault.fault, fault] as const))(
  'the primary of sentinels is %s: every client answers in time, loses in time, leaves no orphan',
  { timeout: 60_000 },
  async ([, fault]) => {
    const options = { replicas: 0, sentinels: 1, downAfter: NEVER, args: lasting }
    await using group = await TestSentinel.start(options)
    const server = group.servers[0]!
    await play(
      {
        server,
        tag: '',
        kinds: sentinelKinds.map((kind) => ({
          ...kind,
          open: () => kind.open(group.addresses, group.name),
        })),
        near: () => group.client(),
        left: async () => {
          const keys = await group.admin(server).keys('*')
          return keys.filter((key) => !key.includes(':hf:fence:'))
        },
      },
      fault,
    )
  },
)
