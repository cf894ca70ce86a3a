-- Permits: a semaphore's holders among the shared ones. See _name.lua.
--
-- A holder of w permits is w members with one expiry: owner, owner#1 ... owner#(w - 1). One ZCOUNT is thus
-- the number of permits in use, by the server's time alone, and those of a dead holder stop counting by
-- themselves. meta has a field 'n' beside the records: 'limit base', where base is the limit from before
-- anybody resized. It binds all who ask, for as long as somebody holds or waits.

-- A grant and each renewal write one member for each permit.
local MOST_PERMITS = 1000
local MOST_LIMIT = 1000000
-- How many members force and inspect look at: they are to find holders, and one has up to MOST_PERMITS.
local MOST_LOOKS = 10000

local function between(text, most)
  local number = string.match(text, '^[1-9]%d*$') and tonumber(text)
  return number and number <= most and number or nil
end

local function owner_of(member)
  return string.match(member, '^[^#]*')
end

-- The members of an owner, each behind the score if there is one. Few enough for unpack.
local function spread(owner, weight, score)
  local out = {}
  for i = 0, math.min(weight, MOST_PERMITS) - 1 do
    if score then out[#out + 1] = score end
    out[#out + 1] = i == 0 and owner or owner .. '#' .. i
  end
  return out
end

-- How many members a shared holder has; r: its record, or nil where somebody deleted it.
local function weigh(n, owner, r)
  if r then return r.mode == 'p' and tonumber(r.weight) or 1 end
  local weight = 1
  while call('ZSCORE', n.shared, owner .. '#' .. weight) do weight = weight + 1 end
  return weight
end

-- The limit that binds, read once; 0 where there is none: then no head of the line is let in.
local function capacity(n)
  if not n.limit then
    n.limit, n.base = 0, 0
    if n.looked and (n.waiting > 0 or n.pool and n.sharing > 0) then
      local limit, base = string.match(call('HGET', n.meta, 'n') or '', '^(%d+) (%d+)$')
      if limit then n.limit, n.base = tonumber(limit), tonumber(base) end
    end
  end
  return n.limit
end

-- Somebody asks for permits and says what the limit is: what is wrong with it, or nil.
local function agree(n, weight, limit, stands)
  if capacity(n) == 0 then
    n.limit, n.base, n.unsaved = limit, limit, true
  elseif not stands and limit ~= n.limit and limit ~= n.base then
    return "the semaphore's limit is " .. n.limit .. ', and not ' .. limit
  end
  if weight > n.limit then
    return "the semaphore's limit is " .. n.limit .. ', and ' .. weight .. ' permits are more'
  end
end

-- After the first write of a grant or a place, which a full memory may refuse.
local function keep(n)
  if n.unsaved then call('HSET', n.meta, 'n', n.limit .. ' ' .. n.base) end
  n.unsaved = false
end

-- Can this waiter never be let in, because the limit was made less than what it asks for?
local function excess(n, r)
  return r.mode == 'p' and capacity(n) > 0 and tonumber(r.weight) > n.limit
end

-- The shared holder whose end is waited for, and when that is: the last one. Who wants permits waits
-- for the one with whom enough of them have ended.
local function awaited(n, mode, weight)
  local rank = -1
  if mode == 'p' and n.pool then
    local over = n.sharing + weight - capacity(n)
    if over > 0 and over < n.sharing then rank = n.members - n.sharing + over - 1 end
  end
  return call('ZRANGE', n.shared, rank, rank, 'WITHSCORES')
end

-- The shared holders that end first: { owner, expiry, ... }, at most so many, and how many were seen.
local function sharers(n, most)
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
end
