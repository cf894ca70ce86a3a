import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { recognise } from '../../src/clients/recognise.js'
import type { Port, Script } from '../../src/index.js'
import { scripts as first } from './scripts-0.1.0.gen.js'

/** What another release sends: its scripts, and what its requests look like. */
interface Release {
  readonly script?: (script: Script) => string
  readonly keys?: (keys: readonly string[]) => readonly string[]
  readonly args?: (args: readonly string[], script: Script) => readonly string[]
}

/** A port through which another release speaks. */
export function speaking(client: Redis, release: Release): Port {
  const { script = ({ lua }) => lua, keys = (all) => all, args = (all) => all } = release
  const port = recognise(client)
  const run: Port['run'] = (own, its, given) => {
    // A comment makes another SHA-1 even where nothing has changed since.
    const lua = `-- another release\n${script(own)}`
    const sha1 = createHash('sha1').update(lua).digest('hex')
    return port.run({ ...own, lua, sha1 }, keys(its), args(given, own))
  }
  return Object.create(port, { run: { value: run } }) as Port
}

/** Lua that stands before a script and sees each of its commands. */
const before = (seen: string): string => `
local real = redis
local function through(how)
  return function(command, key, ...)
    if not key then return how(command) end
    local args = { ... }
    ${seen}
    return how(command, key, unpack(args))
  end
end
local redis = setmetatable({ call = through(real.call), pcall = through(real.pcall) }, { __index = real })
`

/** The first release, as it was. */
export const old: Release = {
  script: ({ name, lua }) => (first as Record<string, Script>)[name]?.lua ?? lua,
}

/**
 * A later release of the same version, with everything that it may do: longer messages, kinds of
 * messages and fields of `meta` that nobody knows yet, records with a longer tail.
 */
export const later: Release = {
  script: ({ lua }) =>
    before(`
    if command == 'PUBLISH' then
      local owner = string.match(args[1], '^%S+ %S+ (%S+)')
      real.call('PUBLISH', key, '1 news ' .. owner .. ' 1 2 3')
      real.call('PUBLISH', key, '2 grant ' .. owner .. ' 1 1 1 x')
      args[1] = args[1] .. ' and more'
    elseif command == 'HSET' then
      for i = 2, #args, 2 do args[i] = string.gsub(args[i], '%]$', ',{"later":1}]') end
      args[#args + 1] = 'news'
      args[#args + 1] = 'of a later release'
    end`) + lua,
}

/**
 * Another version, by the rules for one: K is a string with an owner id of another form, the fence
 * is as it was, and everything else is its own.
 */
export const nextVersion: Release = {
  script: ({ lua }) =>
    before(`
    local isK = key == KEYS[1]
    if isK and command == 'SET' then args[1] = 'v2-' .. args[1] end
    if isK and command == 'GET' then
      local value = how(command, key)
      if not value then return value end
      return string.match(value, '^v2%-(.*)$') or 'not of version 2: ' .. value
    end`) + lua,
  keys: (all) => all.map((key) => key.replace(/:hf:(line|shared|meta):/, ':hf2:$1:')),
}

/** A client that speaks another version to the scripts of this one. */
export const asking = (version: string): Release => ({
  args: ([, ...rest]) => [version, ...rest],
})
