-- edge: notes what a holder waits for meanwhile, for the search of deadlocks. It lives as long as the
-- holder's record, and needs no clearing: an edge counts only while its waiter stands in line.
--
-- KEYS: see _name.lua.
-- ARGV, 2 for each item: owner, its edges: each a newline and ["K","owner id of the waiter"]; '' for none
-- Reply of an item: noted | gone (not held by this owner, or its record was lost) | error text

--@include _name

return each(2, function(n, field)
  local owner = field(1)
  local r = held(n, owner) and record(n, owner)
  if not r then return { 'gone' } end
  local info = bare(r.info) .. field(2)
  if info ~= r.info then
    r.info = info
    write(n, owner, r)
  end
  settle(n)
  return { 'noted' }
end)
