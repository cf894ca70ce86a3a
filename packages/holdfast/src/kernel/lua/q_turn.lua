-- q_turn: turn, at one node of a quorum. The heir's token is a ballot, and larger than all before.
--
-- KEYS: see _name.lua.
-- ARGV, 8 for each item: 1 to 7 as of turn, 8 ballot
-- Reply of an item: as of turn, or
--   stale b (a larger ballot is needed) | ahead b | quarantine until(ms)

--@include _name
--@include _turn
--@include _ballot

local function make(n, heir, r, ends, state, before)
  r.sub = sub_of(n, r.mode, slots_of(before))
  raise(n, r.mode, tonumber(n.ballot))
  return enter(n, heir, r, ends, state)
end

return each(8, function(n, field)
  local t = ballot_of(field(8))
  if not t then return { 'error', 'this version knows no such ballot' } end
  poll(n, field(8))
  if t > us + AHEAD_US then return { 'ahead', n.token } end
  if held(n, field(1)) and t <= n.last then return { 'stale', n.token } end
  local reply = pass_on(n, field, make, function() offer(n, nil) end)
  if reply[1] ~= 'turned' or reply[2] == n.ballot then return reply end
  -- Done before, with another ballot.
  local r = record(n, field(2))
  if t < tonumber(r.token) or r.mode == 'x' and t <= n.last then return { 'stale', n.token } end
  r.token = n.ballot
  mint(n, 1)
  raise(n, r.mode, t)
  write(n, field(2), r, r.ttl)
  reply[2] = n.ballot
  return reply
end, true)
