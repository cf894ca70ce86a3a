-- What the end of a tenure is on one server, whoever comes next. See release.lua.

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

-- Ends a tenure, or leaves the line: the verdict, whether the head of the line has changed, the end of what is
-- kept, the record of whoever left, and n.top from before where an exclusive tenure was ended.
local function let_go(n, owner, least)
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
    -- K is overwritten by the next holder, and deleted below when there is none. ZREM or DEL is
    -- thus the first write: a full memory refuses neither.
    n.value = false
    n.expiry = nil
    was, n.top = n.top, ''
    -- Those whom a stranger pushed out, who wrote this owner's id, are back.
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
  return verdict, moved, nil, r, was
end
