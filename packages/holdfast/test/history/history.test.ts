// Each invariant on histories of a few events: a good one passes, a bad one is told in a sentence.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { check, type Expectations } from './check.mjs'
import { readHistory, type Event } from './history.mjs'

let calls = 0

/** A call that gets the lock. Times: when it asks, when it has it, until when it believes. */
function got(
  client: string,
  token: number,
  [asks, from, until]: readonly [number, number, number],
  more: Partial<Event> = {},
): Event[] {
  const call = ++calls
  const owner = `${client}.${call}`
  const common = { client, call, name: 'a', mode: 'x' as const, owner, token, until }
  return [
    { mono: asks, kind: 'invoke', client, call, op: 'acquire', name: 'a' },
    { mono: from, kind: 'granted', ...common, ...more },
    { mono: from, kind: 'return', client, call, ok: true },
  ]
}

const ended = (events: readonly Event[], mono: number, how = 'released'): Event[] => {
  const { client, owner = '' } = events[1]!
  const told = how === 'lost' ? [{ mono, kind: 'told', client, owner }] : []
  return [{ mono, kind: 'ended', client, owner, how }, ...told]
}

const later: Event = { mono: 99_999, kind: 'healed', client: '' }

const judge = (
  events: readonly (Event | readonly Event[])[],
  expected?: Expectations,
): string[] => {
  const all = [...events.flat(), later].toSorted((a, b) => a.mono - b.mono)
  return check(all, expected).violations.map(({ invariant, text }) => `${invariant}: ${text}`)
}

