-- A request for a name: what acquire and all have in common. Its fields are those of acquire.lua.

-- What is asked for; or nil, and why it is not looked into: late, or an error.
local function asked_for(n, field, votes)
  if late(field(8), field(9)) then return nil, { 'late' } end
  local mode, weight, limit = field(2), 1, nil
  if mode == 'p' then
    weight, limit = between(field(3), MOST_PERMITS), between(field(12), MOST_LIMIT)
  end
  local known_mode = mode == 'p' and weight and limit or mode == 's' and field(3) == '1'
    or mode == 'x' and between(field(3), MOST_TOKENS)
  if not known_mode or not votes and field(10) ~= '' then
    return nil, { 'error', 'this version knows no such mode, weight, limit or ballot' }
  end
  -- It had a place, which somebody may have deleted: then its record is left.
  if field(7) ~= '' then look(n) end
  purge(n)
  return { mode = mode, weight = field(3), ttl = int(field(4)), claim = int(field(5)),
    sub = mode == 'x' and not votes and field(12) == 'linger' and LINGERS or '-', token = '0', since = now_text, state = '0', info = field(11), permits = weight, limit = limit }
end

-- mine: until when this owner holds the name; known: its record. Why it cannot have it, whoever else does.
local function refused(n, owner, asked, mine, known, stands)
  if mine then return forced(n, owner, known) and { 'forced' } or nil end
  -- Granted once, and over: an owner id never holds twice.
  if known and known.token ~= '0' then return { 'lapsed' } end
  local silenced = n.lapsed
  if silenced ~= '-' and client(silenced) == client(owner) then
    -- Whoever asks is alive.
    n.lapsed = '-'
    note(n)
    if silenced == owner then return { 'lapsed' } end
  end
  if asked.mode ~= 'p' then return nil end
  -- Who stands in line has agreed, even if somebody resized since.
  local wrong = agree(n, asked.permits, asked.limit, known or stands)
  return wrong and { 'error', wrong } or nil
end

-- The owner holds the name already: its lease ends at the later of the two ends, and its token stays.
local function stay(n, owner, asked, mine, known)
  local text = prolong(n, owner, known, mine, now + asked.ttl)
  if not known or known.token == '0' then
    -- The record is lost (somebody deleted it): a new token is larger than the lost one.
    local alone = n.value == owner
    if asked.mode ~= 'x' or not alone then asked.weight = alone and '1' or int(weigh(n, owner, known)) end
    asked.mode = alone and 'x' or n.pool and 'p' or 's'
    asked.token = mint(n, tokens(asked))
    known = asked
    write(n, owner, known, known.ttl)
  end
  confirm(n, owner, known)
  settle(n)
  return { 'granted', known.token, text, known.since }
end
