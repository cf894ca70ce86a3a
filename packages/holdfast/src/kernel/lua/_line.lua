-- The line of one name, and the one hand-over. See _name.lua.

-- Zero subscribers means dead only where the waiter was seen to be subscribed on this run.
local function is_dead(owner, r)
  return run ~= '' and (r.sub == run or r.sub == LINGERS .. run) and subscribers(channel(owner)) == 0
end

-- Whoever asks for its claim is alive.
local function confirm(n, owner, r)
  if r and (r.state == CLAIMED or r.state == ASKED_CLAIMED) then
    r.state = r.state == CLAIMED and '0' or ASKED
    write(n, owner, r)
  end
end

-- An exclusive tenure was ended, and n.top was taken out meanwhile. Where nobody followed, its record
-- stays with the fence, so that a late copy of its acquire is refused; its claim did not run out.
local function retire(n, owner, was)
  if n.value or n.sharing > 0 then return end
  n.top = was
  confirm(n, owner, record(n, owner))
end

-- The client that let its claim run out, as far as is known: it costs the others one claim, and its
-- other places none. Whoever of it is alive asks, and comes back to its old place.
local function silent(n, caller)
  local who, state = string.match(n.top, '^(%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ (%d)')
  if (state == CLAIMED or state == ASKED_CLAIMED) and n.value ~= who then n.lapsed = who end
  local suspect = client(n.lapsed)
  if caller and suspect == client(caller) then
    n.lapsed = '-'
    return nil
  end
  return suspect
end

-- A holder whose process may keep the name when it has let go is told that somebody wants it.
local function want(n)
  if not n.value or not ours(n.value) then return end
  n.holder = n.holder or record(n, n.value)
  if n.holder and string.sub(n.holder.sub, 1, 1) == LINGERS then push('wanted', n.value, us_text) end
end

-- The one hand-over: lets in from the head of the line who fits. The caller, if it is among them,
-- gets its full lease in this reply; the others get a claim and a message.
-- moved: the head of the line has already changed.
local function advance(n, caller, moved)
  -- Who waits for a vote is not made a holder.
  if quarantined or string.sub(n.lapsed, 1, 1) == 'm' then return nil end
  local granted, head, r, pushed, stopped
  local suspect = n.waiting > 0 and silent(n, caller)
  for step = 1, STEPS + 1 do
    if n.waiting == 0 then break end
    local two = call('ZRANGE', n.line, 0, 1)
    head = two[1]
    r = record(n, head)
    if r and not fits(n, r.mode, r.weight) and not excess(n, r) then break end
    -- What remains is done by the new head, which is told that the name is free now.
    if step > STEPS then
      stopped = true
      break
    end
    call('ZREM', n.line, head)
    n.waiting = n.waiting - 1
    moved = true
    if not r then
      forget(n, head)
    elseif excess(n, r) then
      -- It is told to ask, and hears why.
      forget(n, head)
      push('first', head, us_text .. ' ' .. now_text .. ' ' .. run)
    elseif head == caller then
      granted = enter(n, head, r, now + r.ttl)
      if n.waiting > 0 then want(n) end
    elseif is_dead(head, r) then
      forget(n, head)
    elseif client(head) == suspect then
      forget(n, head)
    else
      local grant = enter(n, head, r, now + math.min(r.claim, r.ttl), CLAIMED)
      pushed = client(head)
      n.claim = grant[3]
      push('grant', head, grant[2] .. ' ' .. us_text .. ' ' .. grant[3] .. ' ' .. run)
      if n.waiting > 0 then want(n) end
    end
    if r and n.value == head then
      -- Nobody fits beside it.
      head = two[2]
      break
    end
  end
  -- More wait behind a claim of this call: whoever made the call may look after them.
  if pushed or stopped then n.behind = n.waiting end
  if (moved or n.freed) and n.waiting > 0 and head ~= caller then
    local free = now_text
    if not fits(n, r and r.mode, r and r.weight) then
      free = n.ends or n.pool and r and awaited(n, r.mode, r.weight)[2] or int(expiry(n) or now)
    end
    -- Of a shared holder that is gone: was the head told a later end than is true now?
    if not moved and n.freed <= tonumber(free) then return granted end
    -- If the one who was granted the name is dead, so are the others of its process.
    if client(head) == pushed then head = other(n.line, pushed) or head end
    push('first', head, us_text .. ' ' .. free .. ' ' .. run)
  end
  return granted
end

-- Gives line, meta and shared the life they need: until the last of those whom they serve is gone.
local function settle(n)
  -- Somebody deleted K under its shared holders.
  if not n.value and n.sharing > 0 then shadow(n) end
  if n.waiting == 0 and n.sharing == 0 then
    if n.looked and (not n.value or ours(n.value)) then call('DEL', n.meta, n.shared) end
    return
  end
  local life = math.max(expiry(n) or now, now)
  if n.waiting > 0 then
    local lives = ends_at(n.line)
    life = life + n.waiting * ASK_SPACING_MS + LINE_TAIL_MS
    if life > lives then
      call('PEXPIREAT', n.line, int(life))
      n.wrote = true
    else
      life = lives
    end
  end
  if n.wrote or n.sharing > 0 then call('PEXPIREAT', n.meta, int(life)) end
  if n.sharing > 0 then call('PEXPIREAT', n.shared, int(life)) end
end

-- Who holds: { kind, owner, expiry or -1, info }; kind is x, s, p, f (a holder of another library) or -.
local function holder(n, mode, weight)
  if n.value and n.value ~= MARKER then
    local ends = n.ends or int(expiry(n))
    if not ours(n.value) then return 'f', '', ends, '' end
    local r = n.holder or record(n, n.value)
    return 'x', n.value, ends, r and bare(r.info) or ''
  end
  if n.sharing > 0 then
    local last = awaited(n, mode, weight)
    -- Deleted by this very call: its expiry passed while the script ran.
    if not last[1] then return '-', '', '-1', '' end
    local owner = owner_of(last[1])
    local r = record(n, owner)
    return n.pool and 'p' or 's', owner, last[2], r and bare(r.info) or ''
  end
  return '-', '', '-1', ''
end

-- Those who hold: how many, and at most 100 of them as { owner, expiry, record, ... }. A foreign holder's
-- owner is ''.
local function holders_of(n)
  if n.value and n.value ~= MARKER then
    return 1, { ours(n.value) and n.value or '', int(expiry(n)), body_of(n, n.value) or '' }
  end
  if n.sharing == 0 then return 0, {} end
  local live, count = sharers(n, 100)
  local list = {}
  for i = 1, #live, 2 do
    list[#list + 1] = live[i]
    list[#list + 1] = live[i + 1]
    list[#list + 1] = call('HGET', n.meta, live[i]) or ''
  end
  return count, list
end