describe('I1 exclusion', () => {
  test('one after the other', () => {
    const [a, b] = [got('a', 1, [0, 10, 1000]), got('b', 2, [0, 50, 1000])]
    expect(judge([a, ended(a, 50), b, ended(b, 900)])).toEqual([])
  })

  test('two at once', () => {
    const [a, b] = [got('a', 1, [0, 10, 1000]), got('b', 2, [0, 50, 1000])]
    const [wrong, ...rest] = judge([a, ended(a, 51), b, ended(b, 900)])
    expect(rest).toEqual([])
    expect(wrong).toMatch(/^I1 exclusion: at 50.0 ms b \(exclusively, token 2.*"a" while.*by a \(/)
  })

  test('the belief ends with the lease, also where nobody looks', () => {
    const [a, b] = [got('a', 1, [0, 10, 100]), got('b', 2, [0, 100, 900])]
    const stopped = { mono: 20, kind: 'stopped', client: 'a' }
    expect(judge([a, stopped, b, ended(b, 900)])).toEqual([])
  })

  test('a renewal makes it longer', () => {
    const [a, b] = [got('a', 1, [0, 10, 100]), got('b', 2, [0, 150, 900])]
    const held = { mono: 60, kind: 'held', client: 'a', owner: a[1]!.owner!, until: 160 }
    expect(judge([a, held, ended(a, 160, 'lost'), b, ended(b, 900)])[0]).toContain('I1 exclusion')
  })

  test('nobody believes for longer than the lease on the servers', () => {
    const a = got('a', 1, [0, 10, 100], { ends: 99.5 })
    const held = { mono: 60, kind: 'held', client: 'a', owner: a[1]!.owner!, until: 160, ends: 159 }
    expect(judge([a, held, ended(a, 120)])).toEqual([])
    const late = { ...held, ends: 150 }
    expect(judge([a, late, ended(a, 120)])[0]).toMatch(/I1 proof: at 60.0 ms "a" .*160.*150/)
    const none = { ...held, ends: -Infinity }
    expect(judge([a, none, ended(a, 120)])[0]).toContain('there was none')
  })

  test('readers beside readers, and no writer', () => {
    const shared = { mode: 's' as const }
    const a = got('a', 1, [0, 10, 1000], shared)
    const b = got('b', 2, [0, 20, 1000], shared)
    const c = got('c', 3, [0, 30, 1000])
    const ends = [a, b, c].map((one) => ended(one, 500))
    expect(judge([a, b, ...ends.slice(0, 2)])).toEqual([])
    expect(judge([a, b, c, ...ends])[0]).toMatch(/by a \(shared.* and b \(shared/)
  })

  test('permits up to the limit', () => {
    const permits = (weight: number) => ({ mode: 'p' as const, weight, limit: 3 })
    const a = got('a', 1, [0, 10, 1000], permits(2))
    const b = got('b', 2, [0, 20, 1000], permits(1))
    const c = got('c', 3, [0, 30, 1000], permits(1))
    const ends = [a, b, c].map((one) => ended(one, 500))
    expect(judge([a, b, ...ends.slice(0, 2)])).toEqual([])
    expect(judge([a, b, c, ...ends])[0]).toContain('c (with 1 of 3 permits')
  })

  test('not where it was forgotten, but for who comes after that', () => {
    const [a, b, c] = [
      got('a', 1, [0, 10, 1000]),
      got('b', 2, [60, 70, 1000]),
      got('c', 3, [80, 90, 1000]),
    ]
    const forgot = { mono: 50, kind: 'forgot', client: '', why: 'FLUSHALL' }
    const ends = [a, b, c].map((one) => ended(one, 500))
    expect(judge([a, forgot, b, ...ends.slice(0, 2)])).toEqual([])
    expect(judge([a, forgot, b, c, ...ends])).toHaveLength(1)
    expect(judge([a, b, ...ends.slice(0, 2)], { exclusion: false })).toEqual([])
  })
})

describe('I2 fencing', () => {
  test('who asks later has the larger token', () => {
    const [a, b] = [got('a', 7, [0, 10, 100]), got('b', 6, [20, 30, 200])]
    const ends = [ended(a, 15), ended(b, 40)]
    expect(judge([a, b, ...ends])[0]).toMatch(
      /I2 fencing: the token of "a" went back: a \(.*7.*b \(/,
    )
    expect(judge([a, b, ...ends], { exclusion: false })).toHaveLength(1)
    expect(judge([a, b, ...ends], { fencing: false })).toEqual([])
  })

  test('so has who waited, where exclusion is promised', () => {
    const [a, b] = [got('a', 7, [0, 10, 100]), got('b', 6, [5, 30, 200])]
    const ends = [ended(a, 15), ended(b, 40)]
    expect(judge([a, b, ...ends])).toHaveLength(1)
    expect(judge([a, b, ...ends], { exclusion: false })).toEqual([])
  })

  test('no two are alike, and each is exact', () => {
    const [a, b] = [got('a', 7, [0, 10, 100]), got('b', 7, [5, 30, 200])]
    const ends = [ended(a, 15), ended(b, 40)]
    expect(judge([a, b, ...ends])[0]).toContain('two tenures of "a" have one token')
    const c = got('c', 2 ** 53, [5, 30, 200])
    expect(judge([c, ended(c, 40)])[0]).toContain('no whole number')
  })
})

describe('I2 at the resource', () => {
  const write = (mono: number, token: number, accepted: boolean, owner = ''): Event => {
    return { mono, kind: 'write', client: `of ${token}`, name: 'a', token, accepted, owner }
  }

  test('accepted tokens never go back', () => {
    expect(judge([write(1, 5, true), write(2, 5, true), write(3, 6, true)])).toEqual([])
    expect(judge([write(1, 5, true), write(2, 4, false)])).toEqual([])
    expect(judge([write(1, 5, true), write(2, 4, true)])[0]).toContain('accepted token 4 of of 4')
  })

  test('a holder is not refused', () => {
    const a = got('a', 4, [0, 10, 100])
    const owner = a[1]!.owner!
    const ends = ended(a, 50)
    expect(judge([a, write(5, 5, true), write(60, 4, false, owner), ends])).toEqual([])
    expect(judge([a, write(5, 5, true), write(40, 4, false, owner), ends])[0]).toContain('refused')
    // Of two who hold, where clocks are further off than is allowed for.
    const both = [a, write(5, 5, true), write(40, 4, false, owner), ends]
    expect(judge(both, { exclusion: false })).toEqual([])
  })
})

describe('I3 loss', () => {
  const a = got('a', 1, [0, 10, 100])
  const told = (mono: number): Event => {
    return { mono, kind: 'told', client: 'a', owner: a[1]!.owner! }
  }

  test('told in time, late, never', () => {
    expect(judge([a, told(100)])).toEqual([])
    expect(judge([a, told(103)])[0]).toMatch(
      /I3 loss: .*told by 101.0 ms, and was told at 103.0 ms/,
    )
    expect(judge([a])[0]).toContain('was never told')
    expect(judge([a, told(103)], { slack: 5 })).toEqual([])
  })

  test('a process that was stopped is told when it goes on; one that has ended is not', () => {
    const stopped = { mono: 50, kind: 'stopped', client: 'a' }
    const resumed = { mono: 300, kind: 'resumed', client: 'a' }
    expect(judge([a, stopped, resumed, told(300)])).toEqual([])
    expect(judge([a, stopped, resumed, told(310)])).toHaveLength(1)
    const asleep = { ...stopped, asleep: true }
    expect(judge([a, asleep, resumed, told(350)])).toEqual([])
    expect(judge([a, asleep, resumed, told(355)])).toHaveLength(1)
    expect(judge([a, { mono: 50, kind: 'exit', client: 'a' }])).toEqual([])
  })

  test('lost is for good', () => {
    const held = (mono: number): Event => ({ ...told(mono), kind: 'held', until: mono + 100 })
    expect(judge([a, ended(a, 60, 'lost'), held(70)])[0]).toContain('held again at 70.0 ms')
    expect(judge([a, told(100), held(110)])[0]).toContain('held again at 110.0 ms')
  })

  test('a sleep that nobody can notice does not count, a longer one does', () => {
    const held: Event = { ...told(110), kind: 'held', until: 110 }
    const asleep = (ms: number): Event[] => [
      { mono: 50, kind: 'stopped', client: 'a', asleep: true },
      { mono: 50 + ms, kind: 'resumed', client: 'a' },
    ]
    expect(judge([a, asleep(15), held, told(110)])).toEqual([])
    expect(judge([a, asleep(25), held, told(110)]).join()).toContain('held again at 110.0 ms')
  })
})

describe('I4 calls', () => {
  const invoke = (more: Partial<Event> = {}): Event => {
    return { mono: 0, kind: 'invoke', client: 'a', call: 1, op: 'acquire', name: 'a', ...more }
  }
  const back = (mono: number, error?: string): Event => {
    const ok = error === undefined
    return { mono, kind: 'return', client: 'a', call: 1, ok, ...(ok ? {} : { error }) }
  }

  test('by its limit, with a code', () => {
    const limited = invoke({ limit: 50 })
    expect(judge([limited, back(50, 'ERR_TIMEOUT')])).toEqual([])
    expect(judge([limited, back(52, 'ERR_TIMEOUT')])[0]).toContain('settled at 52.0 ms')
    expect(judge([limited])[0]).toContain('never settled')
    expect(judge([invoke({ limit: 40, grace: 10 }), back(50)])).toEqual([])
    expect(judge([limited, back(40, 'TypeError: x')])[0]).toContain(
      'no error of ours: TypeError: x',
    )
  })

  test('it must succeed when all is well', () => {
    expect(judge([invoke({ must: true }), back(9)])).toEqual([])
    expect(judge([invoke({ must: true }), back(9, 'ERR_TIMEOUT')])[0]).toContain('all was well')
    expect(judge([invoke({ must: true })])[0]).toContain('liveness')
  })
})

describe('I5 and I6, where nothing goes wrong', () => {
  test('who stands in line comes first', () => {
    const [a, b] = [got('a', 2, [0, 50, 100]), got('b', 1, [20, 30, 100])]
    const queued = (mono: number): Event => ({ ...a[0]!, mono, kind: 'queued' })
    const ends = [ended(a, 60), ended(b, 40)]
    expect(judge([a, b, queued(25), ...ends], { calm: true })).toEqual([])
    expect(judge([a, b, queued(10), ...ends], { calm: true })[0]).toMatch(/I5 order: "a" went to b/)
    expect(judge([a, b, queued(10), ...ends])).toEqual([])
  })

  test('who waits does not ask again and again', () => {
    const asked = (asks: number): Event[] => {
      const [invoke, granted, returned] = got('a', 1, [0, 1000, 2000])
      return [
        invoke!,
        granted!,
        { ...returned!, asks, lease: 500 },
        ...ended([invoke!, granted!], 1500),
      ]
    }
    expect(judge(asked(8), { calm: true })).toEqual([])
    expect(judge(asked(9), { calm: true })[0]).toContain('asked 9 times')
  })
})

test('I7: an owner id is used once', () => {
  const a = got('a', 1, [0, 10, 100])
  const b = got('b', 2, [20, 30, 100], { owner: a[1]!.owner! })
  const ends = [ended(a, 15), ended(b, 40)]
  expect(judge([a, b, ...ends])[0]).toContain('one owner id had "a" twice')
})

test('I7: or passed on in its process, with a larger token each time, by who had it', () => {
  const a = got('a', 1, [0, 10, 100])
  const { owner = '' } = a[1]!
  const next = (token: number, client = 'a', mode: 'x' | 's' = 'x'): Event[] =>
    got(client, token, [20, 30, 100], { owner, mode })
  const end: Event = { mono: 60, kind: 'ended', client: 'a', owner, how: 'released' }
  expect(judge([a, ended(a, 15), next(2), end])).toEqual([])
  const twice = 'one owner id had "a" twice'
  expect(judge([a, ended(a, 15), next(1), end]).join()).toContain(twice)
  expect(judge([a, ended(a, 15, 'lost'), next(2), end]).join()).toContain(twice)
  expect(judge([a, ended(a, 15), next(2, 'b'), end]).join()).toContain(twice)
})

test('what is handed on in its process after it was forgotten elsewhere is as unprotected as it was before', () => {
  const a = got('a', 1, [0, 10, 100])
  const b = got('b', 9, [20, 30, 100])
  const forgot = { mono: 20, to: 25, kind: 'forgot', client: 'b', name: 'a', why: 'force now' }
  const heir = got('a', 2, [40, 40, 100], { owner: a[1]!.owner! })
  const all = [a, ended(a, 35), b, heir, ended(heir, 50), ended(b, 60)]
  expect(judge([...all, forgot])).toEqual([])
  expect(judge(all).join()).toMatch(/I1 exclusion.*I2 fencing/)
  // Another one that comes after it is not.
  const late = got('c', 3, [40, 40, 100])
  expect(judge([a, ended(a, 35), b, late, ended(late, 50), ended(b, 60), forgot]).join()).toMatch(
    /I2/,
  )
})

test("I8: a token is not ahead of the server's time", () => {
  const a = got('a', 1000, [0, 10, 100], { now: 999 })
  expect(judge([a, ended(a, 50)])[0]).toContain('1 microseconds ahead')
  expect(judge([a, ended(a, 50)], { ahead: 1 })).toEqual([])
})

test('I9: nothing is left', () => {
  expect(judge([{ mono: 5, kind: 'left', client: 'a', what: 'a timer' }])).toEqual([
    'I9 leaks: a was left with a timer at 5.0 ms',
  ])
})

test('it counts, so that nothing is not taken for good', () => {
  const a = got('a', 1, [0, 10, 100])
  const queued: Event = { ...a[0]!, mono: 5, kind: 'queued' }
  const events = [a[0]!, queued, a[1]!, a[2]!, ...ended(a, 60, 'lost')]
  const { counts } = check(events)
  expect(counts).toEqual({ calls: 1, tenures: 1, names: 1, contended: 1, lost: 1 })
})

test('files of several processes become one history; a line that was cut off is left out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'history-'))
  try {
    const line = (mono: number): string => JSON.stringify({ mono, kind: 'healed', client: '' })
    writeFileSync(join(folder, 'a'), `${line(2)}\n${line(4)}\n{"mono":5,"ki`)
    writeFileSync(join(folder, 'b'), `${line(3)}\n${line(1)}`)
    const events = readHistory([join(folder, 'a'), join(folder, 'b')])
    expect(events.map(({ mono }) => mono)).toEqual([1, 2, 3, 4])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
