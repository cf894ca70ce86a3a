import { expect, test } from 'vitest'
import { openRegister, Register } from './register.mjs'

test('the fenced one refuses a token that is not the newest, the plain one takes and counts it', async () => {
  const noted = []
  const register = await Register.start({ write: (event) => noted.push(event) })
  const { ask, close } = await openRegister(register.port)
  try {
    const as = (token, fenced) => (op, value) =>
      ask({ op, name: 'a', fenced, client: 'p', owner: `p.${token}`, token, value })
    for (const fenced of [true, false]) {
      const [old, next] = [as(1, fenced), as(2, fenced)]
      expect(await old('claim')).toEqual({ accepted: true, value: 0 })
      expect(await old('read')).toEqual({ accepted: true, value: 0 })
      expect(await next('claim')).toEqual({ accepted: true, value: 0 })
      expect(await next('write', 1)).toEqual({ accepted: true, value: 1 })
      // It was paused meanwhile, and writes what it had read.
      expect(await old('write', 1)).toEqual({ accepted: !fenced, value: 1 })
    }
    expect([register.sum('fenced', 'late'), register.sum('fenced', 'missed')]).toEqual([1, 0])
    expect([register.sum('plain', 'late'), register.sum('plain', 'missed')]).toEqual([1, 1])
    // What the checker judges are the fenced ones, in their order.
    const judged = noted.filter(({ kind }) => kind === 'write')
    expect(judged.map(({ token, accepted }) => [token, accepted])).toEqual([
      [1, true],
      [2, true],
      [2, true],
      [1, false],
    ])
  } finally {
    close()
    register.close()
  }
})
