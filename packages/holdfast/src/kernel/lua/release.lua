-- release: ends a tenure, or leaves the line; the name goes to the next in line. Idempotent.
--
-- KEYS: see _name.lua.
-- ARGV, 2 for each item: owner, holdAtLeast: for how many ms from its grant on a tenure keeps the name
--   from others, although its holder has let go of it ('' or 0: not at all)
-- Reply of an item, each followed by who holds the name now (kind owner expiry info), and by how many
-- wait behind the claim that this call gave away by a message (an integer; 0 if it gave none):
--   released | left (was a waiter) | gone (was neither: over, or never was) | error text
--   kept (stays the owner's until the expiry that is one more value; the number is of those behind the head)

--@include _name

-- When a tenure may end that is to end now, and its record; nil: now. From the grant, by the server's
-- clock: a late or doubled release gives the same. After a step of that clock never more than asked for.
local function due(n, owner, least)
  local r = least > 0 and record(n, owner)
  if not r or r.token == '0' then return nil end
  local ends = math.min(tonumber(r.since), now) + least
  if ends > now then return ends, r end
end

-- Makes a tenure end then, sooner or later than its lease would, and for good: FORCED refuses whatever
-- would prolong it. Returns whether the end is later than anybody was told.
local function retain(n, owner, r, mine, ends)
  -- A full memory refuses no script that has written; `hold` writes K anew for those who share.
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
end

return each(2, function(n, field)
  local owner, least = field(1), tonumber(field(2)) or 0
  local verdict, moved, was, kept = 'gone', false, nil, nil
  local shares = n.value ~= owner and (n.members > 0 or n.value) and call('ZSCORE', n.shared, owner)
  if shares then look(n) end
  local mine = (shares or n.value == owner) and held(n, owner)
  local ends, r = nil, nil
  if mine then ends, r = due(n, owner, least) end
  if ends then
    verdict, kept = 'kept', int(ends)
    moved = retain(n, owner, r, mine, ends)
  elseif n.value == owner then
    verdict = 'released'
    -- K is overwritten by the next holder, and deleted below when there is none. ZREM or DEL is
    -- thus the first write: a full memory refuses neither.
    n.value = false
    n.expiry = nil
    was, n.top = n.top, ''
  elseif shares then
    if mine then verdict = 'released' end
    call('ZREM', n.shared, unpack(spread(owner, weigh(n, owner, record(n, owner)))))
    forget(n, owner)
    if n.members > 0 then share(n) end
    n.expiry = nil
    shadow(n)
    -- The name may be free earlier than the first in line was told.
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
      -- A record is left where somebody deleted the line.
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
  -- The head is told when it ends; whoever released may look after those behind it.
  if kept and n.behind == 0 then n.behind = math.max(0, n.waiting - 1) end
  -- Who gives up is told whom it waited for.
  local left = verdict == 'left' and r or {}
  local kind, holds, last, info = holder(n, left.mode, left.weight)
  -- Of the permits, the claim is what whoever released looks after, and not the last to end.
  return { verdict, kind, holds, n.pool and (n.claim or kept) or last, info, n.behind, kept }
end)
