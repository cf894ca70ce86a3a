// The scripts of the first release. Until there is one, this follows src/kernel/scripts.gen.ts where that changes what is kept or published.
import type { Script } from '../../src/clients/port.js'

const shared = `local VERSION = '1'
local MARKER = 'hf:shared'
local FORCED, CLAIMED = '1', '2'
local FENCE_MS = 600000
local ASK_SPACING_MS = 500
local LINE_TAIL_MS = 10000
local STEPS = 64
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local us_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_text = string.sub(us_text, 1, -4)
local now = tonumber(now_text)
local server = redis.pcall('INFO', 'server')
local run = ''
if type(server) == 'string' then
local _, at = string.find(server, 'run_id:', 1, true)
if at then run = string.sub(server, at + 1, at + 16) end
end
local pushes = {}
local function int(n)
return string.format('%.0f', n)
end
local function client(owner)
return string.match(owner, '^[^.]*')
end
local function channel(owner)
return 'lock:client:' .. client(owner)
end
local function push(kind, owner, text)
pushes[#pushes + 1] = { channel(owner), '1 ' .. kind .. ' ' .. owner .. ' ' .. text }
end
local function ours(value)
local client, sequence = string.match(value, '^(%x+)%.(%d+)$')
return client and #client == 32 and sequence
end
local function load(at)
local k, fence, line, shared, meta = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4]
local value = redis.call('GET', k)
local last = redis.call('GET', fence)
local waiting = redis.call('ZCARD', line)
local members = redis.call('ZCARD', shared)
local records = redis.call('HLEN', meta)
local noted = records > 0 and redis.call('HMGET', meta, 'x', 'l')
local number = tonumber(last or '0')
if not number then
error({ err = 'WRONGTYPE the fence key does not hold a number: ' .. fence })
end
return { k = k, fence = fence, line = line, shared = shared, meta = meta, value = value, last = number,
waiting = waiting, members = members, expiry = false, holder = false, lapsed = false,
top = noted and noted[1], silent = noted and noted[2],
records = records,
sharing = members > 0 and redis.call('ZCOUNT', shared, now, '+inf') or 0 }
end
local function parse(body)
local mode, weight, ttl, claim, sub, token, since, state, info =
string.match(body or '', '^(%a) (%d+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d) (.*)$')
if not mode then return nil end
return { mode = mode, weight = weight, ttl = ttl, claim = claim, sub = sub,
token = token, since = since, state = state, info = info }
end
local function top(n)
return string.match(n.top or '', '^(%S+) (.*)$')
end
local function record(n, owner)
local who, body = top(n)
if who == owner then return parse(body) end
return n.records > 0 and parse(redis.call('HGET', n.meta, owner)) or nil
end
local function write(n, owner, r)
local body = r.mode .. ' ' .. r.weight .. ' ' .. r.ttl .. ' ' .. r.claim .. ' ' .. r.sub .. ' ' .. r.token .. ' '
.. r.since .. ' ' .. r.state .. ' ' .. r.info
if r.mode == 'x' and r.token ~= '0' then
n.top = owner .. ' ' .. body
n.holder = r
redis.call('HSET', n.meta, 'x', n.top)
else
redis.call('HSET', n.meta, owner, body)
end
n.records = n.records + 1
end
local function forget(n, owner)
if n.records > 0 then redis.call('HDEL', n.meta, owner) end
end
local function purge(n)
if n.members > n.sharing then
local dead = redis.call('ZRANGEBYSCORE', n.shared, '-inf', '(' .. int(now), 'LIMIT', 0, STEPS)
redis.call('ZREM', n.shared, unpack(dead))
redis.call('HDEL', n.meta, unpack(dead))
n.members = n.members - #dead
end
end
local function shadow(n)
if n.value and n.value ~= MARKER then return end
local last = redis.call('ZREVRANGE', n.shared, 0, 0, 'WITHSCORES')
if last[1] and tonumber(last[2]) >= now then
n.value = MARKER
n.expiry = tonumber(last[2])
redis.call('SET', n.k, MARKER, 'PXAT', n.expiry)
elseif n.value then
n.value = false
redis.call('DEL', n.k)
end
end
local function ends_at(key)
local ends = redis.pcall('PEXPIRETIME', key)
if type(ends) == 'number' then return math.max(ends, -1) end
local left = redis.call('PTTL', key)
return left >= 0 and now + left or -1
end
local function expiry(n)
if not n.expiry and n.value then n.expiry = ends_at(n.k) end
return n.value and n.expiry or nil
end
local function fits(n, mode)
if n.value and n.value ~= MARKER then return false end
return mode == 's' or n.sharing == 0
end
local function held(n, owner)
if n.value == owner then return expiry(n) end
if n.sharing == 0 or (n.value and n.value ~= MARKER) then return nil end
local score = tonumber(redis.call('ZSCORE', n.shared, owner) or '-1')
return score >= now and score or nil
end
local function hold(n, owner, mode, ends)
if mode == 's' then
redis.call('ZADD', n.shared, ends, owner)
shadow(n)
elseif n.value == owner then
n.expiry = ends
redis.call('PEXPIREAT', n.k, ends)
else
n.value = owner
n.expiry = ends
redis.call('SET', n.k, owner, 'PXAT', ends)
end
end
local function prolong(n, owner, mine, ends)
if mine >= ends then return mine end
hold(n, owner, n.value == owner and 'x' or 's', ends)
return ends
end
local function mint(n, ttl)
n.last = math.max(us, n.last + 1)
local token = n.last == us and us_text or int(n.last)
redis.call('SET', n.fence, token, 'PXAT', now + math.max(FENCE_MS, ttl))
return token
end
local function enter(n, owner, r, ends, state)
hold(n, owner, r.mode, ends)
if r.mode == 's' then
n.sharing = n.sharing + 1
n.members = n.members + 1
elseif n.waiting == 0 and n.records > 0 then
redis.call('DEL', n.meta)
n.records = 0
else
forget(n, owner)
if n.lapsed then redis.call('HSET', n.meta, 'l', n.lapsed) end
end
r.token = mint(n, r.ttl)
r.since = now_text
r.state = state or '0'
write(n, owner, r)
return { 'granted', r.token, int(ends) }
end
local function subscribers(owner)
local count = redis.pcall('PUBSUB', 'NUMSUB', channel(owner))
return type(count) == 'table' and not count.err and tonumber(count[2]) or -1
end
local function confirm(n, owner, r)
if r and r.state == CLAIMED then
r.state = '0'
write(n, owner, r)
end
end
local function silent(n, caller)
local who, body = top(n)
if who and n.value ~= who then
local r = parse(body)
if r and r.state == CLAIMED then n.lapsed = who end
end
local owner = n.lapsed or n.silent
local suspect = owner and client(owner)
if caller and suspect == client(caller) then
n.lapsed = false
return nil
end
return suspect
end
local function other(n, of)
for _, owner in ipairs(redis.call('ZRANGE', n.line, 0, STEPS - 1)) do
if client(owner) ~= of then return owner end
end
end
local function advance(n, caller, moved)
local granted, head, r, pushed
local suspect = n.waiting > 0 and silent(n, caller)
for step = 1, STEPS + 1 do
if n.waiting == 0 then break end
head = redis.call('ZRANGE', n.line, 0, 0)[1]
r = record(n, head)
if r and not fits(n, r.mode) then break end
if step > STEPS then break end
redis.call('ZREM', n.line, head)
n.waiting = n.waiting - 1
moved = true
if not r then
forget(n, head)
elseif head == caller then
granted = enter(n, head, r, now + r.ttl)
elseif run ~= '' and r.sub == run and subscribers(head) == 0 then
forget(n, head)
elseif client(head) == suspect then
forget(n, head)
else
local ends = now + math.min(r.claim, r.ttl)
local grant = enter(n, head, r, ends, CLAIMED)
pushed = client(head)
push('grant', head, grant[2] .. ' ' .. us_text .. ' ' .. grant[3] .. ' ' .. run)
end
end
if moved and n.waiting > 0 and head ~= caller then
local free = fits(n, r and r.mode) and now_text or int(expiry(n) or now)
if client(head) == pushed then head = other(n, pushed) or head end
push('first', head, us_text .. ' ' .. free .. ' ' .. run)
end
return granted
end
local function settle(n)
if not n.value and n.sharing > 0 then shadow(n) end
local life = math.max(expiry(n) or now, now)
if n.waiting > 0 then
life = math.max(life + n.waiting * ASK_SPACING_MS + LINE_TAIL_MS, ends_at(n.line))
redis.call('PEXPIREAT', n.line, life)
end
if n.waiting == 0 and not n.value and n.sharing == 0 then
if n.records > 0 or n.members > 0 then redis.call('DEL', n.meta, n.shared) end
return
end
if n.records > 0 then redis.call('PEXPIREAT', n.meta, life) end
if n.members > 0 then redis.call('PEXPIREAT', n.shared, life) end
end
local function holder(n)
if n.value and n.value ~= MARKER then
if not ours(n.value) then return 'f', '', int(expiry(n)), '' end
local r = n.holder or record(n, n.value)
return 'x', n.value, int(expiry(n)), r and r.info or ''
end
if n.sharing > 0 then
local last = redis.call('ZREVRANGE', n.shared, 0, 0, 'WITHSCORES')
local r = record(n, last[1])
return 's', last[1], last[2], r and r.info or ''
end
return '-', '', '-1', ''
end
local function late(not_after, of_run)
return not_after ~= '' and (of_run ~= run or now > tonumber(not_after))
end
local TYPES = { 'string', 'string', 'zset', 'zset', 'hash' }
local function mismatch(at)
for i, expected in ipairs(TYPES) do
local key = KEYS[at + i - 1]
local found = redis.pcall('TYPE', key).ok
if found and found ~= 'none' and found ~= expected then
return 'WRONGTYPE the key ' .. key .. ' is a ' .. found .. ' and not a ' .. expected
end
end
end
local function each(fields, item)
if ARGV[1] ~= VERSION then
return { us_text, run, '', { 'error', 'protocol version ' .. ARGV[1] .. ' is not ' .. VERSION } }
end
local out = { us_text, run, '' }
for i = 1, #KEYS / 5 do
local ok, reply = pcall(function()
local base = 1 + (i - 1) * fields
return item(load(5 * i - 4), function(j) return ARGV[base + j] end)
end)
if not ok then
local text = type(reply) == 'table' and reply.err or tostring(reply)
reply = { 'error', string.find(text, 'WRONGTYPE', 1, true) and mismatch(5 * i - 4) or text }
end
out[#out + 1] = reply
end
for _, p in ipairs(pushes) do
local sent = redis.pcall('PUBLISH', p[1], p[2])
if type(sent) == 'table' and sent.err then out[3] = sent.err end
end
return out
end
`

