-- The state machine of one name: shared by every script. docs/protocol.md is its specification.
--
-- KEYS: five for each item, in this order
--   K       string  the exclusive holder's owner id, or MARKER while shared holders live
--   fence   string  'token lapsed owner record': the highest fencing token ever granted; the owner id
--                   whose claim last ran out, or '-'; the last exclusive holder and its record
--   line    zset    waiters: member = owner id, score = ticket (server microseconds)
--   shared  zset    shared holders: member = owner id, score = expiry (server milliseconds)
--   meta    hash    owner id -> record, of waiters and shared holders
-- ARGV[1]: protocol version, then a fixed number of fields for each item.
-- Reply: { server microseconds, run id, push failure or '', reply of item 1, reply of item 2, ... }
--
-- A record is 'mode weight ttl claim sub token since state info'; a waiter's token is 0. A state is
-- 0, FORCED (somebody asked for the end), or CLAIMED (granted by a message, and not renewed yet).
-- Each item runs under pcall with a verdict of its own; all messages are published at the end.
--
-- A hand-over waits for this script, so it is written for speed: few commands (a rare one costs some
-- microseconds), few numbers formatted. The bundle leaves out the functions that a script does not use.

local VERSION = '1'
local MARKER = 'hf:shared'
local FORCED, CLAIMED = '1', '2'
-- A fence key outlives its grant by at least this, so that a clock that steps back is noticed.
local FENCE_MS = 600000
-- Waiters ask again within a claim of the holder's end; the line outlives the last ask.
local ASK_SPACING_MS = 500
local LINE_TAIL_MS = 10000
-- The most heads, or dead shared holders, that one call works off.
local STEPS = 64

local call = redis.call
local time = call('TIME')
-- As text, from the text that TIME gave: to format a number of this size costs more than a GET.
local us_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_text = string.sub(us_text, 1, -4)
local us, now = tonumber(us_text), tonumber(now_text)
-- Forbidden by a strict ACL: then the run is unknown, and clients confirm every push by a renewal.
local server = redis.pcall('INFO', 'server')
local run = ''
if type(server) == 'string' then
  local _, at = string.find(server, 'run_id:', 1, true)
  if at then run = string.sub(server, at + 1, at + 16) end
end
local pushes = {}

-- Never tostring(): it rounds numbers of this size.
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

-- Counts the shared holders. The zset is the truth about them, and K only its shadow; but beside an
-- exclusive holder nobody shares: a stranger in K has taken the name from those who did.
local function share(n)
  n.members = call('ZCARD', n.shared)
  local counts = n.members > 0 and (not n.value or n.value == MARKER)
  n.sharing = counts and call('ZCOUNT', n.shared, now_text, '+inf') or 0
end

-- Somebody waits or shares, or is to: meta counts. Before the first write, for its type.
local function look(n)
  if not n.looked then
    call('HLEN', n.meta)
    n.looked = true
  end
end

-- Reads what the item needs, so that a key of a wrong type fails before anything is written.
local function load(at)
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
  -- All fields at once: a table that grows is built anew at every step.
  local n = { k = k, fence = fence, line = line, shared = shared, meta = meta, value = value, noted = noted,
    token = token, last = tonumber(token), lapsed = lapsed, top = top, waiting = waiting, members = 0,
    sharing = 0, expiry = false, ends = false, holder = false, behind = 0, looked = false, wrote = false }
  if waiting > 0 or not value or value == MARKER then share(n) end
  if waiting > 0 or n.members > 0 then look(n) end
  return n
end

local function parse(body)
  local mode, weight, ttl, claim, sub, token, since, state, info =
    string.match(body or '', '^(%a) (%d+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d) (.*)$')
  if not mode then return nil end
  return { mode = mode, weight = weight, ttl = ttl, claim = claim, sub = sub,
    token = token, since = since, state = state, info = info }
end

