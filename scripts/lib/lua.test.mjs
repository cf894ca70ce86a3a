import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { bundleLua } from './lua.mjs'

const bundle = (files) => bundleLua(new Map(Object.entries(files)))

test('puts each part in once, in the place of its line', () => {
  const scripts = bundle({
    'take-it': '--@include _a\n--@include _b\nreturn a()',
    _a: '--@include _b\nlocal function a() return b() end',
    _b: 'local function b() return 1 end',
  })
  const lua = [
    'local function b() return 1 end',
    'local function a() return b() end',
    'return a()',
  ].join('\n')
  const sha1 = createHash('sha1').update(lua).digest('hex')
  const parts = lua.split('\n')
  expect(scripts).toEqual([{ key: 'takeIt', name: 'take-it', sha1, lua, parts }])
})

test('leaves out the functions that nothing uses, whatever has their name', () => {
  const [script] = bundle({
    a: '--@include _a\nlocal t = { gone = n.gone }\nif used() then\n  return t\nend\nreturn 1',
    _a: [
      'local X = 1',
      'local function deep()',
      '  if X then',
      '    return X',
      '  end',
      'end',
      'local function used()',
      '  return deep()',
      'end',
      'local function gone()',
      '  return used()',
      'end',
    ].join('\n'),
  })
  expect(script.parts).toEqual([
    'local X = 1',
    'local function deep()\nif X then\nreturn X\nend\nend',
    'local function used()\nreturn deep()\nend',
    'local t = { gone = n.gone }\nif used() then\nreturn t\nend\nreturn 1',
  ])
})

test('drops comments and indentation, but nothing that may be text', () => {
  const [script] = bundle({
    a: [
      '-- why',
      '  local x = 1 -- the first',
      '',
      "  local y = 'a -- b'",
      "  local z = 2 -- it's",
      'local s = [[ -- c ]]',
      'return x-- -1',
    ].join('\r\n'),
  })
  expect(script.lua).toBe(
    [
      'local x = 1',
      "local y = 'a -- b'",
      "local z = 2 -- it's",
      'local s = [[ -- c ]]',
      'return x-- -1',
    ].join('\n'),
  )
})

test('is ordered by name, whatever the order of the files', () => {
  expect(bundle({ b: 'return 1', _p: '', a: 'return 2' }).map(({ name }) => name)).toEqual([
    'a',
    'b',
  ])
})

test('refuses a missing part, a loop, a script as a part and block comments', () => {
  expect(() => bundle({ a: '--@include _gone' })).toThrow('a.lua includes _gone')
  expect(() => bundle({ a: '--@include _b', _b: '--@include _c', _c: '--@include _b' })).toThrow(
    'include loop: a -> _b -> _c -> _b',
  )
  expect(() => bundle({ a: '--@include b', b: '' })).toThrow('parts begin with _')
  expect(() => bundle({ a: '--[[ why ]]\nreturn 1' })).toThrow('write comments as lines of --')
})
