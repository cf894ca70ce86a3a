-- acquire: takes a name, or stands in its line. Idempotent by owner id.
--
-- KEYS: see _name.lua.
-- ARGV, 12 for each item:
--   1 owner      2 mode: x | s | p   3 weight: of p permits, of x tokens to reserve, else 1
--   4 ttl ms     5 claim ms
--   6 wait: 0 | 1 (stand in line)    7 ticket to come back with, or ''
--   8 notAfter: server ms, or ''     9 run that notAfter is for
--  10 ballot: reserved, ''          11 info: free text for inspect
--  12 limit: of mode p; of mode x 'linger' if the holder is to be told when others want the name; else ''
-- Reply of an item:
--   granted token expiry, and since when (ms) if this owner held it already
--   queued rank ticket fresh(0|1: was not in line before) kind owner expiry info
--   taken kind owner expiry info
--   late (not executed) | lapsed (was granted before, and its claim ran out) | forced | error text

--@include _quick_acquire
--@include _quick_stand
--@include _name
--@include _acquire

return each(12, function(n, field)
  local owner = field(1)
  local asked, verdict = asked_for(n, field)
  if not asked then return verdict end
  local mode, weight = asked.mode, asked.permits
  local mine = held(n, owner)
  local known = record(n, owner)
  verdict = refused(n, owner, asked, mine, known, field(7) ~= '')
  if verdict then return verdict end
  if mine then return stay(n, owner, asked, mine, known) end

  local ends = now + asked.ttl
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
    if run ~= '' and subscribers(channel(owner)) > 0 then
      asked.sub = asked.sub == LINGERS and LINGERS .. run or run
    end
    asked.since = known and known.since or asked.since
    write(n, owner, asked)
    if not alone then granted = advance(n, owner, false) end
    if not granted then
      settle(n)
      want(n)
      return { 'queued', call('ZRANK', n.line, owner), ticket, place and 0 or 1,
        holder(n, mode, weight) }
    end
  else
    granted = advance(n, owner, false)
    if not granted and n.waiting == 0 and fits(n, mode, weight) then granted = enter(n, owner, asked, ends) end
  end
  settle(n)
  if granted then return granted end
  want(n)
  return { 'taken', holder(n, mode, weight) }
end, true, true)
