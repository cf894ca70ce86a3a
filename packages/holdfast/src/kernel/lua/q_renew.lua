-- q_renew: prolongs leases at one node of a quorum, and takes up again what this node has lost.
--
-- KEYS: see _name.lua.
-- ARGV, 6 for each item: 1 to 4 as of renew,
--   5 the holder's record, for a node that has lost it; or ''   6 of mode p: the limit, else ''
-- Reply of an item: as of renew, or
--   repaired expiry token waiters (it was not held here, and nobody else can have been granted it since)
--   blind expiry token waiters (the same, but the node has lost the name altogether, and cannot know)
--   quarantine until(ms)

--@include _name
--@include _ballot

-- The record, if the name is free for it here and now.
local function lost(n, owner, field)
  local r = parse(field(5))
  local token = r and ballot_of(r.token)
  if not token or token == 0 then return nil end
  poll(n, r.token)
  local mark = r.mode == 'x' and n.all or n.x
  if token < mark then return nil end
  purge(n)
  look(n)
  local weight, slots = 1, nil
  if r.mode == 'p' then
    weight = between(r.weight, MOST_PERMITS)
    local limit = between(field(6), MOST_SLOTS)
    if not weight or not limit or agree(n, weight, limit, false) then return nil end
    slots = choose(taken_slots(n, owner), weight, limit, slots_of(r))
    if not slots or slots_of(r) == '' then return nil end
  elseif r.weight ~= '1' or r.mode ~= 's' and r.mode ~= 'x' then
    return nil
  end
  if not fits(n, r.mode, weight) then return nil end
  return r, mark, slots
end

return each(6, function(n, field)
  local owner = field(1)
  if late(field(3), field(4)) then return { 'late' } end
  local mine = held(n, owner)
  if not mine then
    local r, mark, slots = lost(n, owner, field)
    if not r then return { 'gone' } end
    if n.waiting > 0 and call('ZREM', n.line, owner) == 1 then n.waiting = n.waiting - 1 end
    if r.mode == 'x' then forget(n, owner) end
    local granted = vote(n, owner, r, now + math.floor(field(2)), slots)
    settle(n)
    return { mark > 0 and 'repaired' or 'blind', granted[3], granted[2], n.waiting }
  end
  local r = record(n, owner)
  if forced(n, owner, r) then return { 'forced' } end
  local own = parse(field(5))
  local slots = r and r.mode == 'p' and own and slots_of(own) or ''
  if slots ~= '' and slots ~= slots_of(r) then
    -- Here it was granted other slots than by the majority. They count for nothing.
    if not choose(taken_slots(n, owner), tonumber(r.weight), MOST_SLOTS, slots) then return { 'gone' } end
    r.sub = (string.match(r.sub, '^%d+/') or '0/') .. slots
    write(n, owner, r)
  end
  local ends = prolong(n, owner, r, mine, now + math.floor(field(2)))
  local t = own and ballot_of(own.token)
  if r and t and t > tonumber(r.token) then
    -- Voted for with a smaller ballot: a late copy of its being taken back must not end what counts here.
    poll(n, own.token)
    r.token = own.token
    mint(n, 1)
    raise(n, r.mode, t)
    write(n, owner, r, r.ttl)
  end
  settle(n)
  local asked = r and r.state == ASKED and bare(r.info) or nil
  return { 'renewed', ends, r and r.token or '0', n.waiting, asked }
end, true)
