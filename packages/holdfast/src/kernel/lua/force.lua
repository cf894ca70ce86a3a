-- force: ends other people's tenures. Each holder is told by push; without `at once` the name is
-- withheld until it releases or its expiry passes, and is not renewed any more.
--
-- KEYS: see _name.lua.
-- ARGV, 2 for each item: 1 = at once (outside the promise of exclusion), 0 = withhold;
--   the highest fencing token that is meant, or '': a late copy spares whoever came later
-- Reply of an item:
--   forced count left (free, or handed over; left: how many who share are for another call) | asked count expiry (withheld until then at the latest)
--   none (nobody holds) | newer (a later grant than the one that is meant) | foreign expiry (another library's holder: only `at once` ends it) | error text

--@include _name

return each(2, function(n, field)
  local at_once = field(1) == '1'
  purge(n)
  if field(2) ~= '' and n.last > tonumber(field(2)) then return { 'newer' } end
  local owners = {}
  if n.value and n.value ~= MARKER then
    if ours(n.value) then
      owners = { n.value }
    elseif not at_once then
      return { 'foreign', int(expiry(n)) }
    end
  elseif n.sharing > 0 then
    local live = sharers(n, STEPS)
    for i = 1, #live, 2 do owners[#owners + 1] = live[i] end
  else
    return { 'none' }
  end

  for _, owner in ipairs(owners) do
    local known = record(n, owner)
    local weight = n.sharing > 0 and weigh(n, owner, known) or 1
    if not at_once then
      -- Somebody deleted its record: there has to be one to say that it was forced.
      local r = known or { mode = n.value == owner and 'x' or n.pool and 'p' or 's', weight = int(weight), ttl = 0, claim = 0,
        sub = '-', token = mint(n), since = now_text, info = '' }
      r.state = FORCED
      write(n, owner, r, not known and 0 or nil)
    elseif n.value == MARKER or not n.value then
      call('ZREM', n.shared, unpack(spread(owner, weight)))
      forget(n, owner)
      n.members = n.members - weight
      n.sharing = n.sharing - weight
    end
    -- After the write, which a full memory refuses.
    push('forced', owner, us_text)
  end
  -- Also those whom this call does not reach: they learn it when they renew, or are ended by the next
  -- call. Nobody comes in before they have gone.
  if n.sharing > 0 then
    call('HSET', n.meta, WITHHELD, '1')
    n.withheld = '1'
  end
  if not at_once then
    settle(n)
    return { 'asked', n.pool and #owners or math.max(#owners, n.sharing), int(expiry(n)) }
  end

  n.expiry = nil
  local was, left = n.top, n.sharing
  local exclusive = n.value and n.value ~= MARKER
  if exclusive then
    -- Those whom a foreign holder pushed out are back: counted before the first write, for the types.
    n.value = false
    share(n)
    if n.members > 0 then look(n) end
    mend(n)
    call('DEL', n.k)
    if owners[1] then n.top = '' end
  else
    shadow(n)
  end
  advance(n, nil, false)
  if owners[1] and exclusive then retire(n, owners[1], was) end
  settle(n)
  return { 'forced', math.max(#owners, 1), left }
end)
