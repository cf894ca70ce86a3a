-- waits: does a waiter stand in line, and who holds the name? For the search of deadlocks. Writes nothing.
--
-- KEYS: see _name.lua.
-- ARGV, 1 for each item: owner id of the waiter, or ''
-- Reply of an item:
--   waits record holders withheld(0|1: those who share were all asked to go) { owner, expiry, record, ... }
--   The record is the waiter's; '' if it does not stand in line, or its process is seen to be dead.
--   Holders as in inspect.
--   error text

--@include _name

return each(1, function(n, field)
  local owner, text = field(1), ''
  if n.waiting > 0 and call('ZSCORE', n.line, owner) then
    local r = record(n, owner)
    if r and not is_dead(owner, r) then text = call('HGET', n.meta, owner) or '' end
  end
  local count, holders = holders_of(n)
  return { 'waits', text, count, n.withheld and n.sharing > 0 and 1 or 0, holders }
end)
