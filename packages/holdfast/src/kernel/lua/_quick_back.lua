-- The end, at one node of a quorum, of an exclusive tenure for which nobody waits, or of its vote: q_release.lua does
-- the same for all cases, and _ballot.lua says what the marks are.

--@include _quick_node

if sound then args = given(5) end
while sound and 5 * first <= #KEYS do
  local at, base = 5 * first - 4, 5 * first - 4
  local owner, ballot = args[base + 1], args[base + 3]
  if args[base + 2] ~= '' or args[base + 5] ~= '' or redis.pcall('GET', KEYS[at]) ~= owner then break end
  if redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
  local noted = redis.pcall('GET', KEYS[at + 1])
  local last, all, x, who, all_before, x_before, token = string.match(type(noted) == 'string' and noted or '',
    '^(%d+) m(%d+)/(%d+) (%S+) x %d+ %d+ %d+ (%d+)/(%d+) (%d+) ')
  if who ~= owner then break end
  -- Anything but a ballot is as none. Its owner has voted for a larger one since?
  local t, most = tonumber(token), tonumber(ballot)
  if most and t > most then break end
  last, all, x = tonumber(last), tonumber(all), tonumber(x)
  if args[base + 4] == '1' then
    if all == t then all = tonumber(all_before) end
    if x == t then x = tonumber(x_before) end
  else
    all, x = math.max(all, t + 1), math.max(x, t + 1)
  end
  if redis.pcall('DEL', KEYS[at]) ~= 1 then break end
  -- A renewal on its way must not take it up again, nor a late request vote.
  call('SET', KEYS[at + 1], int(math.max(last, t + 1)) .. ' m' .. int(all) .. '/' .. int(x) .. ' ', 'KEEPTTL')
  out[#out + 1] = { 'released', '-', '', '-1', '', 0 }
  first = first + 1
end
if sound and 5 * first > #KEYS then return out end
