-- all: takes several names together, each of them or none. Idempotent by owner ids.
--
-- KEYS: see _name.lua. Each name once.
-- ARGV, 12 for each item: as of acquire, but that nobody stands in line: wait (6) and ticket (7) do not count.
-- Reply of an item, if all are granted:
--   granted token expiry, and since when (ms) if this owner held it already
-- and if not, of each:
--   free (it could be granted) | held token expiry since (by this owner already: its lease is prolonged)
--   taken kind owner expiry info
--   late | lapsed | forced | error text (as of acquire)

--@include _name
--@include _acquire

return answer(function()
  if quarantined then
    for i = 1, #KEYS / 5 do out[3 + i] = { 'quarantine', quarantined } end
    return
  end
  local verdicts, parts, seen, complete = {}, {}, {}, true
  -- First every name is looked at. Nothing is granted to who asks; the names that are free and waited for
  -- are handed over, as whenever somebody asks in vain.
  for i = 1, #KEYS / 5 do
    verdicts[i] = attempt(i, function()
      local n, field = open(i, 12)
      local owner = field(1)
      if seen[n.k] then return { 'error', 'this version takes each name once: ' .. n.k } end
      seen[n.k] = true
      local asked, wrong = asked_for(n, field)
      if not asked then return wrong end
      local mine = held(n, owner)
      local known = record(n, owner)
      wrong = refused(n, owner, asked, mine, known, false)
      if wrong then return wrong end
      if not mine then
        if asked.mode ~= 'x' then look(n) end
        -- One that stands in line would be granted this name alone.
        if n.waiting > 0 and not call('ZSCORE', n.line, owner) then advance(n, owner, false) end
        if n.waiting > 0 or not fits(n, asked.mode, asked.permits) then
          settle(n)
          want(n)
          return { 'taken', holder(n, asked.mode, asked.permits) }
        end
      end
      parts[i] = { n = n, owner = owner, asked = asked, mine = mine, known = known }
    end)
    complete = complete and not verdicts[i]
  end
  for i = 1, #KEYS / 5 do
    local part = parts[i]
    out[3 + i] = verdicts[i] or attempt(i, function()
      local n = part.n
      if part.mine then
        local reply = stay(n, part.owner, part.asked, part.mine, part.known)
        if not complete then reply[1] = 'held' end
        return reply
      end
      local granted = complete and enter(n, part.owner, part.asked, now + part.asked.ttl)
      settle(n)
      return granted or { 'free' }
    end)
    -- The first write of all may be refused, by a full memory; then there is no second.
    complete = complete and out[3 + i][1] == 'granted'
  end
end)
