-- A vote for a ballot on a name that nobody has, shares or waits for, as a mutex asks for it: q_acquire.lua does
-- the same for all cases, and _ballot.lua says what is written.

--@include _quick_node

if sound then args = given(13) end
while sound and 5 * first <= #KEYS do
  local at, base = 5 * first - 4, 13 * first - 12
  local owner, weight, ballot = args[base + 1], args[base + 3], args[base + 10]
  local t = #ballot <= 16 and string.find(ballot, '^%d+$') and tonumber(ballot)
  if not t or t > us + AHEAD_US or args[base + 2] ~= 'x' then break end
  if not string.find(weight, '^[1-9]%d*$') or tonumber(weight) > MOST_TOKENS then break end
  local not_after = args[base + 8]
  if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
  if redis.pcall('EXISTS', KEYS[at], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4]) ~= 0 then break end
  local noted = redis.pcall('GET', KEYS[at + 1])
  local last, all, x, before
  if noted then
    before, all, x = string.match(type(noted) == 'string' and noted or '', '^(%d+) m(%d+)/(%d+) ')
    if not before then break end
    last = tonumber(before)
  else
    last, all, x = math.max(floor, us - FENCE_MS * 1000 + AHEAD_US + SLACK_US), '0', '0'
    before = int(last)
  end
  -- So it is above the marks, too.
  if t <= last then break end
  local ends, ttl = int(now + args[base + 4]), int(args[base + 4])
  -- A full memory refuses the first, and nothing was written.
  if redis.pcall('SET', KEYS[at], owner, 'PXAT', ends).err then break end
  call('SET', KEYS[at + 1], ballot .. ' m' .. int(t) .. '/' .. int(t) .. ' ' .. owner .. ' x '
    .. weight .. ' ' .. ttl .. ' ' .. int(args[base + 5]) .. ' ' .. int(all) .. '/' .. int(x) .. ' ' .. ballot .. ' ' .. now_text
    .. ' 0 ' .. args[base + 11], 'PXAT', int(now + math.max(FENCE_MS, ttl)))
  out[#out + 1] = { 'granted', ballot, ends, now_text, '', '', before }
  first = first + 1
end
if sound and 5 * first > #KEYS then return out end
