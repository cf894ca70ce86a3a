-- q_acquire: one node's vote for a ballot; or a place in its line. Idempotent by owner id and ballot. The
-- same owner may ask again with a larger ballot (its earlier one then counts no more) and other slots.
--
-- KEYS: see _name.lua.
-- ARGV, 13 for each item:
--   1 to 12 as of acquire, but
--   5 claim: for how long an offer stands   7 ticket: the place in every node's line, ''  without wait
--  10 ballot: a decimal number, us          13 slots: of mode p, those wanted (as 0,4), or '': any
-- Reply of an item; b is the highest ballot of this node before this request:
--   granted token expiry since slots taken-slots(by others) b
--   queued rank ticket fresh(0|1) kind owner expiry info taken-slots b
--   taken kind owner expiry info taken-slots b
--   stale b (a larger ballot is needed) | ahead b (too far in the future)
--   quarantine until(ms) | late | forced | error text

--@include _quick_vote
--@include _name
--@include _acquire
--@include _ballot

-- The owner holds the name already.
local function again(n, owner, asked, mine, known, t, wanted)
  local token = known and tonumber(known.token) or 0
  if t < token then return { 'stale', n.token } end
  if not known or t > token then
    -- What somebody deleted, or an exclusive holder, needs a ballot above all others.
    if (not known or known.mode == 'x') and t <= n.last then return { 'stale', n.token } end
  end
  local before = n.token
  if not known then
    -- Counted before anything is put in the place of the record: what is asked for says nothing of what is held.
    local weight = n.value == owner and '1' or int(weigh(n, owner, nil))
    known = asked
    known.mode = n.value == owner and 'x' or n.pool and 'p' or 's'
    known.weight = weight
    known.sub = sub_of(n, known.mode, '-')
  end
  if known.mode == 'p' and wanted ~= '' and wanted ~= slots_of(known) then
    local taken = taken_slots(n, owner)
    local slots = choose(taken, tonumber(known.weight), capacity(n), wanted)
    if not slots then return { 'taken', 'p', owner, int(mine), '', listed(taken), before } end
    known.sub = (string.match(known.sub, '^%d+/') or '0/') .. slots
  end
  -- Others may have been granted beside it since: they stay granted if this one fails.
  if t > token and n.all ~= token then known.sub = string.gsub(known.sub, '^%d+', int(n.all)) end
  known.token = n.ballot
  mint(n, 1)
  raise(n, known.mode, t)
  local text = prolong(n, owner, known, mine, now + asked.ttl)
  write(n, owner, known, known.ttl)
  settle(n)
  local taken = known.mode == 'p' and listed(taken_slots(n, owner)) or ''
  return { 'granted', known.token, text, known.since, slots_of(known), taken, before }
end

return each(13, function(n, field)
  local owner, t = field(1), ballot_of(field(10))
  if not t then return { 'error', 'this version knows no such ballot' } end
  local asked, verdict = asked_for(n, field, true)
  if not asked then return verdict end
  poll(n, field(10))
  if t > us + AHEAD_US then return { 'ahead', n.token } end
  local mode, weight = asked.mode, asked.permits
  if mode == 'p' and asked.limit > MOST_SLOTS then
    return { 'error', "on a quorum a semaphore's limit is at most " .. MOST_SLOTS }
  end
  local mine = held(n, owner)
  local known = record(n, owner)
  if mine then
    if forced(n, owner, known) then return { 'forced' } end
    return again(n, owner, asked, mine, known, t, field(13))
  end
  local wrong = mode == 'p' and agree(n, weight, asked.limit, known or field(7) ~= '')
  if wrong then return { 'error', wrong } end

  local before, fresh, ticket = n.token, 0, field(7)
  if mode ~= 'x' or n.waiting > 0 then look(n) end
  local stands = n.waiting > 0 and call('ZSCORE', n.line, owner)
  local free = fits(n, mode, weight)
  -- One whose record somebody deleted keeps its place; without a record it would be dropped.
  if field(6) == '1' and (stands and not known or not stands and (n.waiting > 0 or not free)) then
    look(n)
    if not stands then
      call('ZADD', n.line, ticket, owner)
      n.waiting = n.waiting + 1
      stands, fresh = ticket, 1
    end
    keep(n)
    if run ~= '' and subscribers(channel(owner)) > 0 then asked.sub = run end
    write(n, owner, asked)
  end
  if n.waiting > 0 and free then
    offer(n, owner)
    free = invited(n, owner)
  end
  local taken = mode == 'p' and taken_slots(n, owner) or {}
  local slots = free and mode == 'p' and choose(taken, weight, capacity(n), field(13)) or nil
  -- Of those who share, no late request may come in where an exclusive holder has been meanwhile.
  if free and t <= (mode == 'x' and n.last or n.x) then
    settle(n)
    return { 'stale', n.token }
  end
  if free and (mode ~= 'p' or slots) then
    if stands then
      -- Without a record it was dropped by now.
      n.waiting = n.waiting - call('ZREM', n.line, owner)
      if mode == 'x' then forget(n, owner) end
    end
    local granted = vote(n, owner, asked, now + asked.ttl, slots)
    settle(n)
    return { 'granted', granted[2], granted[3], now_text, slots or '', listed(taken), before }
  end
  settle(n)
  local kind, holds, ends, info = holder(n, mode, weight)
  if not stands then return { 'taken', kind, holds, ends, info, listed(taken), before } end
  return { 'queued', call('ZRANK', n.line, owner) or 0, stands, fresh, kind, holds, ends, info, listed(taken),
    before }
end, true)
