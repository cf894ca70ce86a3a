-- Names that nobody has, shares or waits for, as a mutex asks for them: most calls ask for nothing else. They
-- are granted here, with four commands each, before the server has made closures of all the functions below.
-- What is written and said is what acquire.lua writes and says. The first item that is anything else is left
-- to it, untouched, and so are all behind it: items are done in order.

--@include _call

if ARGV[1] == VERSION then args = given(12) end
local ttl, claim, many, linger, length, ends, fence_ends, before
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
  local at, base = 5 * first - 4, 12 * first - 11
  local owner = args[base + 1]
  if args[base + 2] ~= 'x' or not string.find(args[base + 3], '^[1-9]%d*$') or args[base + 7] ~= '' or args[base + 10] ~= '' then break end
  local not_after = args[base + 8]
  if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
  -- Nothing is of a wrong type where there is nothing. `meta` counts only for who waits or shares.
  if redis.pcall('EXISTS', KEYS[at], KEYS[at + 2], KEYS[at + 3]) ~= 0 then break end
  local noted, last = redis.pcall('GET', KEYS[at + 1]), 0
  if noted then
    local token, holder = string.match(type(noted) == 'string' and noted or '', '^(%d+) %- (%S*)')
    -- Granted once, and over.
    if not token or holder == owner then break end
    last = tonumber(token)
  end
  -- Those of one call mostly ask for the same.
  if ttl ~= args[base + 4] or claim ~= args[base + 5] or many ~= args[base + 3] or linger ~= args[base + 12] then
    many, ttl, claim, linger = args[base + 3], args[base + 4], args[base + 5], args[base + 12]
    if tonumber(many) > MOST_TOKENS then break end
    length = tonumber(int(ttl))
    ends, fence_ends = int(now + length), int(now + math.max(FENCE_MS, length))
    before = ' x ' .. many .. ' ' .. int(ttl) .. ' ' .. int(claim) .. (linger == 'linger' and ' ' .. LINGERS .. ' ' or ' - ')
  end
  local token = us > last and us_text or int(last + 1)
  local top = many == '1' and token or int(math.max(us, last + 1) + many - 1)
  -- A full memory refuses the first, and nothing was written.
  if redis.pcall('SET', KEYS[at], owner, 'PXAT', ends).err then break end
  local text = top .. ' - ' .. owner .. before .. token .. ' ' .. now_text .. ' 0 ' .. args[base + 11]
  if redis.pcall('SET', KEYS[at + 1], text, 'PXAT', fence_ends).err then break end
  out[#out + 1] = KEYS[10] and 'granted ' .. token .. ' ' .. ends or { 'granted', token, ends }
  first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end
