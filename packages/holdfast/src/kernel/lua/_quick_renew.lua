-- The renewal of exclusive tenures for which nobody waits and nobody asked: see _quick_acquire.lua.

--@include _call

if ARGV[1] == VERSION then args = given(4) end
local ttl, ends, fence_ends
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
  local at, base = 5 * first - 4, 4 * first - 3
  local owner, not_after = args[base + 1], args[base + 3]
  if not_after ~= '' and (args[base + 4] ~= run or now > tonumber(not_after)) then break end
  if redis.pcall('GET', KEYS[at]) ~= owner or redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
  local noted = redis.pcall('GET', KEYS[at + 1])
  local holder, token, state = string.match(type(noted) == 'string' and noted or '',
    '^%d+ %S+ (%S+) %a %d+ %d+ %d+ %S+ (%d+) %d+ (%d) ')
  if holder ~= owner or state ~= '0' then break end
  if ttl ~= args[base + 2] then
    ttl = args[base + 2]
    local last = now + math.floor(ttl)
    ends, fence_ends = int(last), int(math.max(now + FENCE_MS, last))
  end
  -- Servers before 7.0 do not say it.
  local mine = redis.pcall('PEXPIRETIME', KEYS[at])
  if type(mine) ~= 'number' or mine >= tonumber(ends) then break end
  if redis.pcall('PEXPIREAT', KEYS[at], ends) ~= 1 or redis.pcall('PEXPIREAT', KEYS[at + 1], fence_ends) ~= 1 then break end
  out[#out + 1] = KEYS[10] and 'renewed ' .. ends .. ' ' .. token .. ' 0' or { 'renewed', ends, token, 0 }
  first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end
