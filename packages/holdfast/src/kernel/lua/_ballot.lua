-- A node of a quorum: what a name has there beside _state.lua. The tokens are ballots, which the clients
-- propose; nobody is made a holder by a message, and who waits is offered the name. docs/protocol.md;
-- safety.md 2.1 to 2.6; design, section 7.
--
-- The fence key is 'b marks owner record'. b is the highest ballot that the node ever granted or was told
-- of: an exclusive grant needs a larger one. marks is 'm all/x', written without the blank: the highest
-- ballot granted, and granted exclusively, that is not known to have failed. A lost tenure is taken up
-- again only by a ballot that is not below its mark. 0: the node does not know.
--
-- sub of a holder's record is 'all/rest': the marks before its grant; the rest is x of an exclusive one, of
-- permits the slots (as 0,4), else '-'.
--
-- A semaphore's permits are slots here, numbers from 0 to limit - 1: a count does not compose over
-- majorities. A node grants slots that nobody holds there.

-- An offer that is made once more stands for at least so long.
local REOFFER_MS = 1000
-- The largest semaphore: every request reads all its records.
local MOST_SLOTS = 1000

local function ballot_of(text)
  return string.match(text, '^%d+$') and #text <= 16 and tonumber(text) or nil
end

-- Reads b and the marks; ballot: the one that this item is of.
local function poll(n, ballot)
  n.ballot = ballot
  local all, x = string.match(n.lapsed, '^m(%d+)/(%d+)$')
  if n.noted then
    n.all, n.x = tonumber(all or n.token), tonumber(x or n.token)
    return
  end
  -- Expired, or lost with the rest: no ballot that was granted before can be above this.
  n.all, n.x = 0, 0
  n.last = math.max(floor, us - FENCE_MS * 1000 + AHEAD_US + SLACK_US)
  n.token = int(n.last)
end

-- Has a quorum ever been granted this name here?
local function votes(n)
  return string.sub(n.lapsed, 1, 1) == 'm'
end

local function keep_marks(n)
  n.lapsed = 'm' .. int(n.all) .. '/' .. int(n.x)
end

-- Makes b at least this.
local function lift(n, least)
  if least <= n.last then return false end
  n.last, n.token = least, int(least)
  return true
end

-- The marks after a grant of this ballot.
local function raise(n, mode, t)
  n.all = math.max(n.all, t)
  if mode == 'x' then n.x = math.max(n.x, t) end
  keep_marks(n)
end

-- The slots that a record holds, as text.
local function slots_of(r)
  return r and r.mode == 'p' and string.match(r.sub, '^%d+/(%d[%d,]*)$') or ''
end

-- Which slots are held by others than this owner.
local function taken_slots(n, but)
  local taken = {}
  if not n.pool or n.sharing == 0 then return taken end
  local live = sharers(n, MOST_SLOTS)
  for i = 1, #live, 2 do
    if live[i] ~= but then
      for slot in string.gmatch(slots_of(record(n, live[i])), '%d+') do taken[tonumber(slot)] = true end
    end
  end
  return taken
end

local function listed(taken)
  local list = {}
  for slot in pairs(taken) do list[#list + 1] = slot end
  table.sort(list)
  return table.concat(list, ',')
end

-- The slots of a request: those it names, if all are free, or the lowest free ones; nil if it cannot be.
local function choose(taken, weight, limit, wanted)
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
end

local function sub_of(n, mode, slots)
  return int(n.all) .. '/' .. (mode == 'x' and int(n.x) or mode == 'p' and slots or '-')
end

-- Makes the owner a holder with the ballot of this item. r.sub is set here.
local function vote(n, owner, r, ends, slots)
  r.sub = sub_of(n, r.mode, slots)
  raise(n, r.mode, tonumber(n.ballot))
  return enter(n, owner, r, ends)
end

-- Takes this waiter out of the line, for good or to come back.
local function drop(n, owner)
  call('ZREM', n.line, owner)
  n.waiting = n.waiting - 1
  forget(n, owner)
end

local function outstanding(r)
  return r.state == OFFERED and now <= tonumber(r.claim)
end

-- Tells those at the head of the line who fit that the name is free for them, for a claim: until then
-- nobody else comes in. An offer that nobody took costs its waiter the place. Makes no holder. anew: the name
-- was held meanwhile, so that what was told before says nothing any more.
local function offer(n, caller, anew)
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
      -- It is told to ask, and hears why.
      drop(n, head)
      push('first', head, us_text .. ' ' .. now_text .. ' ' .. run .. ' ' .. n.token)
    elseif mode and r.mode ~= mode or not fits(n, r.mode, weights + tonumber(r.weight)) then
      -- It will be free earlier than the first in line was told.
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
        -- The length of an offer is no longer known where one was made: it stands as long as from the first.
        local length = r.state == OFFERED and math.max(0, tonumber(r.claim) - now) or tonumber(r.claim)
        if anew and r.state == OFFERED then length = math.max(length, REOFFER_MS) end
        r.state, r.claim = OFFERED, int(now + length)
        write(n, head, r)
        if head ~= caller then push('first', head, us_text .. ' ' .. now_text .. ' ' .. run .. ' ' .. n.token) end
        -- Should the first be gone, the second knows when to ask.
        if r.mode == 'x' and two[2] then
          push('first', two[2], us_text .. ' ' .. r.claim .. ' ' .. run .. ' ' .. n.token)
        end
      end
      if r.mode == 'x' then return end
      mode, weights, at = r.mode, weights + tonumber(r.weight), at + 1
    end
  end
end

-- May this owner come in before those who stand in line?
local function invited(n, owner)
  if n.waiting == 0 then return true end
  local rank = call('ZRANK', n.line, owner)
  if rank == 0 then return true end
  -- Beside others who were invited together; but of those who want it alone the first comes first.
  local r = rank and record(n, owner)
  return r and r.mode ~= 'x' and outstanding(r) or false
end
