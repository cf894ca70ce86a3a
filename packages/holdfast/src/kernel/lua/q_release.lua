-- q_release: ends a tenure or a place at one node of a quorum, or takes back a vote. Idempotent.
--
-- KEYS: see _name.lua.
-- ARGV, 5 for each item:
--   1 owner   2 holdAtLeast, as of release
--   3 ballot: that no vote may come for any more, also late, or ''
--   4 failed: 1 if there was no majority for it (then the marks are as before the vote), else ''
--   5 ticket: the owner goes on waiting, at this place; or ''
-- Reply of an item: verdict kind owner expiry info 0, and of `kept` the expiry
--   released | left | gone | kept: as of release | waits (in line, as before)
--   newer (the owner has voted for a larger ballot since: nothing is done) | error text

--@include _quick_back
--@include _name
--@include _release
--@include _ballot

-- What the end of this tenure says of the ballots.
local function count_out(n, r, failed)
  local token = tonumber(r.token)
  if failed then
    local all, rest = string.match(r.sub, '^(%d+)/(.*)$')
    if all and n.all == token then n.all = tonumber(all) end
    if all and r.mode == 'x' and n.x == token then n.x = tonumber(rest) end
  else
    n.all = math.max(n.all, token + 1)
    if r.mode == 'x' then n.x = math.max(n.x, token + 1) end
  end
  -- A renewal on its way must not take it up again, nor a late request vote.
  lift(n, token + 1)
end

return each(5, function(n, field)
  local owner, t, failed, ticket = field(1), ballot_of(field(3)), field(4) == '1', field(5)
  poll(n, false)
  local mine = held(n, owner)
  local r = mine and record(n, owner)
  local verdict, kept, was = 'gone', nil, nil
  local moved, who
  -- Late: its owner has voted again since, with a larger ballot.
  local newer = t and r and tonumber(r.token) > t
  if newer then
    verdict = 'newer'
  elseif mine or ticket == '' then
    verdict, moved, kept, who, was = let_go(n, owner, tonumber(field(2)) or 0)
    if was then call('DEL', n.k) end
  elseif n.waiting > 0 and call('ZSCORE', n.line, owner) then
    verdict = 'waits'
  end
  purge(n)
  local changed = was ~= nil
  if verdict == 'released' and r and r.token ~= '0' then
    count_out(n, r, failed)
    changed = true
  elseif t and not kept and not newer then
    local lifted = lift(n, t + 1)
    changed = changed or lifted or not failed and n.all <= t
    if not failed then n.all = math.max(n.all, t + 1) end
  end
  if changed then
    keep_marks(n)
    note(n)
  end
  if verdict == 'released' and r and ticket ~= '' then
    look(n)
    n.waiting = n.waiting + call('ZADD', n.line, ticket, owner)
    r.token, r.state = '0', '0'
    r.sub = run ~= '' and subscribers(channel(owner)) > 0 and run or '-'
    write(n, owner, r)
  end
  if n.waiting > 0 then offer(n, nil, verdict == 'released') end
  settle(n)
  local left = verdict == 'left' and who or {}
  local kind, holds, last, info = holder(n, left.mode, left.weight)
  return { verdict, kind, holds, last, info, 0, kept }
end)