-- The body of the last exclusive holder's record, if that was this owner.
local function body_of(n, owner)
  return string.sub(n.top, 1, #owner + 1) == owner .. ' ' and string.sub(n.top, #owner + 2) or nil
end

local function record(n, owner)
  local body = body_of(n, owner) or n.looked and call('HGET', n.meta, owner)
  return body and parse(body) or nil
end

-- Writes the fence key: for as long as a new grant needs, or as long as it lives already.
local function note(n, ttl)
  local text = n.token .. ' ' .. n.lapsed .. ' ' .. n.top
  if n.noted and not ttl then
    call('SET', n.fence, text, 'KEEPTTL')
  else
    call('SET', n.fence, text, 'PXAT', int(now + math.max(FENCE_MS, ttl or 0)))
    n.noted = true
  end
end

-- Writes a record; ttl: with a token that was just minted.
local function write(n, owner, r, ttl)
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
end

local function forget(n, owner)
  if n.looked then call('HDEL', n.meta, owner) end
end

-- Removes shared holders whose time is up, a bounded number of them, with their records.
local function purge(n)
  if n.members > n.sharing then
    local dead = call('ZRANGEBYSCORE', n.shared, '-inf', '(' .. now_text, 'LIMIT', 0, STEPS)
    if not dead[1] then return end
    call('ZREM', n.shared, unpack(dead))
    call('HDEL', n.meta, unpack(dead))
    n.members = n.members - #dead
  end
end

-- Makes K agree with the shared holders: the marker until the last of them ends, or gone.
local function shadow(n)
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
end

-- When a key ends, or -1.
local function ends_at(key)
  local ends = redis.pcall('PEXPIRETIME', key)
  if type(ends) == 'number' then return math.max(ends, -1) end
  -- Before 7.0: a little early, because the clock has gone on since TIME was read.
  local left = call('PTTL', key)
  return left >= 0 and now + left or -1
end

-- When K ends: nil without K, -1 for a foreign key that never ends.
local function expiry(n)
  if not n.expiry and n.value then n.expiry = ends_at(n.k) end
  return n.value and n.expiry or nil
end

-- Mode: may a holder of this mode enter beside those who are in?
local function fits(n, mode)
  if n.value and n.value ~= MARKER then return false end
  return mode == 's' or n.sharing == 0
end

-- Mode: until when this owner holds the name, or nil.
local function held(n, owner)
  if n.value == owner then return expiry(n) end
  if n.sharing == 0 then return nil end
  local score = tonumber(call('ZSCORE', n.shared, owner) or '-1')
  return score >= now and score or nil
end

-- Mode: writes this owner's expiry, as a new holder or a prolonged one.
local function hold(n, owner, mode, ends)
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
end

-- Until when the lease of a holder runs that asks for this end, as text. An earlier end is never written.
local function prolong(n, owner, mine, ends)
  if mine >= ends then return int(mine) end
  return hold(n, owner, n.value == owner and 'x' or 's', ends)
end

-- The next token.
local function mint(n)
  n.last = math.max(us, n.last + 1)
  n.token = n.last == us and us_text or int(n.last)
  return n.token
end

-- Mints the token and makes the owner a holder. SET or ZADD comes first: when memory is full
-- (and nothing was written yet) it is refused, and the name is as it was.
local function enter(n, owner, r, ends, state)
  local text = hold(n, owner, r.mode, ends)
  if r.mode == 's' then
    n.sharing = n.sharing + 1
    n.members = n.members + 1
  -- Else nobody is left for whom `settle` would keep it.
  elseif n.waiting > 0 then
    forget(n, owner)
  end
  r.token = mint(n)
  r.since = now_text
  r.state = state or '0'
  write(n, owner, r, r.ttl)
  return { 'granted', r.token, text }
end

local function subscribers(channel)
  local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
  return type(count) == 'table' and not count.err and tonumber(count[2]) or -1
end

-- Whoever asks for its claim is alive.
local function confirm(n, owner, r)
  if r and r.state == CLAIMED then
    r.state = '0'
    write(n, owner, r)
  end
end

-- An exclusive tenure was ended, and n.top was taken out meanwhile. Where nobody followed, its record
-- stays with the fence, so that a late copy of its acquire is refused; its claim did not run out.
local function retire(n, owner, was)
  if n.value or n.sharing > 0 then return end
  n.top = was
  confirm(n, owner, record(n, owner))
end

-- The client that let its claim run out, as far as is known: it costs the others one claim, and its
-- other places none. Whoever of it is alive asks, and comes back to its old place.
local function silent(n, caller)
  local who, state = string.match(n.top, '^(%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ (%d)')
  if state == CLAIMED and n.value ~= who then n.lapsed = who end
  local suspect = client(n.lapsed)
  if caller and suspect == client(caller) then
    n.lapsed = '-'
    return nil
  end
  return suspect
end

-- The first in line who is not of this client, near the head.
local function other(n, of)
  for _, owner in ipairs(call('ZRANGE', n.line, 0, STEPS - 1)) do
    if client(owner) ~= of then return owner end
  end
end

-- The one hand-over: lets in from the head of the line who fits. The caller, if it is among them,
-- gets its full lease in this reply; the others get a claim and a message.
-- moved: the head of the line has already changed.
local function advance(n, caller, moved)
  local granted, head, r, pushed
  local suspect = n.waiting > 0 and silent(n, caller)
  for step = 1, STEPS + 1 do
    if n.waiting == 0 then break end
    local two = call('ZRANGE', n.line, 0, 1)
    head = two[1]
    r = record(n, head)
    if r and not fits(n, r.mode) then break end
    -- What remains is done by the new head, which is told that the name is free now.
    if step > STEPS then break end
    call('ZREM', n.line, head)
    n.waiting = n.waiting - 1
    moved = true
    local to = channel(head)
    if not r then
      forget(n, head)
    elseif head == caller then
      granted = enter(n, head, r, now + r.ttl)
    -- Zero subscribers means dead only where the waiter was seen to be subscribed on this run.
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
      -- Nobody fits beside it.
      head = two[2]
      break
    end
  end
  -- More wait behind a claim of this call: whoever made the call may look after them.
  if pushed then n.behind = n.waiting end
  if moved and n.waiting > 0 and head ~= caller then
    local free = fits(n, r and r.mode) and now_text or n.ends or int(expiry(n) or now)
    -- If the one who was granted the name is dead, so are the others of its process.
    if client(head) == pushed then head = other(n, pushed) or head end
    push('first', head, us_text .. ' ' .. free .. ' ' .. run)
  end
  return granted
end

-- Gives line, meta and shared the life they need: until the last of those whom they serve is gone.
local function settle(n)
  -- Somebody deleted K under its shared holders.
  if not n.value and n.sharing > 0 then shadow(n) end
  if n.waiting == 0 and n.sharing == 0 then
    if n.looked then call('DEL', n.meta, n.shared) end
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
end

-- Who holds: { kind, owner, expiry or -1, info }; kind is x, s, f (a holder of another library) or -.
local function holder(n)
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
end

-- A request made for another server run, or past its time, is refused: its caller has given up.
local function late(not_after, of_run)
  return not_after ~= '' and (of_run ~= run or now > tonumber(not_after))
end

-- Which of a name's keys is of a wrong type: asked only when the server said that one is.
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

-- Runs item(n, field) for each name; field(j) is the j-th of its arguments.
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
      reply = { 'error', string.find(text, 'WRONGTYPE Operation', 1, true) and mismatch(5 * i - 4) or text }
    end
    out[#out + 1] = reply
  end
  for _, p in ipairs(pushes) do
    local sent = redis.pcall('PUBLISH', p[1], p[2])
    if type(sent) == 'table' and sent.err then out[3] = sent.err end
  end
  return out
end
