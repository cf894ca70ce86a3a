-- release: ends a tenure, or leaves the line; the name goes to the next in line. Idempotent.
--
-- KEYS: see _name.lua.
-- ARGV, 1 for each item: owner
-- Reply of an item, each followed by who holds the name now (kind owner expiry info):
--   released | left (was a waiter) | gone (was neither: over, or never was) | error text

--@include _name

return each(1, function(n, field)
  local owner = field(1)
  local verdict, moved, exclusive = 'gone', false, false
  if n.value == owner then
    verdict = 'released'
    exclusive = true
    -- K is overwritten by the next holder, and deleted below when there is none. ZREM or DEL is
    -- thus the first write: a full memory refuses neither.
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
    -- The name may be free earlier than the first in line was told.
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
  -- The record of an exclusive holder that nobody followed.
  if verdict == 'released' and not n.top then forget(n, 'x') end
  settle(n)
  return { verdict, holder(n) }
end)
