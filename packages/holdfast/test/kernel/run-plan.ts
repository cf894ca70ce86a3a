import type { Pair } from './pair.js'
import { clients, names, owners, type AcquireItem, type Step } from './plan.js'

const version = '1'

/** Gives a plan's numbers their names and ids, and carries it out. */
export class Run {
  readonly #pair: Pair
  readonly #id: string
  readonly #run: string
  readonly #tickets = new Map<string, string>()
  readonly #started = Date.now() * 1000
  #crowds = 0

  constructor(pair: Pair, id: string, run: string) {
    this.#pair = pair
    this.#id = id
    this.#run = run
  }

  async play(steps: readonly Step[]): Promise<void> {
    // Most clients listen: else nearly all waiters would be left to their claims.
    for (let client = 0; client < clients; client++) {
      if (client !== 1) await this.#pair.subscribe(this.#channel(client))
    }
    for (let name = 0; name < names; name++) {
      await this.#pair.subscribe(`lock:election:${this.#key(name, 0)}`)
    }
    for (const step of steps) await this.#step(step)
    const all = Array.from({ length: names }, (_, name) => this.#keys(name)).flat()
    await this.#pair.compareState(all)
    await this.#pair.close()
  }

  async #step(step: Step): Promise<void> {
    const pair = this.#pair
    switch (step.kind) {
      case 'acquire':
      case 'all':
        return this.#acquire(step.items, (item) => this.#owner(item.owner), step.kind)
      case 'crowd': {
        const first = 1000 * ++this.#crowds
        const items = Array.from({ length: step.size }, () => step.like)
        const channel = this.#channel(clients)
        if (step.dies) await pair.subscribe(channel)
        await this.#acquire(items, (_item, i) => `${this.#client(clients)}.${first + i}`)
        return step.dies ? pair.unsubscribe(channel) : undefined
      }
      case 'release': {
        const args = step.items.flatMap(({ owner, least }) => [this.#owner(owner), least])
        await pair.call('release', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'renew': {
        const args = step.items.flatMap(({ owner, ttl, notAfter }) => [
          this.#owner(owner),
          String(ttl),
          ...this.#notAfter(notAfter),
        ])
        await pair.call('renew', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'turn': {
        const args = step.items.flatMap(({ owner, heir, mode, ttl, notAfter, info }) => [
          this.#owner(owner),
          this.#owner(heir),
          mode,
          String(ttl),
          ...this.#notAfter(notAfter),
          info,
        ])
        await pair.call('turn', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'force': {
        const args = step.items.flatMap(({ how, meant, by }) => [how, meant, by])
        await pair.call('force', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'inspect':
      case 'announce':
        await pair.call(
          step.kind,
          step.names.flatMap((name) => this.#keys(name)),
          [version],
        )
        return
      case 'edge': {
        const args = step.items.flatMap(({ owner, edges }) => [this.#owner(owner), edges])
        await pair.call('edge', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'waits': {
        const args = step.items.map(({ owner }) => this.#owner(owner))
        await pair.call('waits', this.#keysOf(step.items), [version, ...args])
        return
      }
      case 'resize': {
        const fields = [step.limit, ...this.#notAfter(step.notAfter)]
        await pair.call('resize', this.#keys(step.name), [version, ...fields])
        return
      }
      case 'version':
        await pair.call('hello', [], ['2'])
        await pair.call('hello', [], [version])
        return
      case 'subscribe':
        return pair.subscribe(this.#channel(step.client))
      case 'unsubscribe':
        return pair.unsubscribe(this.#channel(step.client))
      case 'foreign':
        return pair.set(
          this.#key(step.name, 0),
          'somebody else',
          step.px === null ? null : Date.now() + step.px,
        )
      case 'spoil':
        return this.#spoil(step)
      case 'sleep':
        return new Promise((resolve) => setTimeout(resolve, step.ms))
    }
  }

  async #acquire(
    items: readonly AcquireItem[],
    ownerOf: (item: AcquireItem, i: number) => string,
    script: 'acquire' | 'all' = 'acquire',
  ): Promise<void> {
    const asked = items.map((item, i) => ({ item, owner: ownerOf(item, i) }))
    const args = asked.flatMap(({ item, owner }) => [
      owner,
      item.mode,
      item.mode === 'p' ? String(item.weight) : '1',
      String(item.ttl),
      String(item.claim),
      item.wait ? '1' : '0',
      this.#ticket(item, owner),
      ...this.#notAfter(item.notAfter),
      '',
      item.info,
      item.mode === 'p' ? String(item.limit) : '',
    ])
    const replies = await this.#pair.call(script, this.#keysOf(items), [version, ...args])
    for (const [i, { item, owner }] of asked.entries()) {
      const reply = replies[3 + i]
      if (Array.isArray(reply) && reply[0] === 'queued') {
        this.#tickets.set(`${item.name} ${owner}`, String(reply[2]))
      }
    }
  }

  async #spoil({ name, key, how }: Step & { kind: 'spoil' }): Promise<void> {
    const pair = this.#pair
    const at = this.#key(name, key)
    switch (how) {
      case 'delete':
        return pair.del(at)
      case 'wrong type':
        return key === 4 ? pair.zset(at) : pair.hash(at)
      case 'other wrong type':
        return key === 2 || key === 3 ? pair.hash(at) : pair.zset(at)
      case 'text':
        return pair.set(at, key === 1 ? '12 apples' : 'text', null)
      case 'number':
        return pair.set(at, '7', null)
      case 'large':
        return pair.set(at, '4000000000000000', Date.now() + 5000)
    }
  }

  #ticket({ name, ticket }: AcquireItem, owner: string): string {
    if (ticket === 'none') return ''
    if (ticket === 'first') return '1'
    if (ticket === 'early') return String(this.#started + Number(owner.split('.')[1]))
    return this.#tickets.get(`${name} ${owner}`) ?? ''
  }

  #notAfter(when: AcquireItem['notAfter']): [string, string] {
    const now = Date.now()
    if (when === 'none') return ['', '']
    if (when === 'past') return [String(now - 1000), this.#run]
    return [String(now + 10_000), when === 'future' ? this.#run : 'another-run']
  }

  #client(client: number): string {
    return `${this.#id}${client.toString(16)}`
  }

  #channel(client: number): string {
    return `lock:client:${this.#client(client)}`
  }

  #owner(owner: number): string {
    return `${this.#client(owner % clients)}.${1 + (owner % owners)}`
  }

  #key(name: number, key: number): string {
    return String(this.#keys(name)[key])
  }

  #keys(name: number): readonly string[] {
    const k = `lock:${this.#id}:${name}`
    return [k, ...['fence', 'line', 'shared', 'meta'].map((part) => `{${k}}:hf:${part}:${k}`)]
  }

  #keysOf(items: readonly { readonly name: number }[]): readonly string[] {
    return items.flatMap(({ name }) => this.#keys(name))
  }
}
