-- force: ends other people's tenures, or asks for their end. Each holder is told by push. Withheld, a
-- name is the holder's until it releases or its expiry passes, and is not renewed any more.
--
-- KEYS: see _name.lua.
-- ARGV, 3 for each item: 1 = at once (outside the promise of exclusion), 0 = withhold, 2 = please (the
--   holder is told, and keeps all that it has);
--   the highest fencing token that is meant, or '': a late copy spares whoever came later;
--   who asks, for `please`: JSON text, or ''
-- Reply of an item:
--   forced count left (free, or handed over; left: how many who share are for another call)
--   asked count expiry (all of them, of permits as far as one looks; withheld until then at the latest); of `please` also how many were not asked before
--   none (nobody holds) | newer (a later grant than the one that is meant)
--   foreign expiry (another library's holder: only `at once` ends it) | error text

--@include _name
--@include _ballot

-- Somebody deleted a holder's record: there has to be one to say what is asked of it.
local function stand_in(n, owner, weight)
  return { mode = n.value == owner and 'x' or n.pool and 'p' or 's', weight = int(weight), ttl = 0, claim = 0,
    sub = '-', token = mint(n, 1), since = now_text, state = '0', info = '' }
end

local function weight_of(n, owner, known)
  return n.sharing > 0 and weigh(n, owner, known) or 1
end

-- The record's info is a list, and may be made longer: who asks is its last element. Its edges stay.
local function sign(info, by)
  if by == '' then return info end
  local list = bare(info)
  local edges = string.sub(info, #list + 1)
  if list == '' then list = '[null,null,null]' end
  if not string.match(list, '^%[.+%]$') then return info end
  return string.sub(list, 1, -2) .. ',' .. by .. ']' .. edges
end

-- One call writes and tells STEPS shared holders at most; another call goes on with the rest.
local function please(n, owners, meant, by)
  local count, fresh, last = 0, 0, n.last
  for _, owner in ipairs(owners) do
    local known = record(n, owner)
    local token = known and known.token ~= '0' and tonumber(known.token) or last
    if fresh < STEPS and (meant == '' or token <= tonumber(meant)) then
      count = count + 1
      local r = known or stand_in(n, owner, weight_of(n, owner, known))
      if r.state == '0' or r.state == CLAIMED then
        fresh = fresh + 1
        r.state = r.state == CLAIMED and ASKED_CLAIMED or ASKED
        r.info = sign(r.info, by)
        write(n, owner, r, not known and 0 or nil)
        push('revoked', owner, us_text .. ' ' .. by)
      elseif n.value == owner and r.state ~= FORCED then
        -- The message may have been lost.
        push('revoked', owner, us_text .. ' ' .. by)
      end
    end
  end
  settle(n)
  if count == 0 then return { 'newer' } end
  return { 'asked', count, int(expiry(n)), fresh }
end

return each(3, function(n, field)
  local at_once, asks = field(1) == '1', field(1) == '2'
  purge(n)
  -- One who shares may be meant although another came in later.
  if not asks and field(2) ~= '' and n.last > tonumber(field(2)) then return { 'newer' } end
  local owners, seen = {}, 1
  if n.value and n.value ~= MARKER then
    if ours(n.value) then
      owners = { n.value }
    elseif not at_once then
      return { 'foreign', int(expiry(n)) }
    end
  elseif n.sharing > 0 then
    local live
    live, seen = sharers(n, asks and MOST_LOOKS or STEPS)
    for i = 1, #live, 2 do owners[#owners + 1] = live[i] end
  else
    return { 'none' }
  end
  if asks then return please(n, owners, field(2), field(3)) end

  for _, owner in ipairs(owners) do
    local known = record(n, owner)
    local weight = weight_of(n, owner, known)
    if not at_once then
      local r = known or stand_in(n, owner, weight)
      r.state = FORCED
      write(n, owner, r, not known and 0 or nil)
    elseif n.value == MARKER or not n.value then
      call('ZREM', n.shared, unpack(spread(owner, weight)))
      forget(n, owner)
    end
    -- After the write, which a full memory refuses.
    push('forced', owner, us_text)
  end
  -- Counted, not reckoned: a record may be of more permits than its owner has.
  if at_once and (n.value == MARKER or not n.value) then share(n) end
  -- Also those whom this call does not reach: they learn it when they renew, or are ended by the next
  -- call. Nobody comes in before they have gone.
  if n.sharing > 0 then
    call('HSET', n.meta, WITHHELD, '1')
    n.withheld = '1'
  end
  if not at_once then
    settle(n)
    return { 'asked', seen, int(expiry(n)) }
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
  if votes(n) then
    -- What was taken away is not to be taken up again by a renewal.
    poll(n, false)
    lift(n, n.last + 1)
    n.all, n.x = n.last, n.last
    keep_marks(n)
    note(n)
    offer(n, nil, true)
  else
    advance(n, nil, false)
  end
  if owners[1] and exclusive then retire(n, owners[1], was) end
  settle(n)
  return { 'forced', math.max(#owners, 1), left }
end)
