// The scripts of the first release. Until there is one, this follows src/kernel/scripts.gen.ts where that changes what is kept or published.
import type { Script } from '../../src/clients/port.js'

const p0 = `local VERSION = '1'
local MARKER = 'hf:shared'
local FORCED, CLAIMED = '1', '2'
local WITHHELD = 'withheld'
local FENCE_MS = 600000
local ASK_SPACING_MS = 500
local LINE_TAIL_MS = 10000
local STEPS = 64
local call = redis.call
local time = call('TIME')
local us_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_text = string.sub(us_text, 1, -4)
local us, now = tonumber(us_text), tonumber(now_text)
local server = redis.pcall('INFO', 'server')
local run = ''
if type(server) == 'string' then
local _, at = string.find(server, 'run_id:', 1, true)
if at then run = string.sub(server, at + 1, at + 16) end
end
local pushes = {}`
const p1 = `local function int(n)
return string.format('%.0f', n)
end`
const p2 = `local function client(owner)
return string.match(owner, '^[^.]*')
end`
const p3 = `local function channel(owner)
return 'lock:client:' .. client(owner)
end`
const p4 = `local function push(kind, owner, text)
pushes[#pushes + 1] = { channel(owner), '1 ' .. kind .. ' ' .. owner .. ' ' .. text }
end`
const p5 = `local function ours(value)
local client, sequence = string.match(value, '^(%x+)%.(%d+)$')
return client and #client == 32 and sequence
end`
const p6 = `local function share(n)
n.members = call('ZCARD', n.shared)
local counts = n.members > 0 and (not n.value or n.value == MARKER)
n.sharing = counts and call('ZCOUNT', n.shared, now_text, '+inf') or 0
end`
const p7 = `local function look(n)
if not n.looked then
n.withheld = call('HGET', n.meta, WITHHELD)
n.looked = true
end
end`
const p8 = `local function load(at)
local k, fence, line, shared, meta = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4]
local value = call('GET', k)
local noted = call('GET', fence)
local waiting = call('ZCARD', line)
local token, lapsed, top = '0', '-', ''
if noted then
token, lapsed, top = string.match(noted, '^(%d+) (%S+) (.*)$')
if not token then
token, lapsed, top = string.match(noted, '^%d+$'), '-', ''
end
if not token then
error({ err = 'WRONGTYPE the fence key does not hold a number: ' .. fence })
end
end
local n = { k = k, fence = fence, line = line, shared = shared, meta = meta, value = value, noted = noted,
token = token, last = tonumber(token), lapsed = lapsed, top = top, waiting = waiting, members = 0,
sharing = 0, expiry = false, ends = false, holder = false, behind = 0, looked = false, wrote = false,
withheld = false }
if waiting > 0 or not value or value == MARKER then share(n) end
if waiting > 0 or n.members > 0 then look(n) end
return n
end`
const p9 = `local function parse(body)
local mode, weight, ttl, claim, sub, token, since, state, info =
string.match(body or '', '^(%a) (%d+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d) (.*)$')
if not mode then return nil end
return { mode = mode, weight = weight, ttl = ttl, claim = claim, sub = sub,
token = token, since = since, state = state, info = info }
end`
const p10 = `local function body_of(n, owner)
return string.sub(n.top, 1, #owner + 1) == owner .. ' ' and string.sub(n.top, #owner + 2) or nil
end`
const p11 = `local function record(n, owner)
local body = body_of(n, owner) or n.looked and call('HGET', n.meta, owner)
return body and parse(body) or nil
end`
const p12 = `local function note(n, ttl)
local text = n.token .. ' ' .. n.lapsed .. ' ' .. n.top
if n.noted and not ttl then
call('SET', n.fence, text, 'KEEPTTL')
else
call('SET', n.fence, text, 'PXAT', int(now + math.max(FENCE_MS, ttl or 0)))
n.noted = true
end
end`
const p13 = `local function write(n, owner, r, ttl)
local body = r.mode .. ' ' .. r.weight .. ' ' .. r.ttl .. ' ' .. r.claim .. ' ' .. r.sub .. ' ' .. r.token .. ' '
.. r.since .. ' ' .. r.state .. ' ' .. r.info
if r.mode == 'x' and r.token ~= '0' then
n.top = owner .. ' ' .. body
n.holder = r
note(n, ttl)
else
call('HSET', n.meta, owner, body)
n.wrote = true
if ttl then
n.top = ''
note(n, ttl)
end
end
end`
const p14 = `local function forget(n, owner)
if n.looked then call('HDEL', n.meta, owner) end
end`
const p15 = `local function purge(n)
if n.members > n.sharing then
local dead = call('ZRANGEBYSCORE', n.shared, '-inf', '(' .. now_text, 'LIMIT', 0, STEPS)
if not dead[1] then return end
call('ZREM', n.shared, unpack(dead))
call('HDEL', n.meta, unpack(dead))
n.members = n.members - #dead
end
end`
const p16 = `local function shadow(n)
if n.value and n.value ~= MARKER then return end
local last = call('ZREVRANGE', n.shared, 0, 0, 'WITHSCORES')
n.ends = false
if last[1] and tonumber(last[2]) >= now then
n.value = MARKER
n.expiry = tonumber(last[2])
call('SET', n.k, MARKER, 'PXAT', last[2])
elseif n.value then
n.value = false
call('DEL', n.k)
end
end`
const p17 = `local function ends_at(key)
local ends = redis.pcall('PEXPIRETIME', key)
if type(ends) == 'number' then return math.max(ends, -1) end
local left = call('PTTL', key)
return left >= 0 and now + left or -1
end`
const p18 = `local function expiry(n)
if not n.expiry and n.value then n.expiry = ends_at(n.k) end
return n.value and n.expiry or nil
end`
const p19 = `local function fits(n, mode)
if n.value and n.value ~= MARKER then return false end
return n.sharing == 0 or mode == 's' and not n.withheld
end`
const p20 = `local function held(n, owner)
if n.value == owner then return expiry(n) end
if n.sharing == 0 then return nil end
local score = tonumber(call('ZSCORE', n.shared, owner) or '-1')
return score >= now and score or nil
end`
const p21 = `local function hold(n, owner, mode, ends)
local text = int(ends)
if mode == 's' then
call('ZADD', n.shared, text, owner)
shadow(n)
return text
end
if n.value == owner then
call('PEXPIREAT', n.k, text)
else
n.value = owner
call('SET', n.k, owner, 'PXAT', text)
end
n.expiry = ends
n.ends = text
return text
end`
const p22 = `local function prolong(n, owner, mine, ends)
if mine >= ends then return int(mine) end
local mode = n.value == owner and 'x' or 's'
local text = hold(n, owner, mode, ends)
if mode == 'x' then call('PEXPIREAT', n.fence, int(math.max(now + FENCE_MS, ends))) end
return text
end`
const p23 = `local function mint(n)
n.last = math.max(us, n.last + 1)
n.token = n.last == us and us_text or int(n.last)
return n.token
end`
const p24 = `local function forced(n, owner, r)
return r and r.state == FORCED or n.withheld and n.value ~= owner
end`
const p25 = `local function enter(n, owner, r, ends, state)
local text = hold(n, owner, r.mode, ends)
if r.mode == 's' then
if n.withheld and n.sharing == 0 then
call('HDEL', n.meta, WITHHELD)
n.withheld = false
end
n.sharing = n.sharing + 1
n.members = n.members + 1
elseif n.waiting > 0 then
forget(n, owner)
end
r.token = mint(n)
r.since = now_text
r.state = state or '0'
write(n, owner, r, r.ttl)
return { 'granted', r.token, text }
end`
const p26 = `local function subscribers(channel)
local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
return type(count) == 'table' and not count.err and tonumber(count[2]) or -1
end`
const p27 = `local function confirm(n, owner, r)
if r and r.state == CLAIMED then
r.state = '0'
write(n, owner, r)
end
end`
const p28 = `local function silent(n, caller)
local who, state = string.match(n.top, '^(%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ (%d)')
if state == CLAIMED and n.value ~= who then n.lapsed = who end
local suspect = client(n.lapsed)
if caller and suspect == client(caller) then
n.lapsed = '-'
return nil
end
return suspect
end`
const p29 = `local function other(n, of)
for _, owner in ipairs(call('ZRANGE', n.line, 0, STEPS - 1)) do
if client(owner) ~= of then return owner end
end
end`
const p30 = `local function advance(n, caller, moved)
local granted, head, r, pushed, stopped
local suspect = n.waiting > 0 and silent(n, caller)
for step = 1, STEPS + 1 do
if n.waiting == 0 then break end
local two = call('ZRANGE', n.line, 0, 1)
head = two[1]
r = record(n, head)
if r and not fits(n, r.mode) then break end
if step > STEPS then
stopped = true
break
end
call('ZREM', n.line, head)
n.waiting = n.waiting - 1
moved = true
local to = channel(head)
if not r then
forget(n, head)
elseif head == caller then
granted = enter(n, head, r, now + r.ttl)
elseif run ~= '' and r.sub == run and subscribers(to) == 0 then
forget(n, head)
elseif client(head) == suspect then
forget(n, head)
else
local grant = enter(n, head, r, now + math.min(r.claim, r.ttl), CLAIMED)
pushed = client(head)
push('grant', head, grant[2] .. ' ' .. us_text .. ' ' .. grant[3] .. ' ' .. run)
end
if r and n.value == head then
head = two[2]
break
end
end
if pushed or stopped then n.behind = n.waiting end
if moved and n.waiting > 0 and head ~= caller then
local free = fits(n, r and r.mode) and now_text or n.ends or int(expiry(n) or now)
if client(head) == pushed then head = other(n, pushed) or head end
push('first', head, us_text .. ' ' .. free .. ' ' .. run)
end
return granted
end`
const p31 = `local function settle(n)
if not n.value and n.sharing > 0 then shadow(n) end
if n.waiting == 0 and n.sharing == 0 then
if n.looked and (not n.value or ours(n.value)) then call('DEL', n.meta, n.shared) end
return
end
local life = math.max(expiry(n) or now, now)
if n.waiting > 0 then
local lives = ends_at(n.line)
life = life + n.waiting * ASK_SPACING_MS + LINE_TAIL_MS
if life > lives then
call('PEXPIREAT', n.line, int(life))
n.wrote = true
else
life = lives
end
end
if n.wrote or n.sharing > 0 then call('PEXPIREAT', n.meta, int(life)) end
if n.sharing > 0 then call('PEXPIREAT', n.shared, int(life)) end
end`
const p32 = `local function holder(n)
if n.value and n.value ~= MARKER then
local ends = n.ends or int(expiry(n))
if not ours(n.value) then return 'f', '', ends, '' end
local r = n.holder or record(n, n.value)
return 'x', n.value, ends, r and r.info or ''
end
if n.sharing > 0 then
local last = call('ZREVRANGE', n.shared, 0, 0, 'WITHSCORES')
local r = record(n, last[1])
return 's', last[1], last[2], r and r.info or ''
end
return '-', '', '-1', ''
end`
const p33 = `local function late(not_after, of_run)
return not_after ~= '' and (of_run ~= run or now > tonumber(not_after))
end`
const p34 = `local TYPES = { 'string', 'string', 'zset', 'zset', 'hash' }`
const p35 = `local function mismatch(at)
for i, expected in ipairs(TYPES) do
local key = KEYS[at + i - 1]
local found = redis.pcall('TYPE', key).ok
if found and found ~= 'none' and found ~= expected then
return 'WRONGTYPE the key ' .. key .. ' is a ' .. found .. ' and not a ' .. expected
end
end
end`
const p36 = `local function each(fields, item)
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
reply = { 'error', string.find(text, 'WRONGTYPE Operation', 1, true) and mismatch(5 * i - 4) or text }
end
out[#out + 1] = reply
end
for _, p in ipairs(pushes) do
local sent = redis.pcall('PUBLISH', p[1], p[2])
if type(sent) == 'table' and sent.err then out[3] = sent.err end
end
return out
end`
const p37 = `local function retire(n, owner, was)
if n.value or n.sharing > 0 then return end
n.top = was
confirm(n, owner, record(n, owner))
end`