export const scripts: Readonly<Record<'acquire' | 'force' | 'hello' | 'inspect' | 'list' | 'release' | 'renew', Script>> = {
  acquire: {
    name: 'acquire',
    sha1: 'a52e25579479dfa9af353477a18f989686ed5e60',
    lua: shared + `return each(11, function(n, field)
local owner, mode = field(1), field(2)
if late(field(8), field(9)) then return { 'late' } end
if (mode ~= 'x' and mode ~= 's') or field(3) ~= '1' or field(10) ~= '' then
return { 'error', 'this version knows no such mode, weight or ballot' }
end
purge(n)
local asked = { mode = mode, weight = field(3), ttl = int(field(4)), claim = int(field(5)),
sub = '-', token = '0', since = now_text, state = '0', info = field(11) }
local ends = now + asked.ttl
local mine = held(n, owner)
local known = record(n, owner)
if mine then
if known and known.state == FORCED then return { 'forced' } end
ends = prolong(n, owner, mine, ends)
if not known or known.token == '0' then
asked.token = mint(n, asked.ttl)
asked.mode = n.value == owner and 'x' or 's'
known = asked
write(n, owner, known)
end
confirm(n, owner, known)
settle(n)
return { 'granted', known.token, int(ends) }
end
if known and known.token ~= '0' then return { 'lapsed' } end
local silenced = n.silent
if silenced and client(silenced) == client(owner) then
redis.call('HDEL', n.meta, 'l')
n.silent = false
if silenced == owner then return { 'lapsed' } end
end
local granted
if n.waiting == 0 and fits(n, mode) then
granted = enter(n, owner, asked, ends)
elseif field(6) == '1' then
local alone = n.waiting == 0
local place = not alone and redis.call('ZSCORE', n.line, owner)
local ticket = tonumber(place or '0')
if not place then
local last = redis.call('ZREVRANGE', n.line, 0, 0, 'WITHSCORES')
ticket = math.max(us, tonumber(last[2] or '0') + 1)
if field(7) ~= '' then ticket = math.min(ticket, tonumber(field(7))) end
redis.call('ZADD', n.line, int(ticket), owner)
n.waiting = n.waiting + 1
end
if run ~= '' and subscribers(owner) > 0 then asked.sub = run end
asked.since = known and known.since or asked.since
write(n, owner, asked)
if not alone then granted = advance(n, owner, false) end
if not granted then
settle(n)
return { 'queued', redis.call('ZRANK', n.line, owner), int(ticket), place and 0 or 1, holder(n) }
end
else
granted = advance(n, owner, false)
if not granted and n.waiting == 0 and fits(n, mode) then granted = enter(n, owner, asked, ends) end
end
settle(n)
return granted or { 'taken', holder(n) }
end)`,
  },
  force: {
    name: 'force',
    sha1: '7cc609745fdbf04b65e129df805ba8c44050a794',
    lua: shared + `return each(2, function(n, field)
local at_once = field(1) == '1'
purge(n)
if field(2) ~= '' and n.last > tonumber(field(2)) then return { 'newer' } end
local owners = {}
if n.value and n.value ~= MARKER then
if ours(n.value) then
owners = { n.value }
elseif not at_once then
return { 'foreign', int(expiry(n)) }
end
elseif n.sharing > 0 then
owners = redis.call('ZRANGEBYSCORE', n.shared, int(now), '+inf', 'LIMIT', 0, STEPS)
else
return { 'none' }
end
for _, owner in ipairs(owners) do
push('forced', owner, us_text)
if not at_once then
local r = record(n, owner) or { mode = n.value == owner and 'x' or 's', weight = '1', ttl = 0, claim = 0,
sub = '-', token = int(n.last), since = now_text, info = '' }
r.state = FORCED
write(n, owner, r)
elseif n.value == MARKER or not n.value then
redis.call('ZREM', n.shared, owner)
forget(n, owner)
n.members = n.members - 1
n.sharing = n.sharing - 1
end
end
if not at_once then
settle(n)
return { 'asked', #owners, int(expiry(n)) }
end
n.expiry = nil
if n.value and n.value ~= MARKER then
redis.call('DEL', n.k)
forget(n, 'x')
n.value = false
n.top = false
else
shadow(n)
end
advance(n, nil, false)
settle(n)
return { 'forced', math.max(#owners, 1) }
end)`,
  },
  hello: {
    name: 'hello',
    sha1: '6847c7104ddf3074c08d67c1b90022bf2349615e',
    lua: shared + `return each(0, load)`,
  },
  inspect: {
    name: 'inspect',
    sha1: 'f4dca3a7501265dc343f91480a37f0c4a39e998b',
    lua: shared + `return each(0, function(n)
local holders, waiters, count = {}, {}, n.sharing
if n.value and n.value ~= MARKER then
local who, body = top(n)
count = 1
holders = { ours(n.value) and n.value or '', int(expiry(n)), who == n.value and body or '' }
elseif n.sharing > 0 then
local live = redis.call('ZRANGEBYSCORE', n.shared, int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
for i = 1, #live, 2 do
holders[#holders + 1] = live[i]
holders[#holders + 1] = live[i + 1]
holders[#holders + 1] = redis.call('HGET', n.meta, live[i]) or ''
end
end
local line = redis.call('ZRANGE', n.line, 0, 99, 'WITHSCORES')
for i = 1, #line, 2 do
waiters[#waiters + 1] = line[i]
waiters[#waiters + 1] = line[i + 1]
waiters[#waiters + 1] = redis.call('HGET', n.meta, line[i]) or ''
end
return { 'state', int(n.last), count, n.waiting, holders, waiters }
end)`,
  },
  list: {
    name: 'list',
    sha1: '4c45dd3eef91e99b4f13ade5c3f9e127d402b591',
    lua: shared + `local found = redis.call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4], 'TYPE', 'string')
local keys = { found[1] }
for _, key in ipairs(found[2]) do
if not string.match(key, '^{[^}]*}:hf:') then keys[#keys + 1] = key end
end
return { us_text, run, '', keys }`,
  },
  release: {
    name: 'release',
    sha1: 'a575d8a59e031a75a491d22f1172947b21638243',
    lua: shared + `return each(1, function(n, field)
local owner = field(1)
local verdict, moved, exclusive = 'gone', false, false
if n.value == owner then
verdict = 'released'
exclusive = true
n.value = false
n.expiry = nil
n.top = false
elseif n.members > 0 and redis.call('ZSCORE', n.shared, owner) then
local ends = held(n, owner)
if ends then verdict = 'released' end
redis.call('ZREM', n.shared, owner)
forget(n, owner)
n.members = n.members - 1
n.sharing = redis.call('ZCOUNT', n.shared, int(now), '+inf')
n.expiry = nil
shadow(n)
moved = ends ~= nil and ends > (expiry(n) or now)
else
local rank = n.waiting > 0 and redis.call('ZRANK', n.line, owner)
if rank then
verdict = 'left'
redis.call('ZREM', n.line, owner)
forget(n, owner)
n.waiting = n.waiting - 1
moved = rank == 0
end
end
purge(n)
if n.waiting > 0 then advance(n, nil, moved) end
if exclusive and not n.value then redis.call('DEL', n.k) end
if verdict == 'released' and not n.top then forget(n, 'x') end
settle(n)
return { verdict, holder(n) }
end)`,
  },
  renew: {
    name: 'renew',
    sha1: '4e14a6af69927bdace985adf30bf43c0fb9e02fb',
    lua: shared + `return each(4, function(n, field)
local owner = field(1)
if late(field(3), field(4)) then return { 'late' } end
local mine = held(n, owner)
if not mine then return { 'gone' } end
local r = record(n, owner)
if r and r.state == FORCED then return { 'forced' } end
local ends = prolong(n, owner, mine, now + math.floor(field(2)))
confirm(n, owner, r)
settle(n)
return { 'renewed', int(ends), r and r.token or '0', n.waiting }
end)`,
  },
}
