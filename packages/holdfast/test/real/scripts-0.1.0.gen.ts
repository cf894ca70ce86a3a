// The scripts of the first release. Until there is one, this follows src/kernel/scripts.gen.ts where that changes what is kept or published.
import type { Script } from '../../src/clients/port.js'

const p0 = `local VERSION = '1'
local MARKER, PERMITS = 'hf:shared', 'hf:permits'
local FORCED, CLAIMED = '1', '2'
local WITHHELD = 'withheld'
local ASKED, ASKED_CLAIMED = '3', '4'
local OFFERED = '5'
local LINGERS = '+'
local FENCE_MS = 600000
local ASK_SPACING_MS = 500
local LINE_TAIL_MS = 10000
local MOST_TOKENS = 1000
local STEPS = 64
local call = redis.call
local out, first = { '', '', '' }, 1
local args`
const p1 = `local function given(fields)
if not KEYS[10] or fields == 0 then return ARGV end
local all, at = {}, 1 + fields
for j = 1, at do all[j] = ARGV[j] end
for i = 2, #KEYS / 5 do
local base = 1 + (i - 1) * fields
for j = base + 1, base + fields do all[j] = all[j - fields] end
at = at + 1
local differ = ARGV[at]
for c = 1, #differ do all[base + string.byte(differ, c) - 96] = ARGV[at + c] end
at = at + #differ
end
return all
end`
const p2 = `local time = call('TIME')
local us_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_text = string.sub(us_text, 1, -4)
local us, now = tonumber(us_text), tonumber(now_text)
local server = redis.pcall('INFO', 'server')
local run = ''
if type(server) == 'string' then
local _, at = string.find(server, 'run_id:', 1, true)
if at then run = string.sub(server, at + 1, at + 16) end
end
local pushes = {}
out[1], out[2] = us_text, run
local quarantined, floor = false, 0`
const p3 = `local function int(n)
return string.format('%.0f', n)
end`
const p4 = `local function client(owner)
return string.match(owner, '^[^.]*')
end`
const p5 = `local function channel(owner)
return 'lock:client:' .. client(owner)
end`
const p6 = `local function push(kind, owner, text)
pushes[#pushes + 1] = { channel(owner), '1 ' .. kind .. ' ' .. owner .. ' ' .. text }
end`
const p7 = `local function ours(value)
local client, sequence = string.match(value, '^(%x+)%.(%d+)$')
return client and #client == 32 and sequence
end`
const p8 = `local function bare(info)
return string.match(info, '^[^\\n]*')
end`
const p9 = `local function ends_at(key)
local ends = redis.pcall('PEXPIRETIME', key)
if type(ends) == 'number' then return math.max(ends, -1) end
local left = call('PTTL', key)
return left >= 0 and now + left or -1
end`
const p10 = `local function subscribers(channel)
local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
return type(count) == 'table' and not count.err and tonumber(count[2]) or -1
end`
const p11 = `local function other(line, of)
for _, owner in ipairs(call('ZRANGE', line, 0, STEPS - 1)) do
if client(owner) ~= of then return owner end
end
end`
const p12 = `local function publish()
for _, p in ipairs(pushes) do
local sent = redis.pcall('PUBLISH', p[1], p[2])
if type(sent) == 'table' and sent.err then out[3] = sent.err end
end
end`
const p13 = `local function between(text, most)
local number = string.match(text, '^[1-9]%d*$') and tonumber(text)
return number and number <= most and number or nil
end`
const p14 = `local function owner_of(member)
return string.match(member, '^[^#]*')
end`
const p15 = `local function spread(owner, weight, score)
local out = {}
for i = 0, math.min(weight, MOST_PERMITS) - 1 do
if score then out[#out + 1] = score end
out[#out + 1] = i == 0 and owner or owner .. '#' .. i
end
return out
end`
const p16 = `local function weigh(n, owner, r)
if r then return r.mode == 'p' and tonumber(r.weight) or 1 end
local weight = 1
while call('ZSCORE', n.shared, owner .. '#' .. weight) do weight = weight + 1 end
return weight
end`
const p17 = `local function capacity(n)
if not n.limit then
n.limit, n.base = 0, 0
if n.looked and (n.waiting > 0 or n.pool and n.sharing > 0) then
local limit, base = string.match(call('HGET', n.meta, 'n') or '', '^(%d+) (%d+)$')
if limit then n.limit, n.base = tonumber(limit), tonumber(base) end
end
end
return n.limit
end`
const p18 = `local function agree(n, weight, limit, stands)
if capacity(n) == 0 then
n.limit, n.base, n.unsaved = limit, limit, true
elseif not stands and limit ~= n.limit and limit ~= n.base then
return "the semaphore's limit is " .. n.limit .. ', and not ' .. limit
end
if weight > n.limit then
return "the semaphore's limit is " .. n.limit .. ', and ' .. weight .. ' permits are more'
end
end`
const p19 = `local function keep(n)
if n.unsaved then call('HSET', n.meta, 'n', n.limit .. ' ' .. n.base) end
n.unsaved = false
end`
const p20 = `local function excess(n, r)
return r.mode == 'p' and capacity(n) > 0 and tonumber(r.weight) > n.limit
end`
const p21 = `local function awaited(n, mode, weight)
local rank = -1
if mode == 'p' and n.pool then
local over = n.sharing + weight - capacity(n)
if over > 0 and over < n.sharing then rank = n.members - n.sharing + over - 1 end
end
return call('ZRANGE', n.shared, rank, rank, 'WITHSCORES')
end`
const p22 = `local function share(n)
n.members = call('ZCARD', n.shared)
local counts = n.members > 0 and (not n.value or n.value == MARKER)
n.sharing = counts and call('ZCOUNT', n.shared, now_text, '+inf') or 0
end`
const p23 = `local function look(n)
if not n.looked then
n.withheld = call('HGET', n.meta, WITHHELD)
n.looked = true
end
end`
const p24 = `local function load(at)
local k, fence, line, shared, meta = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4]
local value = call('GET', k)
local pool = value == PERMITS
if pool then value = MARKER end
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
withheld = false, pool = pool, limit = false, base = 0, unsaved = false, freed = false, claim = false,
ballot = false }
if waiting > 0 or not value or value == MARKER then share(n) end
if waiting > 0 or n.members > 0 then look(n) end
return n
end`
const p25 = `local function parse(body)
local mode, weight, ttl, claim, sub, token, since, state, info =
string.match(body or '', '^(%a) (%d+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d) (.*)$')
if not mode then return nil end
return { mode = mode, weight = weight, ttl = ttl, claim = claim, sub = sub,
token = token, since = since, state = state, info = info }
end`
const p26 = `local function body_of(n, owner)
return string.sub(n.top, 1, #owner + 1) == owner .. ' ' and string.sub(n.top, #owner + 2) or nil
end`
const p27 = `local function record(n, owner)
local body = body_of(n, owner) or n.looked and call('HGET', n.meta, owner)
return body and parse(body) or nil
end`
const p28 = `local function mend(n)
if n.value or n.sharing == 0 then return end
local r = record(n, owner_of(call('ZRANGE', n.shared, -1, -1)[1]))
n.pool = r ~= nil and r.mode == 'p'
end`
const p29 = `local function note(n, ttl)
local text = n.token .. ' ' .. n.lapsed .. ' ' .. n.top
if n.noted and not ttl then
call('SET', n.fence, text, 'KEEPTTL')
else
call('SET', n.fence, text, 'PXAT', int(now + math.max(FENCE_MS, ttl or 0)))
n.noted = true
end
end`
const p30 = `local function write(n, owner, r, ttl)
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
const p31 = `local function forget(n, owner)
if n.looked then call('HDEL', n.meta, owner) end
end`
const p32 = `local function purge(n)
if n.members > n.sharing then
local dead = call('ZRANGEBYSCORE', n.shared, '-inf', '(' .. now_text, 'LIMIT', 0, STEPS)
if not dead[1] then return end
call('ZREM', n.shared, unpack(dead))
call('HDEL', n.meta, unpack(dead))
n.members = n.members - #dead
end
end`
const p33 = `local function shadow(n)
if n.value and n.value ~= MARKER then return end
local last = call('ZREVRANGE', n.shared, 0, 0, 'WITHSCORES')
n.ends = false
if last[1] and tonumber(last[2]) >= now then
n.value = MARKER
n.expiry = tonumber(last[2])
call('SET', n.k, n.pool and PERMITS or MARKER, 'PXAT', last[2])
elseif n.value then
n.value = false
call('DEL', n.k)
end
end`
const p34 = `local function expiry(n)
if not n.expiry and n.value then n.expiry = ends_at(n.k) end
return n.value and n.expiry or nil
end`
const p35 = `local function fits(n, mode, weight)
if n.value and n.value ~= MARKER then return false end
if n.withheld and n.sharing > 0 then return false end
if mode == 'p' then return (n.pool or n.sharing == 0) and n.sharing + weight <= capacity(n) end
return n.sharing == 0 or mode == 's' and not n.pool
end`
const p36 = `local function held(n, owner)
if n.value == owner then return expiry(n) end
if n.sharing == 0 then return nil end
local score = tonumber(call('ZSCORE', n.shared, owner) or '-1')
return score >= now and score or nil
end`
const p37 = `local function hold(n, owner, mode, ends, weight)
local text = int(ends)
if mode ~= 'x' then
n.pool = mode == 'p'
n.added = call('ZADD', n.shared, unpack(spread(owner, weight, text)))
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
const p38 = `local function prolong(n, owner, r, mine, ends)
if mine >= ends then
if n.value == owner then call('PEXPIREAT', n.fence, int(math.max(now + FENCE_MS, mine))) end
return int(mine)
end
if n.value ~= owner then return hold(n, owner, n.pool and 'p' or 's', ends, weigh(n, owner, r)) end
local text = hold(n, owner, 'x', ends)
call('PEXPIREAT', n.fence, int(math.max(now + FENCE_MS, ends)))
return text
end`
const p39 = `local function mint(n, many)
if n.ballot then
local t = tonumber(n.ballot)
if t > n.last then n.last, n.token = t, n.ballot end
return n.ballot
end
n.last = math.max(us, n.last + 1)
local token = n.last == us and us_text or int(n.last)
n.token = token
if many > 1 then
n.last = n.last + many - 1
n.token = int(n.last)
end
return token
end`
const p40 = `local function tokens(r)
return r.mode == 'x' and math.min(tonumber(r.weight), MOST_TOKENS) or 1
end`
const p41 = `local function forced(n, owner, r)
return r and r.state == FORCED or n.withheld and n.value ~= owner
end`
const p42 = `local function enter(n, owner, r, ends, state)
local text = hold(n, owner, r.mode, ends, tonumber(r.weight))
if r.mode ~= 'x' then
if n.withheld and n.sharing == 0 then
call('HDEL', n.meta, WITHHELD)
n.withheld = false
end
if n.added == tonumber(r.weight) then
n.sharing = n.sharing + n.added
n.members = n.members + n.added
else
share(n)
end
if r.mode == 'p' then keep(n) end
elseif n.waiting > 0 then
forget(n, owner)
end
r.token = mint(n, tokens(r))
r.since = now_text
r.state = state or '0'
write(n, owner, r, r.ttl)
return { 'granted', r.token, text }
end`
const p43 = `local function is_dead(owner, r)
return run ~= '' and (r.sub == run or r.sub == LINGERS .. run) and subscribers(channel(owner)) == 0
end`
const p44 = `local function confirm(n, owner, r)
if r and (r.state == CLAIMED or r.state == ASKED_CLAIMED) then
r.state = r.state == CLAIMED and '0' or ASKED
write(n, owner, r)
end
end`
const p45 = `local function silent(n, caller)
local who, state = string.match(n.top, '^(%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ (%d)')
if (state == CLAIMED or state == ASKED_CLAIMED) and n.value ~= who then n.lapsed = who end
local suspect = client(n.lapsed)
if caller and suspect == client(caller) then
n.lapsed = '-'
return nil
end
return suspect
end`
const p46 = `local function want(n)
if not n.value or not ours(n.value) then return end
n.holder = n.holder or record(n, n.value)
if n.holder and string.sub(n.holder.sub, 1, 1) == LINGERS then push('wanted', n.value, us_text) end
end`
const p47 = `local function advance(n, caller, moved)
if quarantined or string.sub(n.lapsed, 1, 1) == 'm' then return nil end
local granted, head, r, pushed, stopped
local suspect = n.waiting > 0 and silent(n, caller)
for step = 1, STEPS + 1 do
if n.waiting == 0 then break end
local two = call('ZRANGE', n.line, 0, 1)
head = two[1]
r = record(n, head)
if r and not fits(n, r.mode, r.weight) and not excess(n, r) then break end
if step > STEPS then
stopped = true
break
end
call('ZREM', n.line, head)
n.waiting = n.waiting - 1
moved = true
if not r then
forget(n, head)
elseif excess(n, r) then
forget(n, head)
push('first', head, us_text .. ' ' .. now_text .. ' ' .. run)
elseif head == caller then
granted = enter(n, head, r, now + r.ttl)
if n.waiting > 0 then want(n) end
elseif is_dead(head, r) then
forget(n, head)
elseif client(head) == suspect then
forget(n, head)
else
local grant = enter(n, head, r, now + math.min(r.claim, r.ttl), CLAIMED)
pushed = client(head)
n.claim = grant[3]
push('grant', head, grant[2] .. ' ' .. us_text .. ' ' .. grant[3] .. ' ' .. run)
if n.waiting > 0 then want(n) end
end
if r and n.value == head then
head = two[2]
break
end
end
if pushed or stopped then n.behind = n.waiting end
if (moved or n.freed) and n.waiting > 0 and head ~= caller then
local free = now_text
if not fits(n, r and r.mode, r and r.weight) then
free = n.ends or n.pool and r and awaited(n, r.mode, r.weight)[2] or int(expiry(n) or now)
end
if not moved and n.freed <= tonumber(free) then return granted end
if client(head) == pushed then head = other(n.line, pushed) or head end
push('first', head, us_text .. ' ' .. free .. ' ' .. run)
end
return granted
end`
const p48 = `local function settle(n)
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
const p49 = `local function holder(n, mode, weight)
if n.value and n.value ~= MARKER then
local ends = n.ends or int(expiry(n))
if not ours(n.value) then return 'f', '', ends, '' end
local r = n.holder or record(n, n.value)
return 'x', n.value, ends, r and bare(r.info) or ''
end
if n.sharing > 0 then
local last = awaited(n, mode, weight)
if not last[1] then return '-', '', '-1', '' end
local owner = owner_of(last[1])
local r = record(n, owner)
return n.pool and 'p' or 's', owner, last[2], r and bare(r.info) or ''
end
return '-', '', '-1', ''
end`
const p50 = `local AHEAD_US = 60000000
local SLACK_US = 5000000
local MARKER_TEXT = '^(%d+) (%d+) (%S+) (%d+) (%d+)$'`
const p51 = `local function mark(key, from, least, epoch, quarantine)
call('SET', key, int(from) .. ' ' .. int(least) .. ' ' .. run .. ' ' .. epoch .. ' ' .. quarantine)
end`
const p52 = `local function guard()
local version, epoch, quarantine = string.match(ARGV[1], '^(%d+) (%d+) (%d+)$')
if version ~= VERSION then return 'protocol version ' .. ARGV[1] .. ' is not ' .. VERSION end
if run == '' then return 'the quarantine of this node needs the right to INFO' end
local key = KEYS[#KEYS]
local from, least, of, era, length = string.match(call('GET', key) or '', MARKER_TEXT)
if era and tonumber(era) > tonumber(epoch) then
return 'the epoch of this node is ' .. era .. ', and not ' .. epoch
end
if era == epoch and length ~= quarantine then
return 'the quarantine of this node is ' .. length .. ' ms, and not ' .. quarantine
end
local known = era == epoch and of == run
from, floor = tonumber(from) or 0, tonumber(least) or 0
if not known then
from = now + tonumber(quarantine)
floor = math.max(floor, us + AHEAD_US + math.min(SLACK_US, quarantine * 500))
mark(key, from, floor, epoch, quarantine)
end
if now < from then quarantined = int(from) end
end`
const p53 = `local function late(not_after, of_run)
return not_after ~= '' and (of_run ~= run or now > tonumber(not_after))
end`
const p54 = `local TYPES = { 'string', 'string', 'zset', 'zset', 'hash' }`
const p55 = `local function mismatch(at)
for i, expected in ipairs(TYPES) do
local key = KEYS[at + i - 1]
local found = redis.pcall('TYPE', key).ok
if found and found ~= 'none' and found ~= expected then
return 'WRONGTYPE the key ' .. key .. ' is a ' .. found .. ' and not a ' .. expected
end
end
end`
const p56 = `local function attempt(i, work)
local ok, reply = pcall(work)
if ok then return reply end
local text = type(reply) == 'table' and reply.err or tostring(reply)
return { 'error', string.find(text, 'WRONGTYPE Operation', 1, true) and mismatch(5 * i - 4) or text }
end`
const p57 = `local function answer(fill)
local wrong = ARGV[1] ~= VERSION and guard()
if wrong then return { us_text, run, '', { 'error', wrong } } end
fill()
publish()
return out
end`
const p58 = `local function open(i, fields)
args = args or given(fields)
local all, base = args, 1 + (i - 1) * fields
local n = load(5 * i - 4)
mend(n)
return n, function(j) return all[base + j] end
end`
const p59 = `local function brief(reply)
local status = reply[1]
local usual = status == 'granted' or status == 'renewed' and not reply[5] or status == 'released' and reply[2] == '-'
return KEYS[10] and usual and table.concat(reply, ' ') or reply
end`
const p60 = `local function each(fields, item, grants, short)
return answer(function()
for i = first, #KEYS / 5 do
local reply = grants and quarantined and { 'quarantine', quarantined }
or attempt(i, function() return item(open(i, fields)) end)
out[#out + 1] = short and brief(reply) or reply
end
end)
end`
const p61 = `local function asked_for(n, field, votes)
if late(field(8), field(9)) then return nil, { 'late' } end
local mode, weight, limit = field(2), 1, nil
if mode == 'p' then
weight, limit = between(field(3), MOST_PERMITS), between(field(12), MOST_LIMIT)
end
local known_mode = mode == 'p' and weight and limit or mode == 's' and field(3) == '1'
or mode == 'x' and between(field(3), MOST_TOKENS)
if not known_mode or not votes and field(10) ~= '' then
return nil, { 'error', 'this version knows no such mode, weight, limit or ballot' }
end
if field(7) ~= '' then look(n) end
purge(n)
return { mode = mode, weight = field(3), ttl = int(field(4)), claim = int(field(5)),
sub = mode == 'x' and not votes and field(12) == 'linger' and LINGERS or '-', token = '0', since = now_text, state = '0', info = field(11), permits = weight, limit = limit }
end`
const p62 = `local function refused(n, owner, asked, mine, known, stands)
if mine then return forced(n, owner, known) and { 'forced' } or nil end
if known and known.token ~= '0' then return { 'lapsed' } end
local silenced = n.lapsed
if silenced ~= '-' and client(silenced) == client(owner) then
n.lapsed = '-'
note(n)
if silenced == owner then return { 'lapsed' } end
end
if asked.mode ~= 'p' then return nil end
local wrong = agree(n, asked.permits, asked.limit, known or stands)
return wrong and { 'error', wrong } or nil
end`
const p63 = `local function stay(n, owner, asked, mine, known)
local text = prolong(n, owner, known, mine, now + asked.ttl)
if not known or known.token == '0' then
local alone = n.value == owner
if asked.mode ~= 'x' or not alone then asked.weight = alone and '1' or int(weigh(n, owner, known)) end
asked.mode = alone and 'x' or n.pool and 'p' or 's'
asked.token = mint(n, tokens(asked))
known = asked
write(n, owner, known, known.ttl)
end
confirm(n, owner, known)
settle(n)
return { 'granted', known.token, text, known.since }
end`
const p64 = `local MOST_PERMITS = 1000
local MOST_LIMIT = 1000000
local MOST_LOOKS = 10000`
const p65 = `local function sharers(n, most)
local live = call('ZRANGEBYSCORE', n.shared, now_text, '+inf', 'WITHSCORES',
'LIMIT', 0, n.pool and MOST_LOOKS or most)
if not n.pool then return live, n.sharing end
local found, count = {}, 0
for i = 1, #live, 2 do
if not string.find(live[i], '#', 1, true) then
count = count + 1
if count <= most then
found[#found + 1] = live[i]
found[#found + 1] = live[i + 1]
end
end
end
return found, count
end`
const p66 = `local function retire(n, owner, was)
if n.value or n.sharing > 0 then return end
n.top = was
confirm(n, owner, record(n, owner))
end`
const p67 = `local REOFFER_MS = 1000
local MOST_SLOTS = 1000`
const p68 = `local function poll(n, ballot)
n.ballot = ballot
local all, x = string.match(n.lapsed, '^m(%d+)/(%d+)$')
if n.noted then
n.all, n.x = tonumber(all or n.token), tonumber(x or n.token)
return
end
n.all, n.x = 0, 0
n.last = math.max(floor, us - FENCE_MS * 1000 + AHEAD_US + SLACK_US)
n.token = int(n.last)
end`
const p69 = `local function votes(n)
return string.sub(n.lapsed, 1, 1) == 'm'
end`
const p70 = `local function keep_marks(n)
n.lapsed = 'm' .. int(n.all) .. '/' .. int(n.x)
end`
const p71 = `local function lift(n, least)
if least <= n.last then return false end
n.last, n.token = least, int(least)
return true
end`
const p72 = `local function drop(n, owner)
call('ZREM', n.line, owner)
n.waiting = n.waiting - 1
forget(n, owner)
end`
const p73 = `local function outstanding(r)
return r.state == OFFERED and now <= tonumber(r.claim)
end`
const p74 = `local function offer(n, caller, anew)
if quarantined then return end
local at, weights, mode = 0, 0, nil
for _ = 1, STEPS do
if n.waiting <= at then return end
local two = call('ZRANGE', n.line, at, at + 1)
local head = two[1]
local r = record(n, head)
if not r or r.state == OFFERED and not outstanding(r) and head ~= caller and not anew then
drop(n, head)
elseif excess(n, r) then
drop(n, head)
push('first', head, us_text .. ' ' .. now_text .. ' ' .. run .. ' ' .. n.token)
elseif mode and r.mode ~= mode or not fits(n, r.mode, weights + tonumber(r.weight)) then
if at == 0 and n.freed then
local _, _, ends = holder(n, r.mode, tonumber(r.weight))
if tonumber(ends) < n.freed then
push('first', head, us_text .. ' ' .. ends .. ' ' .. run .. ' ' .. n.token)
end
end
return
elseif head ~= caller and is_dead(head, r) then
drop(n, head)
else
if not outstanding(r) or anew then
local length = r.state == OFFERED and math.max(0, tonumber(r.claim) - now) or tonumber(r.claim)
if anew and r.state == OFFERED then length = math.max(length, REOFFER_MS) end
r.state, r.claim = OFFERED, int(now + length)
write(n, head, r)
if head ~= caller then push('first', head, us_text .. ' ' .. now_text .. ' ' .. run .. ' ' .. n.token) end
if r.mode == 'x' and two[2] then
push('first', two[2], us_text .. ' ' .. r.claim .. ' ' .. run .. ' ' .. n.token)
end
end
if r.mode == 'x' then return end
mode, weights, at = r.mode, weights + tonumber(r.weight), at + 1
end
end
end`
const p75 = `local function wrong_type(text, key, kind)
if not string.find(text, 'WRONGTYPE', 1, true) then return text end
return 'WRONGTYPE the key ' .. key .. ' is not a ' .. kind
end`
const p76 = `local function holders_of(n)
if n.value and n.value ~= MARKER then
return 1, { ours(n.value) and n.value or '', int(expiry(n)), body_of(n, n.value) or '' }
end
if n.sharing == 0 then return 0, {} end
local live, count = sharers(n, 100)
local list = {}
for i = 1, #live, 2 do
list[#list + 1] = live[i]
list[#list + 1] = live[i + 1]
list[#list + 1] = call('HGET', n.meta, live[i]) or ''
end
return count, list
end`
const p77 = `local function ballot_of(text)
return string.match(text, '^%d+$') and #text <= 16 and tonumber(text) or nil
end`
const p78 = `local function raise(n, mode, t)
n.all = math.max(n.all, t)
if mode == 'x' then n.x = math.max(n.x, t) end
keep_marks(n)
end`
const p79 = `local function slots_of(r)
return r and r.mode == 'p' and string.match(r.sub, '^%d+/(%d[%d,]*)$') or ''
end`
const p80 = `local function taken_slots(n, but)
local taken = {}
if not n.pool or n.sharing == 0 then return taken end
local live = sharers(n, MOST_SLOTS)
for i = 1, #live, 2 do
if live[i] ~= but then
for slot in string.gmatch(slots_of(record(n, live[i])), '%d+') do taken[tonumber(slot)] = true end
end
end
return taken
end`
const p81 = `local function choose(taken, weight, limit, wanted)
local chosen, seen = {}, {}
if wanted ~= '' then
for text in string.gmatch(wanted, '%d+') do
local slot = tonumber(text)
if taken[slot] or seen[slot] or slot >= limit then return nil end
seen[slot] = true
chosen[#chosen + 1] = slot
end
else
for slot = 0, limit - 1 do
if #chosen < weight and not taken[slot] then chosen[#chosen + 1] = slot end
end
end
if #chosen ~= weight then return nil end
table.sort(chosen)
return table.concat(chosen, ',')
end`
const p82 = `local function sub_of(n, mode, slots)
return int(n.all) .. '/' .. (mode == 'x' and int(n.x) or mode == 'p' and slots or '-')
end`
const p83 = `local function vote(n, owner, r, ends, slots)
r.sub = sub_of(n, r.mode, slots)
raise(n, r.mode, tonumber(n.ballot))
return enter(n, owner, r, ends)
end`
const p84 = `local function due(n, owner, least)
local r = least > 0 and record(n, owner)
if not r or r.token == '0' then return nil end
local ends = math.min(tonumber(r.since), now) + least
if ends > now then return ends, r end
end`
const p85 = `local function retain(n, owner, r, mine, ends)
if ends ~= mine and n.value ~= owner then call('PEXPIREAT', n.k, int(ends)) end
if ends > mine then
prolong(n, owner, r, mine, ends)
elseif ends < mine then
hold(n, owner, n.value == owner and 'x' or n.pool and 'p' or 's', ends, weigh(n, owner, r))
n.freed = mine
end
if r.state ~= FORCED then
r.state = FORCED
write(n, owner, r)
end
if n.value ~= owner then share(n) end
return ends > mine
end`
const p86 = `local function let_go(n, owner, least)
local verdict, moved, was = 'gone', false, nil
local shares = n.value ~= owner and (n.members > 0 or n.value) and call('ZSCORE', n.shared, owner)
if shares then look(n) end
local mine = (shares or n.value == owner) and held(n, owner)
local ends, r = nil, nil
if mine then ends, r = due(n, owner, least) end
if ends then
return 'kept', retain(n, owner, r, mine, ends), int(ends), r, nil
elseif n.value == owner then
verdict = 'released'
n.value = false
n.expiry = nil
was, n.top = n.top, ''
if n.members > 0 then
share(n)
mend(n)
end
elseif shares then
if mine then verdict = 'released' end
call('ZREM', n.shared, unpack(spread(owner, weigh(n, owner, record(n, owner)))))
forget(n, owner)
if n.members > 0 then share(n) end
n.expiry = nil
shadow(n)
n.freed = mine or false
else
local rank = n.waiting > 0 and call('ZRANK', n.line, owner)
if rank then
verdict = 'left'
r = record(n, owner)
call('ZREM', n.line, owner)
forget(n, owner)
n.waiting = n.waiting - 1
moved = rank == 0
else
look(n)
forget(n, owner)
end
end
return verdict, moved, nil, r, was
end`
const p87 = `local function pass_on(n, field, make, hand_on)
local owner, heir, mode = field(1), field(2), field(3)
if late(field(5), field(6)) then return { 'late' } end
if owner == heir then return { 'error', 'a turn needs a new owner id' } end
local function mode_of(who)
return n.value == who and 'x' or n.pool and 'p' or 's'
end
local ttl = int(field(4))
local ends = now + ttl
local mine = held(n, owner)
if not mine then
local theirs = held(n, heir)
if not theirs or mode_of(heir) ~= mode then return { 'gone' } end
local r = record(n, heir)
if not r then return { 'error', 'the record of the tenure was lost' } end
if forced(n, heir, r) then return { 'forced' } end
local text = prolong(n, heir, r, theirs, ends)
settle(n)
return { 'turned', r.token, text, r.since }
end
local from = mode_of(owner)
if from ~= mode and not (from == 'x' and mode == 's') then return { 'gone' } end
local r = record(n, owner)
if forced(n, owner, r) then return { 'forced' } end
look(n)
if held(n, heir) or record(n, heir) then return { 'gone' } end
local weight = from == 'x' and 1 or weigh(n, owner, r)
if from ~= mode then
n.value, n.expiry, n.ends, n.holder = false, false, false, false
share(n)
end
local asked = r and (r.state == ASKED or r.state == ASKED_CLAIMED)
local info = (asked or field(7) == '') and (r and bare(r.info) or '') or field(7)
local granted = make(n, heir, { mode = mode, weight = int(weight), ttl = ttl, claim = ttl, sub = '-',
token = '0', since = now_text, state = '0', info = info }, ends, asked and ASKED, r)
if from ~= 'x' then
call('ZREM', n.shared, unpack(spread(owner, weight)))
forget(n, owner)
share(n)
shadow(n)
end
if ends < mine then n.freed = mine end
purge(n)
if n.waiting > 0 then hand_on(n) end
settle(n)
return { 'turned', granted[2], granted[3], now_text }
end`

export const scripts: Readonly<Record<'acquire' | 'all' | 'announce' | 'bootstrap' | 'edge' | 'force' | 'hello' | 'history' | 'index' | 'inspect' | 'list' | 'past' | 'q_acquire' | 'q_release' | 'q_renew' | 'q_turn' | 'release' | 'renew' | 'resize' | 'status' | 'turn' | 'waits', Script>> = {
  acquire: {
    name: 'acquire',
    sha1: '905db78a36736735382b3a59ec0b2976051ff696',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, `if ARGV[1] == VERSION then args = given(12) end
local ttl, claim, many, linger, length, ends, fence_ends, before
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
local at, base = 5 * first - 4, 12 * first - 11
local owner = args[base + 1]
if args[base + 2] ~= 'x' or not string.find(args[base + 3], '^[1-9]%d*$') or args[base + 7] ~= '' or args[base + 10] ~= '' then break end
local not_after = args[base + 8]
if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
if redis.pcall('EXISTS', KEYS[at], KEYS[at + 2], KEYS[at + 3]) ~= 0 then break end
local noted, last = redis.pcall('GET', KEYS[at + 1]), 0
if noted then
local token, holder = string.match(type(noted) == 'string' and noted or '', '^(%d+) %- (%S*)')
if not token or holder == owner then break end
last = tonumber(token)
end
if ttl ~= args[base + 4] or claim ~= args[base + 5] or many ~= args[base + 3] or linger ~= args[base + 12] then
many, ttl, claim, linger = args[base + 3], args[base + 4], args[base + 5], args[base + 12]
if tonumber(many) > MOST_TOKENS then break end
length = tonumber(int(ttl))
ends, fence_ends = int(now + length), int(now + math.max(FENCE_MS, length))
before = ' x ' .. many .. ' ' .. int(ttl) .. ' ' .. int(claim) .. (linger == 'linger' and ' ' .. LINGERS .. ' ' or ' - ')
end
local token = us > last and us_text or int(last + 1)
local top = many == '1' and token or int(math.max(us, last + 1) + many - 1)
if redis.pcall('SET', KEYS[at], owner, 'PXAT', ends).err then break end
local text = top .. ' - ' .. owner .. before .. token .. ' ' .. now_text .. ' 0 ' .. args[base + 11]
if redis.pcall('SET', KEYS[at + 1], text, 'PXAT', fence_ends).err then break end
out[#out + 1] = KEYS[10] and 'granted ' .. token .. ' ' .. ends or { 'granted', token, ends }
first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end`, p8, p9, p10, p11, p12, `local function stand(at, base)
local owner, waits = args[base + 1], args[base + 6] == '1'
local k, line, meta = KEYS[at], KEYS[at + 2], KEYS[at + 4]
local value = redis.pcall('GET', k)
if type(value) ~= 'string' or value == owner then return nil end
local noted = redis.pcall('GET', KEYS[at + 1])
local holder, sub, holds = string.match(type(noted) == 'string' and noted or '',
'^%d+ %- (%S+) x %d+ %d+ %d+ (%S+) %d+ %d+ %d (.*)$')
if holder ~= value then return nil end
local waiting = redis.pcall('ZCARD', line)
if waiting ~= 0 and (not waits or redis.pcall('EXISTS', KEYS[at + 3]) ~= 0) then return nil end
local verdict
local ends = ends_at(k)
if waits then
local ticket = us_text
if waiting ~= 0 then
local head = redis.pcall('ZRANGE', line, 0, 0)[1]
local body = head and redis.pcall('HGET', meta, head)
local sound = type(body) == 'string' and string.find(body, '^[xs] %d+ %d+ %d+ %S+ %d+ %d+ %d ')
if not sound or redis.pcall('HGET', meta, owner) then return nil end
local behind = tonumber(redis.pcall('ZREVRANGE', line, 0, 0, 'WITHSCORES')[2])
if us <= behind then ticket = int(behind + 1) end
elseif redis.pcall('HGET', meta, WITHHELD) then
return nil
end
if redis.pcall('ZADD', line, 'NX', ticket, owner) ~= 1 then return nil end
local heard = run ~= '' and subscribers(channel(owner)) > 0 and run
local lingers = args[base + 12] == 'linger' and LINGERS
call('HSET', meta, owner, 'x ' .. args[base + 3] .. ' ' .. int(args[base + 4]) .. ' ' .. int(args[base + 5]) .. ' '
.. (heard and (lingers or '') .. heard or lingers or '-') .. ' 0 ' .. now_text .. ' 0 ' .. args[base + 11])
local life = math.max(ends, now) + (waiting + 1) * ASK_SPACING_MS + LINE_TAIL_MS
local lives = ends_at(line)
if life > lives then call('PEXPIREAT', line, int(life)) else life = lives end
call('PEXPIREAT', meta, int(life))
verdict = { 'queued', waiting, ticket, 1, 'x', value, int(ends), bare(holds) }
else
verdict = { 'taken', 'x', value, int(ends), bare(holds) }
end
if string.sub(sub, 1, 1) == LINGERS then push('wanted', value, us_text) end
return verdict
end`, `while ARGV[1] == VERSION and KEYS[5 * first - 4] do
local base, weight, not_after = 12 * first - 11, args[12 * first - 8], args[12 * first - 3]
if args[base + 2] ~= 'x' or args[base + 7] ~= '' or args[base + 10] ~= '' then break end
if not string.find(weight, '^[1-9]%d*$') or tonumber(weight) > MOST_TOKENS then break end
if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
local verdict = stand(5 * first - 4, base)
if not verdict then break end
out[#out + 1] = verdict
first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then
publish()
return out
end
local MOST_PERMITS = 1000
local MOST_LIMIT = 1000000
local MOST_LOOKS = 10000`, p13, p14, p15, p16, p17, p18, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p44, p45, p46, p47, p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p61, p62, p63, `return each(12, function(n, field)
local owner = field(1)
local asked, verdict = asked_for(n, field)
if not asked then return verdict end
local mode, weight = asked.mode, asked.permits
local mine = held(n, owner)
local known = record(n, owner)
verdict = refused(n, owner, asked, mine, known, field(7) ~= '')
if verdict then return verdict end
if mine then return stay(n, owner, asked, mine, known) end
local ends = now + asked.ttl
local granted
if n.waiting == 0 and fits(n, mode, weight) then
if mode ~= 'x' then look(n) end
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
keep(n)
if run ~= '' and subscribers(channel(owner)) > 0 then
asked.sub = asked.sub == LINGERS and LINGERS .. run or run
end
asked.since = known and known.since or asked.since
write(n, owner, asked)
if not alone then granted = advance(n, owner, false) end
if not granted then
settle(n)
want(n)
return { 'queued', call('ZRANK', n.line, owner), ticket, place and 0 or 1,
holder(n, mode, weight) }
end
else
granted = advance(n, owner, false)
if not granted and n.waiting == 0 and fits(n, mode, weight) then granted = enter(n, owner, asked, ends) end
end
settle(n)
if granted then return granted end
want(n)
return { 'taken', holder(n, mode, weight) }
end, true, true)`].join('\n')
    },
  },
  all: {
    name: 'all',
    sha1: 'fcd09198ff2bcf9b4df5fa1a1f2d274adf205bb4',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p64, p13, p14, p15, p16, p17, p18, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p44, p45, p46, p47, p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p61, p62, p63, `return answer(function()
if quarantined then
for i = 1, #KEYS / 5 do out[3 + i] = { 'quarantine', quarantined } end
return
end
local verdicts, parts, seen, complete = {}, {}, {}, true
for i = 1, #KEYS / 5 do
verdicts[i] = attempt(i, function()
local n, field = open(i, 12)
local owner = field(1)
if seen[n.k] then return { 'error', 'this version takes each name once: ' .. n.k } end
seen[n.k] = true
local asked, wrong = asked_for(n, field)
if not asked then return wrong end
local mine = held(n, owner)
local known = record(n, owner)
wrong = refused(n, owner, asked, mine, known, false)
if wrong then return wrong end
if not mine then
if asked.mode ~= 'x' then look(n) end
if n.waiting > 0 and not call('ZSCORE', n.line, owner) then advance(n, owner, false) end
if n.waiting > 0 or not fits(n, asked.mode, asked.permits) then
settle(n)
want(n)
return { 'taken', holder(n, asked.mode, asked.permits) }
end
end
parts[i] = { n = n, owner = owner, asked = asked, mine = mine, known = known }
end)
complete = complete and not verdicts[i]
end
for i = 1, #KEYS / 5 do
local part = parts[i]
out[3 + i] = verdicts[i] or attempt(i, function()
local n = part.n
if part.mine then
local reply = stay(n, part.owner, part.asked, part.mine, part.known)
if not complete then reply[1] = 'held' end
return reply
end
local granted = complete and enter(n, part.owner, part.asked, now + part.asked.ttl)
settle(n)
return granted or { 'free' }
end)
complete = complete and out[3 + i][1] == 'granted'
end
end)`].join('\n')
    },
  },
  announce: {
    name: 'announce',
    sha1: '1ff25d9e0d287f314f0348891d5302722627745f',
    get lua() {
      return [p0, p1, p2, p3, p4, p7, p9, p12, p64, p14, p15, p22, p23, p24, p25, p26, p27, p28, p33, p34, p37, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, `return each(0, function(n)
local text = 'nobody - ' .. int(n.last) .. ' ' .. us_text
if n.value and n.value ~= MARKER and ours(n.value) then
local body = body_of(n, n.value) or ''
text = 'leader ' .. n.value .. ' ' .. int(n.last) .. ' ' .. us_text .. ' ' .. int(expiry(n)) .. ' ' .. body
end
pushes[#pushes + 1] = { 'lock:election:' .. n.k, '1 ' .. text }
return { 'announced' }
end)`].join('\n')
    },
  },
  bootstrap: {
    name: 'bootstrap',
    sha1: '41bc507de5d372bb8cf9ea400dd01d10ddb511bb',
    get lua() {
      return [p0, p2, p3, p12, p64, p50, p51, p52, p54, p57, `local text = call('GET', KEYS[1])
if ARGV[2] ~= '1' then
if not text then return { us_text, run, '', { 'missing' } } end
local asked, _, _, _, era = string.match(ARGV[1], '^%d+ (%d+) '), string.match(text, MARKER_TEXT)
if asked and era and tonumber(era) < tonumber(asked) then return { us_text, run, '', { 'older' } } end
end
return answer(function()
if not quarantined then
out[4] = { 'votes' }
elseif ARGV[2] ~= '1' then
out[4] = { 'waiting' }
else
local epoch, quarantine = string.match(ARGV[1], '^%d+ (%d+) (%d+)$')
mark(KEYS[1], now, math.min(floor, us + AHEAD_US - SLACK_US), epoch, quarantine)
out[4] = { 'ended' }
end
end)`].join('\n')
    },
  },
  edge: {
    name: 'edge',
    sha1: '0347865151fcd93654a02f8239debfcbfebaf036',
    get lua() {
      return [p0, p1, p2, p3, p4, p7, p8, p9, p12, p64, p14, p15, p22, p23, p24, p25, p26, p27, p28, p29, p30, p33, p34, p36, p37, p48, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, `return each(2, function(n, field)
local owner = field(1)
local r = held(n, owner) and record(n, owner)
if not r then return { 'gone' } end
local info = bare(r.info) .. field(2)
if info ~= r.info then
r.info = info
write(n, owner, r)
end
settle(n)
return { 'noted' }
end)`].join('\n')
    },
  },
  force: {
    name: 'force',
    sha1: 'cf2f7e1d4c1c8af691ea67601cd2a680c3441f70',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p64, p14, p15, p16, p17, p19, p20, p21, p65, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p37, p39, p40, p41, p42, p43, p44, p66, p45, p46, p47, p48, p49, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, p67, p68, p69, p70, p71, p72, p73, p74, `local function stand_in(n, owner, weight)
return { mode = n.value == owner and 'x' or n.pool and 'p' or 's', weight = int(weight), ttl = 0, claim = 0,
sub = '-', token = mint(n, 1), since = now_text, state = '0', info = '' }
end`, `local function weight_of(n, owner, known)
return n.sharing > 0 and weigh(n, owner, known) or 1
end`, `local function sign(info, by)
if by == '' then return info end
local list = bare(info)
local edges = string.sub(info, #list + 1)
if list == '' then list = '[null,null,null]' end
if not string.match(list, '^%[.+%]$') then return info end
return string.sub(list, 1, -2) .. ',' .. by .. ']' .. edges
end`, `local function please(n, owners, meant, by)
local count, fresh, last = 0, 0, n.last
for _, owner in ipairs(owners) do
local known = record(n, owner)
local token = known and known.token ~= '0' and tonumber(known.token) or last
if fresh < STEPS and (meant == '' or token <= tonumber(meant)) then
count = count + 1
local r = known or stand_in(n, owner, weight_of(n, owner, known))
if r.state == '0' or r.state == CLAIMED then
fresh = fresh + 1
r.state = r.state == CLAIMED and ASKED_CLAIMED or ASKED
r.info = sign(r.info, by)
write(n, owner, r, not known and 0 or nil)
push('revoked', owner, us_text .. ' ' .. by)
elseif n.value == owner and r.state ~= FORCED then
push('revoked', owner, us_text .. ' ' .. by)
end
end
end
settle(n)
if count == 0 then return { 'newer' } end
return { 'asked', count, int(expiry(n)), fresh }
end`, `return each(3, function(n, field)
local at_once, asks = field(1) == '1', field(1) == '2'
purge(n)
if not asks and field(2) ~= '' and n.last > tonumber(field(2)) then return { 'newer' } end
local owners, seen = {}, 1
if n.value and n.value ~= MARKER then
if ours(n.value) then
owners = { n.value }
elseif not at_once then
return { 'foreign', int(expiry(n)) }
end
elseif n.sharing > 0 then
local live
live, seen = sharers(n, asks and MOST_LOOKS or STEPS)
for i = 1, #live, 2 do owners[#owners + 1] = live[i] end
else
return { 'none' }
end
if asks then return please(n, owners, field(2), field(3)) end
for _, owner in ipairs(owners) do
local known = record(n, owner)
local weight = weight_of(n, owner, known)
if not at_once then
local r = known or stand_in(n, owner, weight)
r.state = FORCED
write(n, owner, r, not known and 0 or nil)
elseif n.value == MARKER or not n.value then
call('ZREM', n.shared, unpack(spread(owner, weight)))
forget(n, owner)
end
push('forced', owner, us_text)
end
if at_once and (n.value == MARKER or not n.value) then share(n) end
if n.sharing > 0 then
call('HSET', n.meta, WITHHELD, '1')
n.withheld = '1'
end
if not at_once then
settle(n)
return { 'asked', seen, int(expiry(n)) }
end
n.expiry = nil
local was, left = n.top, n.sharing
local exclusive = n.value and n.value ~= MARKER
if exclusive then
n.value = false
share(n)
if n.members > 0 then look(n) end
mend(n)
call('DEL', n.k)
if owners[1] then n.top = '' end
else
shadow(n)
end
if votes(n) then
poll(n, false)
lift(n, n.last + 1)
n.all, n.x = n.last, n.last
keep_marks(n)
note(n)
offer(n, nil, true)
else
advance(n, nil, false)
end
if owners[1] and exclusive then retire(n, owners[1], was) end
settle(n)
return { 'forced', math.max(#owners, 1), left }
end)`].join('\n')
    },
  },
  hello: {
    name: 'hello',
    sha1: '78d558ca663ba6684c6f462202fadaa50367e73e',
    get lua() {
      return [p0, p1, p2, p3, p12, p64, p14, p15, p22, p23, p24, p25, p26, p27, p28, p33, p37, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, `return each(0, nil)`].join('\n')
    },
  },
  history: {
    name: 'history',
    sha1: 'acd41454be2acdc68518e3b47b11112843865c49',
    get lua() {
      return [p0, p2, p3, p75, `local noted, wrong = 0, nil`, `local function try(key, kind, work)
local ok, reply = pcall(work)
if ok or wrong then return end
wrong = wrong_type(type(reply) == 'table' and reply.err or tostring(reply), key, kind)
end`, `local at = 3
for i = 1, tonumber(ARGV[2]) do
local key, first, count = KEYS[i], at + 3, tonumber(ARGV[at + 2])
local most, keep = ARGV[at], tonumber(ARGV[at + 1])
at = first + 9 * count
try(key, 'stream', function()
local ms, seq = now_text, -1
for _, last in ipairs(call('XREVRANGE', key, '+', '-', 'COUNT', 1)) do
local before, n = string.match(last[1], '^(%d+)-(%d+)$')
if tonumber(before) >= now then ms, seq = before, tonumber(n) end
end
for j = first, at - 1, 9 do
seq = seq + 1
call('XADD', key, ms .. '-' .. int(seq), 'e', ARGV[j], 'n', ARGV[j + 1], 'm', ARGV[j + 2], 'o', ARGV[j + 3],
'f', ARGV[j + 4], 't', ARGV[j + 5], 'd', ARGV[j + 6], 'i', ARGV[j + 7], 'a', ARGV[j + 8])
end
call('XTRIM', key, 'MAXLEN', most)
call('PEXPIREAT', key, int(now + keep))
noted = noted + count
end)
end
local key = KEYS[tonumber(ARGV[2]) + 1]
if key then
try(key, 'zset', function()
call('ZREMRANGEBYSCORE', key, '-inf', now_text)
local add, rem = {}, {}
for j = at, #ARGV, 2 do
if ARGV[j] == '' then
rem[#rem + 1] = ARGV[j + 1]
else
add[#add + 1] = int(now + tonumber(ARGV[j]))
add[#add + 1] = ARGV[j + 1]
end
end
if rem[1] then call('ZREM', key, unpack(rem)) end
if add[1] then call('ZADD', key, unpack(add)) end
local top = call('ZRANGE', key, -1, -1, 'WITHSCORES')
if top[2] then call('PEXPIREAT', key, top[2]) end
end)
end
return { us_text, run, '', wrong and { 'error', wrong } or { 'noted', noted } }`].join('\n')
    },
  },
  index: {
    name: 'index',
    sha1: '23bd0e27c3a186f2e3423ef7348f7c49218fac52',
    get lua() {
      return [p0, p2, p75, `local trimmed = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_text)
if type(trimmed) == 'table' then return { us_text, run, '', { 'error', wrong_type(trimmed.err, KEYS[1], 'zset') } } end
local found = call('ZSCAN', KEYS[1], ARGV[2], 'MATCH', '???????? ' .. ARGV[3], 'COUNT', ARGV[4])
local out = { found[1] }
for i = 1, #found[2], 2 do out[#out + 1] = string.sub(found[2][i], 10) end
return { us_text, run, '', out }`].join('\n')
    },
  },
  inspect: {
    name: 'inspect',
    sha1: 'f14383de8b50348a36a20cb252b7f39f6948f636',
    get lua() {
      return [p0, p1, p2, p3, p4, p7, p9, p12, p64, p14, p15, p17, p65, p22, p23, p24, p25, p26, p27, p28, p33, p34, p37, p76, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, `return each(0, function(n)
local waiters = {}
local count, holders = holders_of(n)
local line = call('ZRANGE', n.line, 0, 99, 'WITHSCORES')
for i = 1, #line, 2 do
waiters[#waiters + 1] = line[i]
waiters[#waiters + 1] = line[i + 1]
waiters[#waiters + 1] = call('HGET', n.meta, line[i]) or ''
end
return { 'state', int(n.last), count, n.waiting, holders, waiters, capacity(n), n.pool and n.sharing or 0 }
end)`].join('\n')
    },
  },
  list: {
    name: 'list',
    sha1: '6d729c77c87d943ff8fb961f574ee6205feb669a',
    get lua() {
      return [p0, p2, p64, p50, p54, `local found = call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4], 'TYPE', 'string')
local keys = { found[1] }
for _, key in ipairs(found[2]) do
if not string.match(key, '^{[^}]*}:hf:') then keys[#keys + 1] = key end
end
return { us_text, run, '', keys }`].join('\n')
    },
  },
  past: {
    name: 'past',
    sha1: 'a7adbfa437f28663cd58fe7318915af9741a4f90',
    get lua() {
      return [p0, p2, p75, `local key, id, count = KEYS[1], ARGV[3], ARGV[4]
local found
if ARGV[2] == 'after' then
found = redis.pcall('XRANGE', key, '(' .. id, '+', 'COUNT', count)
else
found = redis.pcall('XREVRANGE', key, id == '' and '+' or '(' .. id, '-', 'COUNT', count)
end
if found.err then return { us_text, run, '', { 'error', wrong_type(found.err, key, 'stream') } } end
local out = {}
for _, entry in ipairs(found) do
local has = {}
for j = 1, #entry[2], 2 do has[entry[2][j]] = entry[2][j + 1] end
out[#out + 1] = entry[1]
for letter in string.gmatch('enmoftdia', '.') do out[#out + 1] = has[letter] or '' end
end
return { us_text, run, '', out }`].join('\n')
    },
  },
  q_acquire: {
    name: 'q_acquire',
    sha1: 'c1fe1097fbef59856cb599e35eb55b1b26573928',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, `local AHEAD_US = 60000000
local SLACK_US = 5000000
local MARKER_TEXT = '^(%d+) (%d+) (%S+) (%d+) (%d+)$'
local sound = false
do
local epoch, quarantine = string.match(ARGV[1], '^' .. VERSION .. ' (%d+) (%d+)$')
local noted = epoch and run ~= '' and redis.pcall('GET', KEYS[#KEYS])
local from, least, of, era, length = string.match(type(noted) == 'string' and noted or '', MARKER_TEXT)
if era and era == epoch and length == quarantine and of == run and now >= tonumber(from) then
sound = true
floor = tonumber(least)
end
end
if sound then args = given(13) end
while sound and 5 * first <= #KEYS do
local at, base = 5 * first - 4, 13 * first - 12
local owner, weight, ballot = args[base + 1], args[base + 3], args[base + 10]
local t = #ballot <= 16 and string.find(ballot, '^%d+$') and tonumber(ballot)
if not t or t > us + AHEAD_US or args[base + 2] ~= 'x' then break end
if not string.find(weight, '^[1-9]%d*$') or tonumber(weight) > MOST_TOKENS then break end
local not_after = args[base + 8]
if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
if redis.pcall('EXISTS', KEYS[at], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4]) ~= 0 then break end
local noted = redis.pcall('GET', KEYS[at + 1])
local last, all, x, before
if noted then
before, all, x = string.match(type(noted) == 'string' and noted or '', '^(%d+) m(%d+)/(%d+) ')
if not before then break end
last = tonumber(before)
else
last, all, x = math.max(floor, us - FENCE_MS * 1000 + AHEAD_US + SLACK_US), '0', '0'
before = int(last)
end
if t <= last then break end
local ends, ttl = int(now + args[base + 4]), int(args[base + 4])
if redis.pcall('SET', KEYS[at], owner, 'PXAT', ends).err then break end
call('SET', KEYS[at + 1], ballot .. ' m' .. int(t) .. '/' .. int(t) .. ' ' .. owner .. ' x '
.. weight .. ' ' .. ttl .. ' ' .. int(args[base + 5]) .. ' ' .. int(all) .. '/' .. int(x) .. ' ' .. ballot .. ' ' .. now_text
.. ' 0 ' .. args[base + 11], 'PXAT', int(now + math.max(FENCE_MS, ttl)))
out[#out + 1] = { 'granted', ballot, ends, now_text, '', '', before }
first = first + 1
end
if sound and 5 * first > #KEYS then return out end`, p8, p9, p10, p12, p64, p13, p14, p15, p16, p17, p18, p19, p20, p21, p65, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p48, p49, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p61, p67, p77, p68, p69, p70, p78, p79, p80, `local function listed(taken)
local list = {}
for slot in pairs(taken) do list[#list + 1] = slot end
table.sort(list)
return table.concat(list, ',')
end`, p81, p82, p83, p72, p73, p74, `local function invited(n, owner)
if n.waiting == 0 then return true end
local rank = call('ZRANK', n.line, owner)
if rank == 0 then return true end
local r = rank and record(n, owner)
return r and r.mode ~= 'x' and outstanding(r) or false
end`, `local function again(n, owner, asked, mine, known, t, wanted)
local token = known and tonumber(known.token) or 0
if t < token then return { 'stale', n.token } end
if not known or t > token then
if (not known or known.mode == 'x') and t <= n.last then return { 'stale', n.token } end
end
local before = n.token
if not known then
local weight = n.value == owner and '1' or int(weigh(n, owner, nil))
known = asked
known.mode = n.value == owner and 'x' or n.pool and 'p' or 's'
known.weight = weight
known.sub = sub_of(n, known.mode, '-')
end
if known.mode == 'p' and wanted ~= '' and wanted ~= slots_of(known) then
local taken = taken_slots(n, owner)
local slots = choose(taken, tonumber(known.weight), capacity(n), wanted)
if not slots then return { 'taken', 'p', owner, int(mine), '', listed(taken), before } end
known.sub = (string.match(known.sub, '^%d+/') or '0/') .. slots
end
if t > token and n.all ~= token then known.sub = string.gsub(known.sub, '^%d+', int(n.all)) end
known.token = n.ballot
mint(n, 1)
raise(n, known.mode, t)
local text = prolong(n, owner, known, mine, now + asked.ttl)
write(n, owner, known, known.ttl)
settle(n)
local taken = known.mode == 'p' and listed(taken_slots(n, owner)) or ''
return { 'granted', known.token, text, known.since, slots_of(known), taken, before }
end`, `return each(13, function(n, field)
local owner, t = field(1), ballot_of(field(10))
if not t then return { 'error', 'this version knows no such ballot' } end
local asked, verdict = asked_for(n, field, true)
if not asked then return verdict end
poll(n, field(10))
if t > us + AHEAD_US then return { 'ahead', n.token } end
local mode, weight = asked.mode, asked.permits
if mode == 'p' and asked.limit > MOST_SLOTS then
return { 'error', "on a quorum a semaphore's limit is at most " .. MOST_SLOTS }
end
local mine = held(n, owner)
local known = record(n, owner)
if mine then
if forced(n, owner, known) then return { 'forced' } end
return again(n, owner, asked, mine, known, t, field(13))
end
local wrong = mode == 'p' and agree(n, weight, asked.limit, known or field(7) ~= '')
if wrong then return { 'error', wrong } end
local before, fresh, ticket = n.token, 0, field(7)
if mode ~= 'x' or n.waiting > 0 then look(n) end
local stands = n.waiting > 0 and call('ZSCORE', n.line, owner)
local free = fits(n, mode, weight)
if field(6) == '1' and (stands and not known or not stands and (n.waiting > 0 or not free)) then
look(n)
if not stands then
call('ZADD', n.line, ticket, owner)
n.waiting = n.waiting + 1
stands, fresh = ticket, 1
end
keep(n)
if run ~= '' and subscribers(channel(owner)) > 0 then asked.sub = run end
write(n, owner, asked)
end
if n.waiting > 0 and free then
offer(n, owner)
free = invited(n, owner)
end
local taken = mode == 'p' and taken_slots(n, owner) or {}
local slots = free and mode == 'p' and choose(taken, weight, capacity(n), field(13)) or nil
if free and t <= (mode == 'x' and n.last or n.x) then
settle(n)
return { 'stale', n.token }
end
if free and (mode ~= 'p' or slots) then
if stands then
n.waiting = n.waiting - call('ZREM', n.line, owner)
if mode == 'x' then forget(n, owner) end
end
local granted = vote(n, owner, asked, now + asked.ttl, slots)
settle(n)
return { 'granted', granted[2], granted[3], now_text, slots or '', listed(taken), before }
end
settle(n)
local kind, holds, ends, info = holder(n, mode, weight)
if not stands then return { 'taken', kind, holds, ends, info, listed(taken), before } end
return { 'queued', call('ZRANK', n.line, owner) or 0, stands, fresh, kind, holds, ends, info, listed(taken),
before }
end, true)`].join('\n')
    },
  },
  q_release: {
    name: 'q_release',
    sha1: 'cfe75f80ec29a71fc5475ec7c3a6080ea466d36a',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, `local AHEAD_US = 60000000
local SLACK_US = 5000000
local MARKER_TEXT = '^(%d+) (%d+) (%S+) (%d+) (%d+)$'
local sound = false
do
local epoch, quarantine = string.match(ARGV[1], '^' .. VERSION .. ' (%d+) (%d+)$')
local noted = epoch and run ~= '' and redis.pcall('GET', KEYS[#KEYS])
local from, least, of, era, length = string.match(type(noted) == 'string' and noted or '', MARKER_TEXT)
if era and era == epoch and length == quarantine and of == run and now >= tonumber(from) then
sound = true
floor = tonumber(least)
end
end
if sound then args = given(5) end
while sound and 5 * first <= #KEYS do
local at, base = 5 * first - 4, 5 * first - 4
local owner, ballot = args[base + 1], args[base + 3]
if args[base + 2] ~= '' or args[base + 5] ~= '' or redis.pcall('GET', KEYS[at]) ~= owner then break end
if redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
local noted = redis.pcall('GET', KEYS[at + 1])
local last, all, x, who, all_before, x_before, token = string.match(type(noted) == 'string' and noted or '',
'^(%d+) m(%d+)/(%d+) (%S+) x %d+ %d+ %d+ (%d+)/(%d+) (%d+) ')
if who ~= owner then break end
local t, most = tonumber(token), tonumber(ballot)
if most and t > most then break end
last, all, x = tonumber(last), tonumber(all), tonumber(x)
if args[base + 4] == '1' then
if all == t then all = tonumber(all_before) end
if x == t then x = tonumber(x_before) end
else
all, x = math.max(all, t + 1), math.max(x, t + 1)
end
if redis.pcall('DEL', KEYS[at]) ~= 1 then break end
call('SET', KEYS[at + 1], int(math.max(last, t + 1)) .. ' m' .. int(all) .. '/' .. int(x) .. ' ', 'KEEPTTL')
out[#out + 1] = { 'released', '-', '', '-1', '', 0 }
first = first + 1
end
if sound and 5 * first > #KEYS then return out end`, p8, p9, p10, p12, p64, p14, p15, p16, p17, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p43, p48, p49, p51, p52, p54, p55, p56, p57, p58, p59, p60, p84, p85, p86, p67, p77, p68, p70, p71, p72, p73, p74, `local function count_out(n, r, failed)
local token = tonumber(r.token)
if failed then
local all, rest = string.match(r.sub, '^(%d+)/(.*)$')
if all and n.all == token then n.all = tonumber(all) end
if all and r.mode == 'x' and n.x == token then n.x = tonumber(rest) end
else
n.all = math.max(n.all, token + 1)
if r.mode == 'x' then n.x = math.max(n.x, token + 1) end
end
lift(n, token + 1)
end`, `return each(5, function(n, field)
local owner, t, failed, ticket = field(1), ballot_of(field(3)), field(4) == '1', field(5)
poll(n, false)
local mine = held(n, owner)
local r = mine and record(n, owner)
local verdict, kept, was = 'gone', nil, nil
local moved, who
local newer = t and r and tonumber(r.token) > t
if newer then
verdict = 'newer'
elseif mine or ticket == '' then
verdict, moved, kept, who, was = let_go(n, owner, tonumber(field(2)) or 0)
if was then call('DEL', n.k) end
elseif n.waiting > 0 and call('ZSCORE', n.line, owner) then
verdict = 'waits'
end
purge(n)
local changed = was ~= nil
if verdict == 'released' and r and r.token ~= '0' then
count_out(n, r, failed)
changed = true
elseif t and not kept and not newer then
local lifted = lift(n, t + 1)
changed = changed or lifted or not failed and n.all <= t
if not failed then n.all = math.max(n.all, t + 1) end
end
if changed then
keep_marks(n)
note(n)
end
if verdict == 'released' and r and ticket ~= '' then
look(n)
n.waiting = n.waiting + call('ZADD', n.line, ticket, owner)
r.token, r.state = '0', '0'
r.sub = run ~= '' and subscribers(channel(owner)) > 0 and run or '-'
write(n, owner, r)
end
if n.waiting > 0 then offer(n, nil, verdict == 'released') end
settle(n)
local left = verdict == 'left' and who or {}
local kind, holds, last, info = holder(n, left.mode, left.weight)
return { verdict, kind, holds, last, info, 0, kept }
end)`].join('\n')
    },
  },
  q_renew: {
    name: 'q_renew',
    sha1: '595bf5ce118fe4675b2cd4edd666d94b8e46c8ec',
    get lua() {
      return [p0, p1, p2, p3, p4, p7, p8, p9, p12, p64, p13, p14, p15, p16, p17, p18, p19, p65, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p48, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p67, p77, p68, p70, p78, p79, p80, p81, p82, p83, `local function lost(n, owner, field)
local r = parse(field(5))
local token = r and ballot_of(r.token)
if not token or token == 0 then return nil end
poll(n, r.token)
local mark = r.mode == 'x' and n.all or n.x
if token < mark then return nil end
purge(n)
look(n)
local weight, slots = 1, nil
if r.mode == 'p' then
weight = between(r.weight, MOST_PERMITS)
local limit = between(field(6), MOST_SLOTS)
if not weight or not limit or agree(n, weight, limit, false) then return nil end
slots = choose(taken_slots(n, owner), weight, limit, slots_of(r))
if not slots or slots_of(r) == '' then return nil end
elseif r.weight ~= '1' or r.mode ~= 's' and r.mode ~= 'x' then
return nil
end
if not fits(n, r.mode, weight) then return nil end
return r, mark, slots
end`, `return each(6, function(n, field)
local owner = field(1)
if late(field(3), field(4)) then return { 'late' } end
local mine = held(n, owner)
if not mine then
local r, mark, slots = lost(n, owner, field)
if not r then return { 'gone' } end
if n.waiting > 0 and call('ZREM', n.line, owner) == 1 then n.waiting = n.waiting - 1 end
if r.mode == 'x' then forget(n, owner) end
local granted = vote(n, owner, r, now + math.floor(field(2)), slots)
settle(n)
return { mark > 0 and 'repaired' or 'blind', granted[3], granted[2], n.waiting }
end
local r = record(n, owner)
if forced(n, owner, r) then return { 'forced' } end
local own = parse(field(5))
local slots = r and r.mode == 'p' and own and slots_of(own) or ''
if slots ~= '' and slots ~= slots_of(r) then
if not choose(taken_slots(n, owner), tonumber(r.weight), MOST_SLOTS, slots) then return { 'gone' } end
r.sub = (string.match(r.sub, '^%d+/') or '0/') .. slots
write(n, owner, r)
end
local ends = prolong(n, owner, r, mine, now + math.floor(field(2)))
local t = own and ballot_of(own.token)
if r and t and t > tonumber(r.token) then
poll(n, own.token)
r.token = own.token
mint(n, 1)
raise(n, r.mode, t)
write(n, owner, r, r.ttl)
end
settle(n)
local asked = r and r.state == ASKED and bare(r.info) or nil
return { 'renewed', ends, r and r.token or '0', n.waiting, asked }
end, true)`].join('\n')
    },
  },
  q_turn: {
    name: 'q_turn',
    sha1: '09f4e865b3912dc049b4b22ab4c4cbdf68923926',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p12, p64, p14, p15, p16, p17, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p87, p67, p77, p68, p70, p78, p79, p82, p72, p73, p74, `local function make(n, heir, r, ends, state, before)
r.sub = sub_of(n, r.mode, slots_of(before))
raise(n, r.mode, tonumber(n.ballot))
return enter(n, heir, r, ends, state)
end`, `return each(8, function(n, field)
local t = ballot_of(field(8))
if not t then return { 'error', 'this version knows no such ballot' } end
poll(n, field(8))
if t > us + AHEAD_US then return { 'ahead', n.token } end
if held(n, field(1)) and t <= n.last then return { 'stale', n.token } end
local reply = pass_on(n, field, make, function() offer(n, nil) end)
if reply[1] ~= 'turned' or reply[2] == n.ballot then return reply end
local r = record(n, field(2))
if t < tonumber(r.token) or r.mode == 'x' and t <= n.last then return { 'stale', n.token } end
r.token = n.ballot
mint(n, 1)
raise(n, r.mode, t)
write(n, field(2), r, r.ttl)
reply[2] = n.ballot
return reply
end, true)`].join('\n')
    },
  },
  release: {
    name: 'release',
    sha1: '83d5bdbcb86fe46d3f94cf13e2f61b347fb94db5',
    get lua() {
      return [p0, p1, `if ARGV[1] == VERSION then args = given(2) end
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
local at, owner = 5 * first - 4, args[2 * first]
if args[2 * first + 1] ~= '' or redis.pcall('GET', KEYS[at]) ~= owner then break end
if redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
local noted = redis.pcall('GET', KEYS[at + 1])
local before, holder, state, info = string.match(type(noted) == 'string' and noted or '',
'^(%d+ %S+ (%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ )(%d)( .*)$')
if holder ~= owner then break end
if redis.pcall('DEL', KEYS[at]) ~= 1 then break end
if state == CLAIMED or state == ASKED_CLAIMED then
call('SET', KEYS[at + 1], before .. (state == CLAIMED and '0' or ASKED) .. info, 'KEEPTTL')
end
out[#out + 1] = KEYS[10] and 'released -  -1  0' or { 'released', '-', '', '-1', '', 0 }
first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end
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
local pushes = {}
out[1], out[2] = us_text, run
local quarantined, floor = false, 0`, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, `local function pass(at, owner)
local k, line, meta = KEYS[at], KEYS[at + 2], KEYS[at + 4]
local noted = redis.pcall('GET', KEYS[at + 1])
local last = string.match(type(noted) == 'string' and noted or '', '^(%d+) %- %S+ ')
local two = last and redis.pcall('ZRANGE', line, 0, 1)
local head, second = two and two[1], two and two[2]
if not head or head == owner or not ours(head) or redis.pcall('EXISTS', KEYS[at + 3]) ~= 0 then return nil end
local body = redis.pcall('HGET', meta, head)
local weight, ttl, claim, sub, info = string.match(type(body) == 'string' and body or '',
'^x ([1-9]%d*) (%d+) (%d+) (%S+) 0 %d+ %d (.*)$')
if not weight then return nil end
local lingers = string.sub(sub, 1, 1) == LINGERS
if run ~= '' and (sub == run or sub == LINGERS .. run) and subscribers(channel(head)) == 0 then return nil end
local waiting = second and call('ZCARD', line) - 1 or 0
if redis.pcall('ZREM', line, head) ~= 1 then return nil end
local ends = now + math.min(claim, ttl)
local until_text = int(ends)
call('SET', k, head, 'PXAT', until_text)
last = tonumber(last)
local many = math.min(tonumber(weight), MOST_TOKENS)
local token = us > last and us_text or int(last + 1)
local top = many == 1 and token or int(math.max(us, last + 1) + many - 1)
call('SET', KEYS[at + 1], top .. ' - ' .. head .. ' x ' .. weight .. ' ' .. ttl .. ' ' .. claim .. ' ' .. sub .. ' '
.. token .. ' ' .. now_text .. ' ' .. CLAIMED .. ' ' .. info, 'PXAT', int(now + math.max(FENCE_MS, ttl)))
push('grant', head, token .. ' ' .. us_text .. ' ' .. until_text .. ' ' .. run)
if second then
call('HDEL', meta, head)
if lingers then push('wanted', head, us_text) end
local who = client(head)
if second ~= owner then
if client(second) == who then second = other(line, who) or second end
push('first', second, us_text .. ' ' .. until_text .. ' ' .. run)
end
local life = ends + waiting * ASK_SPACING_MS + LINE_TAIL_MS
if life > ends_at(line) then
call('PEXPIREAT', line, int(life))
call('PEXPIREAT', meta, int(life))
end
else
call('DEL', meta)
end
return { 'released', 'x', head, until_text, bare(info), waiting }
end`, `while ARGV[1] == VERSION and KEYS[5 * first - 4] do
local owner = args[2 * first]
if args[2 * first + 1] ~= '' or redis.pcall('GET', KEYS[5 * first - 4]) ~= owner then break end
local verdict = pass(5 * first - 4, owner)
if not verdict then break end
out[#out + 1] = verdict
first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then
publish()
return out
end
local MOST_PERMITS = 1000
local MOST_LIMIT = 1000000
local MOST_LOOKS = 10000`, p14, p15, p16, p17, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p42, p43, p44, p66, p45, p46, p47, p48, p49, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, p84, p85, p86, `return each(2, function(n, field)
local owner = field(1)
local verdict, moved, kept, r, was = let_go(n, owner, tonumber(field(2)) or 0)
purge(n)
if n.waiting > 0 then advance(n, owner, moved) end
if was then
if not n.value then call('DEL', n.k) end
retire(n, owner, was)
end
settle(n)
if kept and n.behind == 0 then n.behind = math.max(0, n.waiting - 1) end
local left = verdict == 'left' and r or {}
local kind, holds, last, info = holder(n, left.mode, left.weight)
return { verdict, kind, holds, n.pool and (n.claim or kept) or last, info, n.behind, kept }
end, false, true)`].join('\n')
    },
  },
  renew: {
    name: 'renew',
    sha1: '3aa059df776f9eddab3a8be5eb2c703f5dc3ec0a',
    get lua() {
      return [p0, p1, p2, p3, p4, p7, `if ARGV[1] == VERSION then args = given(4) end
local ttl, ends, fence_ends
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
local at, base = 5 * first - 4, 4 * first - 3
local owner, not_after = args[base + 1], args[base + 3]
if not_after ~= '' and (args[base + 4] ~= run or now > tonumber(not_after)) then break end
if redis.pcall('GET', KEYS[at]) ~= owner or redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
local noted = redis.pcall('GET', KEYS[at + 1])
local holder, token, state = string.match(type(noted) == 'string' and noted or '',
'^%d+ %S+ (%S+) %a %d+ %d+ %d+ %S+ (%d+) %d+ (%d) ')
if holder ~= owner or state ~= '0' then break end
if ttl ~= args[base + 2] then
ttl = args[base + 2]
local last = now + math.floor(ttl)
ends, fence_ends = int(last), int(math.max(now + FENCE_MS, last))
end
local mine = redis.pcall('PEXPIRETIME', KEYS[at])
if type(mine) ~= 'number' or mine >= tonumber(ends) then break end
if redis.pcall('PEXPIREAT', KEYS[at], ends) ~= 1 or redis.pcall('PEXPIREAT', KEYS[at + 1], fence_ends) ~= 1 then break end
out[#out + 1] = KEYS[10] and 'renewed ' .. ends .. ' ' .. token .. ' 0' or { 'renewed', ends, token, 0 }
first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end`, p8, p9, p12, p64, p14, p15, p16, p17, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p33, p34, p36, p37, p38, p41, p44, p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, `return each(4, function(n, field)
local owner = field(1)
if late(field(3), field(4)) then return { 'late' } end
local mine = held(n, owner)
if not mine then return { 'gone' } end
local r = record(n, owner)
if forced(n, owner, r) then return { 'forced' } end
local ends = prolong(n, owner, r, mine, now + math.floor(field(2)))
confirm(n, owner, r)
settle(n)
local asked = r and r.state == ASKED and bare(r.info) or nil
return { 'renewed', ends, r and r.token or '0', n.waiting, asked }
end, true, true)`].join('\n')
    },
  },
  resize: {
    name: 'resize',
    sha1: '833886d6a3bb56018dbe41fbd1f025bdfca35bbe',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p64, p13, p14, p15, p17, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p37, p39, p40, p42, p43, p45, p46, p47, p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p67, p68, p69, p72, p73, p74, `return each(3, function(n, field)
if late(field(2), field(3)) then return { 'late' } end
local wanted = between(field(1), MOST_LIMIT)
if field(1) ~= '' and not wanted then return { 'error', 'this version knows no such limit' } end
local before = capacity(n)
if wanted and before > 0 and wanted ~= before then
n.limit, n.unsaved = wanted, true
keep(n)
purge(n)
if n.waiting > 0 and votes(n) then
poll(n, false)
offer(n, nil, wanted > before)
elseif n.waiting > 0 then
advance(n, nil, wanted > before)
end
settle(n)
end
local kind = holder(n)
local withheld = n.withheld and n.sharing > 0
return { 'limit', n.limit, n.pool and n.sharing or 0, n.waiting, kind, withheld and 1 or 0 }
end)`].join('\n')
    },
  },
  status: {
    name: 'status',
    sha1: '7cb0c4fdc9f5ed6113cb0402547f36ba254b32ea',
    get lua() {
      return [p0, p2, p64, p50, p54, `local function info(section)
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
} }`].join('\n')
    },
  },
  turn: {
    name: 'turn',
    sha1: '2760fcd85c8a100acb00c97e701e62ebe92ebe6c',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p64, p14, p15, p16, p17, p19, p20, p21, p22, p23, p24, p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p45, p46, p47, p48, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p87, `local function hand_on(n)
advance(n, nil, false)
end`, `return each(7, function(n, field)
return pass_on(n, field, enter, hand_on)
end, true)`].join('\n')
    },
  },
  waits: {
    name: 'waits',
    sha1: 'e5365b412305e4166e1aa99a604269e3e007f23b',
    get lua() {
      return [p0, p1, p2, p3, p4, p5, p7, p9, p10, p12, p64, p14, p15, p65, p22, p23, p24, p25, p26, p27, p28, p33, p34, p37, p43, p76, p50, p51, p52, p54, p55, p56, p57, p58, p59, p60, `return each(1, function(n, field)
local owner, text = field(1), ''
if n.waiting > 0 and call('ZSCORE', n.line, owner) then
local r = record(n, owner)
if r and not is_dead(owner, r) then text = call('HGET', n.meta, owner) or '' end
end
local count, holders = holders_of(n)
return { 'waits', text, count, n.withheld and n.sharing > 0 and 1 or 0, holders }
end)`].join('\n')
    },
  },
}
