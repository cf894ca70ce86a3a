-- inspect: says who holds and who waits. Writes nothing.
--
-- KEYS: see _name.lua.
-- ARGV: none for an item.
-- Reply of an item:
--   state fence holders waiters { owner, expiry, record, ... } { owner, ticket, record, ... } limit used
--   The lists hold at most 100 of each; the counts are exact. A foreign holder's owner is ''.
--   Limit and used are of permits, or 0; their holders are counted up to MOST_LOOKS permits.

--@include _name

return each(0, function(n)
  local waiters = {}
  local count, holders = holders_of(n)
  local line = call('ZRANGE', n.line, 0, 99, 'WITHSCORES')
  for i = 1, #line, 2 do
    waiters[#waiters + 1] = line[i]
    waiters[#waiters + 1] = line[i + 1]
    waiters[#waiters + 1] = call('HGET', n.meta, line[i]) or ''
  end
  return { 'state', int(n.last), count, n.waiting, holders, waiters, capacity(n), n.pool and n.sharing or 0 }
end)
