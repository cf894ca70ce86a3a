-- downgrade: makes the exclusive holder a shared one, under a new owner id, and lets in those at the
-- head of the line who share. In one step: nobody comes between. Idempotent by the two owner ids.
--
-- KEYS: see _name.lua.
-- ARGV, 5 for each item:
--   owner of the exclusive tenure, owner id of the shared one, ttl ms,
--   notAfter (server ms or ''), run that notAfter is for
-- Reply of an item:
--   downgraded token expiry
--   gone (not held exclusively by this owner, or the new id was used) | forced (held, but somebody
--   asked for its end) | late | error text

--@include _name

return each(5, function(n, field)
  local owner, reader = field(1), field(2)
  if late(field(4), field(5)) then return { 'late' } end
  -- A late release of the first must not end the second.
  if owner == reader then return { 'error', 'a downgrade needs a new owner id' } end
  local ttl = int(field(3))
  local ends = now + ttl
  if n.value ~= owner then
    local mine = n.value ~= reader and held(n, reader)
    if not mine then return { 'gone' } end
    local r = record(n, reader)
    if forced(n, reader, r) then return { 'forced' } end
    local text = prolong(n, reader, r, mine, ends)
    settle(n)
    return { 'downgraded', r and r.token or '0', text }
  end

  local r = record(n, owner)
  if forced(n, owner, r) then return { 'forced' } end
  look(n)
  if record(n, reader) then return { 'gone' } end
  -- K is overwritten below: until then nothing is written, so that an error leaves all as it was.
  n.value, n.expiry, n.ends, n.holder = false, false, false, false
  share(n)
  -- What its `use` waits for is none of the reader's business.
  -- Whoever was asked to let go still is: its first renewal may be the first that tells it.
  local asked = r and (r.state == ASKED or r.state == ASKED_CLAIMED)
  local granted = enter(n, reader, { mode = 's', weight = '1', ttl = ttl, claim = ttl, sub = '-',
    token = '0', since = now_text, state = '0', info = r and bare(r.info) or '' }, ends, asked and ASKED)
  purge(n)
  if n.waiting > 0 then advance(n, nil, false) end
  settle(n)
  return { 'downgraded', granted[2], granted[3] }
end)