export const scripts: Readonly<Record<'acquire' | 'downgrade' | 'force' | 'hello' | 'inspect' | 'list' | 'release' | 'renew' | 'status', Script>> = {
  acquire: {
    name: 'acquire',
    sha1: '08b332df0f8dc94dcdb3e1b10afedae3043fbc25',
    lua: [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, `return each(11, function(n, field)
local owner, mode = field(1), field(2)
if late(field(8), field(9)) then return { 'late' } end
if (mode ~= 'x' and mode ~= 's') or field(3) ~= '1' or field(10) ~= '' then
return { 'error', 'this version knows no such mode, weight or ballot' }
end
if field(7) ~= '' then look(n) end
purge(n)
local asked = { mode = mode, weight = field(3), ttl = int(field(4)), claim = int(field(5)),
sub = '-', token = '0', since = now_text, state = '0', info = field(11) }
local ends = now + asked.ttl
local mine = held(n, owner)
local known = record(n, owner)
if mine then
if forced(n, owner, known) then return { 'forced' } end
local text = prolong(n, owner, mine, ends)
if not known or known.token == '0' then
asked.token = mint(n)
asked.mode = n.value == owner and 'x' or 's'
known = asked
write(n, owner, known, known.ttl)
end
confirm(n, owner, known)
settle(n)
return { 'granted', known.token, text }
end
if known and known.token ~= '0' then return { 'lapsed' } end
local silenced = n.lapsed
if silenced ~= '-' and client(silenced) == client(owner) then
n.lapsed = '-'
note(n)
if silenced == owner then return { 'lapsed' } end
end
local granted
if n.waiting == 0 and fits(n, mode) then
if mode == 's' then look(n) end
granted = enter(n, owner, asked, ends)
elseif field(6) == '1' then
local alone = n.waiting == 0
look(n)
local place = not alone and call('ZSCORE', n.line, owner)
local ticket = place or us_text
if not place then
local last = alone and '0' or call('ZREVRANGE', n.line, 0, 0, 'WITHSCORES')[2]
if us <= tonumber(last) then ticket = int(last + 1) end
if field(7) ~= '' and tonumber(field(7)) < tonumber(ticket) then ticket = field(7) end
call('ZADD', n.line, ticket, owner)
n.waiting = n.waiting + 1
end
if run ~= '' and subscribers(channel(owner)) > 0 then asked.sub = run end
asked.since = known and known.since or asked.since
write(n, owner, asked)
if not alone then granted = advance(n, owner, false) end
if not granted then
settle(n)
return { 'queued', call('ZRANK', n.line, owner), ticket, place and 0 or 1, holder(n) }
end
else
granted = advance(n, owner, false)
if not granted and n.waiting == 0 and fits(n, mode) then granted = enter(n, owner, asked, ends) end
end
settle(n)
return granted or { 'taken', holder(n) }
end)`].join('\n'),
  },
  downgrade: {
    name: 'downgrade',
    sha1: '9b2a08854d35658a5ecb6735938ecffb5aad5b4b',
    lua: [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21, p22, p23, p24, p25, p26, p28, p29, p30, p31, p33, p34, p35, p36, `return each(5, function(n, field)
local owner, reader = field(1), field(2)
if late(field(4), field(5)) then return { 'late' } end
if owner == reader then return { 'error', 'a downgrade needs a new owner id' } end
local ttl = int(field(3))
local ends = now + ttl
if n.value ~= owner then
local mine = n.value ~= reader and held(n, reader)
if not mine then return { 'gone' } end
local r = record(n, reader)
if forced(n, reader, r) then return { 'forced' } end
local text = prolong(n, reader, mine, ends)
settle(n)
return { 'downgraded', r and r.token or '0', text }
end
local r = record(n, owner)
if forced(n, owner, r) then return { 'forced' } end
look(n)
if record(n, reader) then return { 'gone' } end
n.value, n.expiry, n.ends, n.holder = false, false, false, false
share(n)
local granted = enter(n, reader, { mode = 's', weight = '1', ttl = ttl, claim = ttl, sub = '-',
token = '0', since = now_text, state = '0', info = r and r.info or '' }, ends)
purge(n)
if n.waiting > 0 then advance(n, nil, false) end
settle(n)
return { 'downgraded', granted[2], granted[3] }
end)`].join('\n'),
  },
  force: {
    name: 'force',
    sha1: '504fb959767914c8de7bbeff915ce788815ca487',
    lua: [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p21, p23, p24, p25, p26, p27, p37, p28, p29, p30, p31, p34, p35, p36, `return each(2, function(n, field)
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
owners = call('ZRANGEBYSCORE', n.shared, now_text, '+inf', 'LIMIT', 0, STEPS)
else
return { 'none' }
end
for _, owner in ipairs(owners) do
if not at_once then
local known = record(n, owner)
local r = known or { mode = n.value == owner and 'x' or 's', weight = '1', ttl = 0, claim = 0,
sub = '-', token = mint(n), since = now_text, info = '' }
r.state = FORCED
write(n, owner, r, not known and 0 or nil)
elseif n.value == MARKER or not n.value then
call('ZREM', n.shared, owner)
forget(n, owner)
n.members = n.members - 1
n.sharing = n.sharing - 1
end
push('forced', owner, us_text)
end
if n.sharing > 0 then
call('HSET', n.meta, WITHHELD, '1')
n.withheld = '1'
end
if not at_once then
settle(n)
return { 'asked', math.max(#owners, n.sharing), int(expiry(n)) }
end
n.expiry = nil
local was, left = n.top, n.sharing
local exclusive = n.value and n.value ~= MARKER
if exclusive then
n.value = false
share(n)
if n.members > 0 then look(n) end
call('DEL', n.k)
if owners[1] then n.top = '' end
else
shadow(n)
end
advance(n, nil, false)
if owners[1] and exclusive then retire(n, owners[1], was) end
settle(n)
return { 'forced', math.max(#owners, 1), left }
end)`].join('\n'),
  },
  hello: {
    name: 'hello',
    sha1: 'fab9ebadd0236b6901430030f11a84d9935eac23',
    lua: [p0, p1, p6, p7, p8, p16, p21, p34, p35, p36, `return each(0, nil)`].join('\n'),
  },
  inspect: {
    name: 'inspect',
    sha1: 'a0e9e829db734f7de27ac4b18a8a105a2f208e9f',
    lua: [p0, p1, p2, p5, p6, p7, p8, p10, p16, p17, p18, p21, p34, p35, p36, `return each(0, function(n)
local holders, waiters, count = {}, {}, n.sharing
if n.value and n.value ~= MARKER then
count = 1
holders = { ours(n.value) and n.value or '', int(expiry(n)), body_of(n, n.value) or '' }
elseif n.sharing > 0 then
local live = call('ZRANGEBYSCORE', n.shared, now_text, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
for i = 1, #live, 2 do
holders[#holders + 1] = live[i]
holders[#holders + 1] = live[i + 1]
holders[#holders + 1] = call('HGET', n.meta, live[i]) or ''
end
end
local line = call('ZRANGE', n.line, 0, 99, 'WITHSCORES')
for i = 1, #line, 2 do
waiters[#waiters + 1] = line[i]
waiters[#waiters + 1] = line[i + 1]
waiters[#waiters + 1] = call('HGET', n.meta, line[i]) or ''
end
return { 'state', int(n.last), count, n.waiting, holders, waiters }
end)`].join('\n'),
  },
  list: {
    name: 'list',
    sha1: '7d70d13c4e748c70acaf404a9cdd39892e4349e8',
    lua: [p0, p34, `local found = call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4], 'TYPE', 'string')
local keys = { found[1] }
for _, key in ipairs(found[2]) do
if not string.match(key, '^{[^}]*}:hf:') then keys[#keys + 1] = key end
end
return { us_text, run, '', keys }`].join('\n'),
  },
  release: {
    name: 'release',
    sha1: 'ec286509ce6446b60344557bbbe6c54072147f81',
    lua: [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21, p23, p25, p26, p27, p37, p28, p29, p30, p31, p32, p34, p35, p36, `return each(1, function(n, field)
local owner = field(1)
local verdict, moved, was = 'gone', false, nil
if n.value == owner then
verdict = 'released'
n.value = false
n.expiry = nil
was, n.top = n.top, ''
elseif (n.members > 0 or n.value) and call('ZSCORE', n.shared, owner) then
look(n)
local ends = held(n, owner)
if ends then verdict = 'released' end
call('ZREM', n.shared, owner)
forget(n, owner)
if n.members > 0 then share(n) end
n.expiry = nil
shadow(n)
moved = ends ~= nil and ends > (expiry(n) or now)
else
local rank = n.waiting > 0 and call('ZRANK', n.line, owner)
if rank then
verdict = 'left'
call('ZREM', n.line, owner)
forget(n, owner)
n.waiting = n.waiting - 1
moved = rank == 0
else
look(n)
forget(n, owner)
end
end
purge(n)
if n.waiting > 0 then advance(n, owner, moved) end
if was then
if not n.value then call('DEL', n.k) end
retire(n, owner, was)
end
settle(n)
local kind, holds, ends, info = holder(n)
return { verdict, kind, holds, ends, info, n.behind }
end)`].join('\n'),
  },
  renew: {
    name: 'renew',
    sha1: '8ccc976adb84931d4db5f4f142f0086de72ddb3f',
    lua: [p0, p1, p2, p5, p6, p7, p8, p9, p10, p11, p12, p13, p16, p17, p18, p20, p21, p22, p24, p27, p31, p33, p34, p35, p36, `return each(4, function(n, field)
local owner = field(1)
if late(field(3), field(4)) then return { 'late' } end
local mine = held(n, owner)
if not mine then return { 'gone' } end
local r = record(n, owner)
if forced(n, owner, r) then return { 'forced' } end
local ends = prolong(n, owner, mine, now + math.floor(field(2)))
confirm(n, owner, r)
settle(n)
return { 'renewed', ends, r and r.token or '0', n.waiting }
end)`].join('\n'),
  },
  status: {
    name: 'status',
    sha1: 'a47f226213b000499d88c817b8b31493fad8a811',
    lua: [p0, p34, `local function info(section)
local text = redis.pcall('INFO', section)
return type(text) == 'string' and '\\n' .. text or ''
end`, `local function field(text, name)
return string.match(text, '\\n' .. name .. ':(%S+)') or ''
end`, `local about = info('server')
local engine, version = 'valkey', field(about, 'valkey_version')
if version == '' then
engine, version = 'redis', field(about, 'redis_version')
end
local memory = info('memory')
local count = redis.pcall('PUBSUB', 'NUMSUB', ARGV[2])
return { us_text, run, '', {
version == '' and '' or engine,
version,
field(info('replication'), 'role'),
field(memory, 'maxmemory_policy'),
type(count) == 'table' and not count.err and tonumber(count[2]) or -1,
field(memory, 'maxmemory'),
} }`].join('\n'),
  },
}
