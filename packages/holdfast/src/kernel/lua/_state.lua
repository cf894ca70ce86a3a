-- The keys of one name: read, and written by whoever enters, stays or goes. See _name.lua.

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
    n.withheld = call('HGET', n.meta, WITHHELD)
    n.looked = true
  end
end

-- Reads what the item needs, so that a key of a wrong type fails before anything is written.
local function load(at)
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
  -- All fields at once: a table that grows is built anew at every step.
  local n = { k = k, fence = fence, line = line, shared = shared, meta = meta, value = value, noted = noted,
    token = token, last = tonumber(token), lapsed = lapsed, top = top, waiting = waiting, members = 0,
    sharing = 0, expiry = false, ends = false, holder = false, behind = 0, looked = false, wrote = false,
    withheld = false, pool = pool, limit = false, base = 0, unsaved = false, freed = false, claim = false,
    ballot = false }
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

-- Somebody deleted K, or had taken it, under its shared holders: what they are is in their records.
local function mend(n)
  if n.value or n.sharing == 0 then return end
  local r = record(n, owner_of(call('ZRANGE', n.shared, -1, -1)[1]))
  n.pool = r ~= nil and r.mode == 'p'
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
    call('SET', n.k, n.pool and PERMITS or MARKER, 'PXAT', last[2])
  elseif n.value then
    n.value = false
    call('DEL', n.k)
  end
end

-- When K ends: nil without K, -1 for a foreign key that never ends.
local function expiry(n)
  if not n.expiry and n.value then n.expiry = ends_at(n.k) end
  return n.value and n.expiry or nil
end

-- Mode: may a holder of this mode enter beside those who are in?
local function fits(n, mode, weight)
  if n.value and n.value ~= MARKER then return false end
  -- Beside those who were asked to go nobody comes in, or they would never be gone.
  if n.withheld and n.sharing > 0 then return false end
  if mode == 'p' then return (n.pool or n.sharing == 0) and n.sharing + weight <= capacity(n) end
  return n.sharing == 0 or mode == 's' and not n.pool
end

-- Mode: until when this owner holds the name, or nil.
local function held(n, owner)
  if n.value == owner then return expiry(n) end
  if n.sharing == 0 then return nil end
  local score = tonumber(call('ZSCORE', n.shared, owner) or '-1')
  return score >= now and score or nil
end

-- Mode: writes this owner's expiry, as a new holder or a prolonged one.
local function hold(n, owner, mode, ends, weight)
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
end

-- Until when the lease of a holder runs that asks for this end, as text. An earlier end is never written.
local function prolong(n, owner, r, mine, ends)
  if mine >= ends then
    -- Something is written all the same: a WAIT waits for what its own connection has written. Where
    -- others share the name, `settle` does it.
    if n.value == owner then call('PEXPIREAT', n.fence, int(math.max(now + FENCE_MS, mine))) end
    return int(mine)
  end
  if n.value ~= owner then return hold(n, owner, n.pool and 'p' or 's', ends, weigh(n, owner, r)) end
  local text = hold(n, owner, 'x', ends)
  -- The record is there for as long as the tenure that it is of.
  call('PEXPIREAT', n.fence, int(math.max(now + FENCE_MS, ends)))
  return text
end

-- The next token, and those behind it that are reserved for the same owner: so many in all. The last of them
-- is noted. Of a quorum the ballot.
local function mint(n, many)
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
end

-- How many tokens a request or a record of it takes.
local function tokens(r)
  return r.mode == 'x' and math.min(tonumber(r.weight), MOST_TOKENS) or 1
end

-- Did somebody ask for the end of this owner's tenure? Of those who share, all were asked at once.
local function forced(n, owner, r)
  return r and r.state == FORCED or n.withheld and n.value ~= owner
end

-- Mints the token and makes the owner a holder. SET or ZADD comes first: when memory is full
-- (and nothing was written yet) it is refused, and the name is as it was.
local function enter(n, owner, r, ends, state)
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
      -- Some were there: those of a tenure that a stranger in K had ended.
      share(n)
    end
    if r.mode == 'p' then keep(n) end
  -- Else nobody is left for whom `settle` would keep it.
  elseif n.waiting > 0 then
    forget(n, owner)
  end
  r.token = mint(n, tokens(r))
  r.since = now_text
  r.state = state or '0'
  write(n, owner, r, r.ttl)
  return { 'granted', r.token, text }
end
