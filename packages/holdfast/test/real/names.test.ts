import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, World } from './kit.js'

const names: [what: string, name: string][] = [
  ['a hash tag', 'user:{42}:cart'],
  ['an empty hash tag', 'a{}b'],
  ['an open brace', 'a{b'],
  ['a closing brace', 'a}b'],
  ['braces the wrong way round', '}a{'],
  ['nested braces', '{{a}}'],
  ['two tags', '{a}{b}'],
  ['only braces', '{}'],
  ['a tag that is empty before a second one', '{}{a}'],
  ['a tag with a NUL', '{\0}'],
  ['what a side key looks like', '{a}:hf:line:a'],
  ['spaces', '  a b  '],
  ['newlines', 'a\nb\r\nc'],
  ['a tab and a NUL', '\t\0a\0'],
  ['only a NUL', '\0'],
  ['glob characters', 'a*?[b]\\^-'],
  ['Lua pattern characters', '%a+(.-)$%%'],
  ['quotes', `"'\`\\"`],
  ['an emoji', '🔒👩‍👩‍👧'],
  ['right to left', 'קובץ ملف \u202e'],
  ['composed and not', 'é'],
  ['its other form', 'e\u0301'],
  ['a byte order mark', '\ufeffa'],
  ['a replacement character', '\ufffd'],
  ['numbers', '0'],
  ['a property of every object', '__proto__'],
  ['another', 'constructor'],
  ['1 KiB', 'x'.repeat(1024)],
  ['1 KiB of emoji', '🔒'.repeat(256)],
]

describe.each(engines)('any characters in a name, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  describe.each(['lock:', '', 'a{', '}'])('with the prefix %j', (prefix) => {
    const usable = names.filter(([, name]) => !/^\{[^}]*\}:hf:/.test(prefix + name))

    test('each is taken, excludes itself, is seen, waited for and released', async () => {
      const [a, b] = [world.locks({ prefix }), world.locks({ prefix })]
      for (const [what, name] of usable) {
        const lock = await a.mutex(name).acquire()
        const other = await b.mutex(name).tryAcquire()
        const { holders } = await b.inspect(name)
        const waiting = b.mutex(name).acquire()
        while ((await a.inspect(name)).waiterCount === 0);
        const released = [await lock.release()]
        const next = await waiting
        released.push(await next.release())
        const [holder] = holders
        const seen = { what, other, owner: holder?.owner, fence: holder?.fence, released }
        const both = [{ released: true }, { released: true }]
        const { owner, fence } = lock
        expect(seen).toEqual({ what, other: null, owner, fence, released: both })
        expect([lock.name, next.fence > fence]).toEqual([name, true])
        expect(await world.keys()).toEqual([])
      }
    })

    test('all at once: no name is another, and the list has each once', async () => {
      const locks = world.locks({ prefix, nodeTimeout: 2000 })
      const held = await Promise.all(usable.map(([, name]) => locks.mutex(name).tryAcquire()))
      expect(held).not.toContain(null)
      const listed = new Map<string, string | null>()
      for await (const { name, holders } of locks.list()) {
        expect(listed.has(name)).toBe(false)
        listed.set(name, holders[0]!.owner)
      }
      expect(listed).toEqual(new Map(held.map((lock) => [lock!.name, lock!.owner])))
      await Promise.all(held.map((lock) => lock!.release()))
      expect(await world.keys()).toEqual([])
    })
  })
})
