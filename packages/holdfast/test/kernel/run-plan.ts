import { packed } from '../../src/kernel/protocol.js'
import type { Pair } from './pair.js'
import { clients, names, owners } from './plan.js'
import type { AcquireItem, Step } from './steps.js'

const plain = '1'

/** Gives a plan's numbers their names and ids, and carries it out. */
export class Run {
  readonly #pair: Pair
  readonly #id: string
  readonly #run: string
  readonly #tickets = new Map<string, string>()
  readonly #started = Date.now() * 1000
  readonly #ballots = new Map<string, string>()
  /** Of each name, the highest ballot that a reply told. */
  readonly #seen = new Map<number, number>()
  /** Of each owner, what it would be taken up again with. */
  readonly #records = new Map<string, string>()
  #version = plain
  #crowds = 0
  #votes = 0

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
    await this.#pair.compareState([...all, this.#marker])
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
        await this.#call('release', step.items, args)
        return
      }
      case 'renew': {
        const args = step.items.flatMap(({ owner, ttl, notAfter }) => [
          this.#owner(owner),
          String(ttl),
          ...this.#notAfter(notAfter),
        ])
        await this.#call('renew', step.items, args)
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
        await this.#call('turn', step.items, args)
        return
      }
      case 'force': {
        const args = step.items.flatMap(({ how, meant, by }) => [how, meant, by])
        await this.#call('force', step.items, args)
        return
      }
      case 'inspect':
      case 'announce':
        await pair.call(
          step.kind,
          step.names.flatMap((name) => this.#keys(name)),
          [plain],
        )
        return
      case 'edge': {
        const args = step.items.flatMap(({ owner, edges }) => [this.#owner(owner), edges])
        await this.#call('edge', step.items, args)
        return
      }
      case 'waits': {
        const args = step.items.map(({ owner }) => this.#owner(owner))
        await this.#call('waits', step.items, args)
        return
      }
      case 'resize': {
        const fields = [step.limit, ...this.#notAfter(step.notAfter)]
        await this.#call('resize', [step], fields)
        return
      }
      case 'q_acquire': {
        const asked = step.items.map((item) => ({ item, owner: this.#owner(item.owner) }))
        const args = asked.flatMap(({ item, owner }) => [
          ...this.#acquireArgs(item, owner, this.#ballot(item.name, owner, item.ballot)),
          item.slots,
        ])
        const replies = await this.#call('q_acquire', step.items, args)
        for (const [i, { item, owner }] of asked.entries()) {
          this.#voted(item, owner, replies[3 + i])
        }
        return
      }
      case 'q_release': {
        const args = step.items.flatMap(({ name, owner, least, ballot, failed, stands }) => {
          const id = this.#owner(owner)
          const t = ballot === 'none' ? '' : this.#ballot(name, id, ballot)
          const ticket = stands ? (this.#tickets.get(`${name} ${id}`) ?? String(this.#started)) : ''
          return [id, least, t, failed ? '1' : '', ticket]
        })
        await this.#call('q_release', step.items, args)
        return
      }
      case 'q_renew': {
        const args = step.items.flatMap(({ name, owner, ttl, notAfter, record }) => {
          const id = this.#owner(owner)
          const own = this.#records.get(`${name} ${id}`) ?? 'x 1 60 50 - 12 0 0 info'
          const text =
            record === 'own'
              ? own
              : record === 'none'
                ? ''
                : record === 'text'
                  ? 'some text'
                  : own.replace(/ \d+ (\d+ \d .*)$/s, ' 77 $1')
          return [
            id,
            String(ttl),
            ...this.#notAfter(notAfter),
            text,
            own.startsWith('p') ? '3' : '',
          ]
        })
        await this.#call('q_renew', step.items, args)
        return
      }
      case 'q_turn': {
        const args = step.items.flatMap(
          ({ name, owner, heir, mode, ttl, notAfter, info, ballot }) => [
            this.#owner(owner),
            this.#owner(heir),
            mode,
            String(ttl),
            ...this.#notAfter(notAfter),
            info,
            this.#ballot(name, this.#owner(heir), ballot),
          ],
        )
        await this.#call('q_turn', step.items, args)
        return
      }
      case 'guard':
        this.#version =
          step.quarantine === null ? plain : `${plain} ${step.epoch} ${step.quarantine}`
        return
      case 'bootstrap': {
        const text = this.#version === plain ? `${plain} 0 100` : this.#version
        await pair.call('bootstrap', [this.#marker], [text, step.set])
        return
      }
      case 'marker': {
        if (step.how === 'delete') return pair.del(this.#marker)
        if (step.how === 'text') return pair.set(this.#marker, 'text', null)
        const [, epoch = '0', quarantine = '100'] = this.#version.split(' ')
        const run = step.how === 'sound' ? this.#run : 'another-run'
        const text = `0 0 ${run} ${epoch} ${quarantine}`
        return pair.set(this.#marker, text, null)
      }
      case 'version':
        await pair.call('hello', [], ['2'])
        await pair.call('hello', [], [plain])
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
      case 'surgery':
        return this.#surgery(step)
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
    const args = asked.flatMap(({ item, owner }) => this.#acquireArgs(item, owner, ''))
    const replies = await this.#call(script, items, args)
    for (const [i, { item, owner }] of asked.entries()) {
      const reply = replies[3 + i]
      if (Array.isArray(reply) && reply[0] === 'queued') {
        this.#tickets.set(`${item.name} ${owner}`, String(reply[2]))
      }
    }
  }

  #acquireArgs(item: AcquireItem, owner: string, ballot: string): string[] {
    const ticket = this.#ticket(item, owner)
    return [
      owner,
      item.mode,
      // Of an exclusive request: how many tokens.
      item.mode === 's' ? '1' : String(item.weight),
      String(item.ttl),
      String(item.claim),
      item.wait ? '1' : '0',
      ballot === '' || ticket !== '' ? ticket : item.wait ? String(this.#started + 5) : '',
      ...this.#notAfter(item.notAfter),
      ballot,
      item.info,
      item.mode === 'p' ? String(item.limit) : item.limit === 5 ? 'linger' : '',
    ]
  }

  #ballot(name: number, owner: string, which: string): string {
    const place = `${name} ${owner}`
    const now = Date.now() * 1000 + ++this.#votes
    const ballot =
      which === 'same'
        ? (this.#ballots.get(place) ?? String(now))
        : which === 'next'
          ? String((this.#seen.get(name) ?? now) + 1)
          : which === 'low'
            ? '12'
            : which === 'text'
              ? 'a lot'
              : String(which === 'ahead' ? now + 120_000_000 : now)
    if (which !== 'text') this.#ballots.set(place, ballot)
    return ballot
  }

  /** What a vote tells for later steps. */
  #voted({ name, mode, weight, claim }: AcquireItem, owner: string, reply: unknown): void {
    if (!Array.isArray(reply)) return
    const [status, second] = reply.map(String)
    const b = Number(reply.at(-1))
    if (status === 'queued') this.#tickets.set(`${name} ${owner}`, String(second ? reply[2] : ''))
    if (status === 'stale' || status === 'taken' || status === 'queued') this.#seen.set(name, b)
    if (status !== 'granted') return
    this.#seen.set(name, Number(second))
    const sub = mode === 'p' ? `0/${reply[4]}` : '-'
    const text = `${mode} ${mode === 'p' ? weight : 1} 250 ${claim} ${sub} ${second} 0 0 again`
    this.#records.set(`${name} ${owner}`, text)
  }

  /** By the version that counts now. */
  #call(
    script: Parameters<Pair['call']>[0],
    items: readonly { readonly name: number }[],
    args: readonly string[],
  ): ReturnType<Pair['call']> {
    const marker = this.#version === plain ? [] : [this.#marker]
    const fields = args.length / items.length
    const given = packed(items.map((_, i) => args.slice(i * fields, (i + 1) * fields)))
    return this.#pair.call(script, [...this.#keysOf(items), ...marker], [this.#version, ...given])
  }

  get #marker(): string {
    return `lock:${this.#id}:node`
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

  async #surgery({ name, owner, how }: Step & { kind: 'surgery' }): Promise<void> {
    const id = this.#owner(owner)
    const [k, , line, shared, meta] = this.#keys(name) as [string, string, string, string, string]
    const pair = this.#pair
    try {
      if (how === 'hdel') return await pair.hdel(meta, id)
      if (how === 'n') return await pair.hdel(meta, 'n')
      if (how === 'withheld') return await pair.hdel(meta, 'withheld')
      if (how === 'zrem') return await pair.zrem(line, id)
      if (how === 'unshare') return await pair.zrem(shared, id)
      if (how === 'unshare1') return await pair.zrem(shared, `${id}#1`)
      if (how === 'k') return await pair.set(k, id, Date.now() + 60_000)
      const fence = pair.memory.space.peek(this.#key(name, 1))
      if (typeof fence === 'string' && / - /.test(fence))
        return await pair.set(
          this.#key(name, 1),
          fence.replace(' - ', ` ${id} `),
          Date.now() + 60_000,
        )
    } catch (error) {
      if (!String(error).includes('WRONGTYPE')) throw error
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
