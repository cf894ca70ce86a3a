-- Passes a tenure on to a new owner id. See turn.lua.

-- make: makes the heir a holder; hand_on: what becomes of those who wait.
local function pass_on(n, field, make, hand_on)
  local owner, heir, mode = field(1), field(2), field(3)
  if late(field(5), field(6)) then return { 'late' } end
  -- A late release of the first must not end the second.
  if owner == heir then return { 'error', 'a turn needs a new owner id' } end
  local function mode_of(who)
    return n.value == who and 'x' or n.pool and 'p' or 's'
  end
  local ttl = int(field(4))
  local ends = now + ttl
  local mine = held(n, owner)
  if not mine then
    -- Done before?
    local theirs = held(n, heir)
    if not theirs or mode_of(heir) ~= mode then return { 'gone' } end
    local r = record(n, heir)
    -- Somebody deleted it: it has no token any more.
    if not r then return { 'error', 'the record of the tenure was lost' } end
    if forced(n, heir, r) then return { 'forced' } end
    local text = prolong(n, heir, r, theirs, ends)
    settle(n)
    return { 'turned', r.token, text, r.since }
  end

  local from = mode_of(owner)
  if from ~= mode and not (from == 'x' and mode == 's') then return { 'gone' } end
  local r = record(n, owner)
  if forced(n, owner, r) then return { 'forced' } end
  look(n)
  if held(n, heir) or record(n, heir) then return { 'gone' } end
  local weight = from == 'x' and 1 or weigh(n, owner, r)
  if from ~= mode then
    -- K is overwritten below: until then nothing is written, so that an error leaves all as it was.
    n.value, n.expiry, n.ends, n.holder = false, false, false, false
    share(n)
  end
  -- Whoever was asked to let go still is: its first renewal may be the first that tells it, and by whom.
  local asked = r and (r.state == ASKED or r.state == ASKED_CLAIMED)
  -- What its holder waits for is none of the heir's business.
  local info = (asked or field(7) == '') and (r and bare(r.info) or '') or field(7)
  local granted = make(n, heir, { mode = mode, weight = int(weight), ttl = ttl, claim = ttl, sub = '-',
    token = '0', since = now_text, state = '0', info = info }, ends, asked and ASKED, r)
  if from ~= 'x' then
    call('ZREM', n.shared, unpack(spread(owner, weight)))
    forget(n, owner)
    share(n)
    shadow(n)
  end
  -- The first in line may have been told of a later end.
  if ends < mine then n.freed = mine end
  purge(n)
  if n.waiting > 0 then hand_on(n) end
  settle(n)
  return { 'turned', granted[2], granted[3], now_text }
end
