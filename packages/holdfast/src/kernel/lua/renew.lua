-- renew: prolongs leases, many in one call. Never shortens one: a late duplicate does no harm.
--
-- KEYS: see _name.lua.
-- ARGV, 4 for each item: owner, ttl ms, notAfter (server ms or ''), run that notAfter is for
-- Reply of an item:
--   renewed expiry token waiters, and the holder's info if somebody asked it to let go
--   gone (not held by this owner) | forced (held, but somebody asked for its end) | late | error text

--@include _quick_renew
--@include _name

return each(4, function(n, field)
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
end, true, true)
