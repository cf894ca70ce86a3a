-- acquire: takes a name, or stands in its line. Idempotent by owner id.
--
-- KEYS: see _name.lua.
-- ARGV, 12 for each item:
--   1 owner      2 mode: x | s | p   3 weight: permits, else 1   4 ttl ms   5 claim ms
--   6 wait: 0 | 1 (stand in line)    7 ticket to come back with, or ''
--   8 notAfter: server ms, or ''     9 run that notAfter is for
--  10 ballot: reserved, ''          11 info: free text for inspect
--  12 limit: of mode p, else ''
-- Reply of an item:
--   granted token expiry, and since when (ms) if this owner held it already
--   queued rank ticket fresh(0|1: was not in line before) kind owner expiry info
--   taken kind owner expiry info
--   late (not executed) | lapsed (was granted before, and its claim ran out) | forced | error text

--@include _name

return each(12, function(n, field)
  local owner, mode = field(1), field(2)
  if late(field(8), field(9)) then return { 'late' } end
  local weight, limit = 1, nil
  if mode == 'p' then
    weight, limit = between(field(3), MOST_PERMITS), between(field(12), MOST_LIMIT)
  end
  local known_mode = mode == 'p' and weight and limit or (mode == 'x' or mode == 's') and field(3) == '1'
  if not known_mode or field(10) ~= '' then
    return { 'error', 'this version knows no such mode, weight, limit or ballot' }
  end
  -- It had a place, which somebody may have deleted: then its record is left.
  if field(7) ~= '' then look(n) end
  purge(n)
  local asked = { mode = mode, weight = field(3), ttl = int(field(4)), claim = int(field(5)),
    sub = '-', token = '0', since = now_text, state = '0', info = field(11) }
  local ends = now + asked.ttl

  local mine = held(n, owner)
  local known = record(n, owner)
  if mine then
    if forced(n, owner, known) then return { 'forced' } end
    local text = prolong(n, owner, known, mine, ends)
    if not known or known.token == '0' then
      -- The record is lost (somebody deleted it): a new token is larger than the lost one.
      asked.token = mint(n)
      asked.mode = n.value == owner and 'x' or n.pool and 'p' or 's'
      asked.weight = n.value == owner and '1' or int(weigh(n, owner, known))
      known = asked
      write(n, owner, known, known.ttl)
    end
    confirm(n, owner, known)
    settle(n)
    return { 'granted', known.token, text, known.since }
  end
  -- Granted once, and over: an owner id never holds twice.
  if known and known.token ~= '0' then return { 'lapsed' } end
  local silenced = n.lapsed
  if silenced ~= '-' and client(silenced) == client(owner) then
    -- Whoever asks is alive.
    n.lapsed = '-'
    note(n)
    if silenced == owner then return { 'lapsed' } end
  end

  if mode == 'p' then
    -- Who stands in line has agreed, even if somebody resized since.
    local wrong = agree(n, weight, limit, known or field(7) ~= '')
    if wrong then return { 'error', wrong } end
  end

  local granted
  if n.waiting == 0 and fits(n, mode, weight) then
    if mode ~= 'x' then look(n) end
    granted = enter(n, owner, asked, ends)
  elseif field(6) == '1' then
    local alone = n.waiting == 0
    look(n)
    local place = not alone and call('ZSCORE', n.line, owner)
    local ticket = place or us_text
    if not place then
      local last = alone and '0' or call('ZREVRANGE', n.line, 0, 0, 'WITHSCORES')[2]
      if us <= tonumber(last) then ticket = int(last + 1) end
      -- One that was skipped, or whose line was lost, comes back to its old place.
      if field(7) ~= '' and tonumber(field(7)) < tonumber(ticket) then ticket = field(7) end
      call('ZADD', n.line, ticket, owner)
      n.waiting = n.waiting + 1
    end
    keep(n)
    if run ~= '' and subscribers(channel(owner)) > 0 then asked.sub = run end
    asked.since = known and known.since or asked.since
    write(n, owner, asked)
    if not alone then granted = advance(n, owner, false) end
    if not granted then
      settle(n)
      return { 'queued', call('ZRANK', n.line, owner), ticket, place and 0 or 1,
        holder(n, mode, weight) }
    end
  else
    granted = advance(n, owner, false)
    if not granted and n.waiting == 0 and fits(n, mode, weight) then granted = enter(n, owner, asked, ends) end
  end
  settle(n)
  return granted or { 'taken', holder(n, mode, weight) }
end)
