-- release: ends a tenure, or leaves the line; the name goes to the next in line. Idempotent.
--
-- KEYS: see _name.lua.
-- ARGV, 1 for each item: owner
-- Reply of an item, each followed by who holds the name now (kind owner expiry info), and by how many
-- wait behind the claim that this call gave away by a message (an integer; 0 if it gave none):
--   released | left (was a waiter) | gone (was neither: over, or never was) | error text

--@include _name

return each(1, function(n, field)
  local owner = field(1)
  local verdict, moved, was = 'gone', false, nil
  if n.value == owner then
    verdict = 'released'
    -- K is overwritten by the next holder, and deleted below when there is none. ZREM or DEL is
    -- thus the first write: a full memory refuses neither.
    n.value = false
    n.expiry = nil
    was, n.top = n.top, ''
  elseif (n.members > 0 or n.value) and call('ZSCORE', n.shared, owner) then
    look(n)
    local ends = held(n, owner)
    if ends then verdict = 'released' end
    call('ZREM', n.shared, unpack(spread(owner, weigh(n, owner, record(n, owner)))))
    forget(n, owner)
    if n.members > 0 then share(n) end
    n.expiry = nil
    shadow(n)
    -- The name may be free earlier than the first in line was told.
    n.freed = ends or false
  else
    local rank = n.waiting > 0 and call('ZRANK', n.line, owner)
    if rank then
      verdict = 'left'
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
  local kind, holds, ends, info = holder(n)
  -- Of the permits, the claim is what whoever released looks after, and not the last to end.
  return { verdict, kind, holds, n.pool and n.claim or ends, info, n.behind }
end)
