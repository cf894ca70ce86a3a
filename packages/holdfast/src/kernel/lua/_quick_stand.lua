-- The usual refusal: somebody holds the name exclusively, and a mutex asks that stands in no line yet. It takes
-- its place behind the others, if it waits. What is written and said is what acquire.lua does.

--@include _near

-- The verdict; nil: it is none of those, and nothing was written.
local function stand(at, base)
  local owner, waits = args[base + 1], args[base + 6] == '1'
  local k, line, meta = KEYS[at], KEYS[at + 2], KEYS[at + 4]
  local value = redis.pcall('GET', k)
  if type(value) ~= 'string' or value == owner then return nil end
  local noted = redis.pcall('GET', KEYS[at + 1])
  -- Nobody's claim has run out, and the fence knows the holder: so it is one of ours.
  local holder, sub, holds = string.match(type(noted) == 'string' and noted or '',
    '^%d+ %- (%S+) x %d+ %d+ %d+ (%S+) %d+ %d+ %d (.*)$')
  if holder ~= value then return nil end
  local waiting = redis.pcall('ZCARD', line)
  if waiting ~= 0 and (not waits or redis.pcall('EXISTS', KEYS[at + 3]) ~= 0) then return nil end
  local verdict
  local ends = ends_at(k)
  if waits then
    local ticket = us_text
    if waiting ~= 0 then
      -- The head's record is sound, and there is none of whoever asks. One who wants permits may be shut out by the limit.
      local head = redis.pcall('ZRANGE', line, 0, 0)[1]
      local body = head and redis.pcall('HGET', meta, head)
      local sound = type(body) == 'string' and string.find(body, '^[xs] %d+ %d+ %d+ %S+ %d+ %d+ %d ')
      if not sound or redis.pcall('HGET', meta, owner) then return nil end
      local behind = tonumber(redis.pcall('ZREVRANGE', line, 0, 0, 'WITHSCORES')[2])
      if us <= behind then ticket = int(behind + 1) end
    elseif redis.pcall('HGET', meta, WITHHELD) then
      return nil
    end
    -- A full memory refuses the first write. The owner is in line already: it added nothing.
    if redis.pcall('ZADD', line, 'NX', ticket, owner) ~= 1 then return nil end
    local heard = run ~= '' and subscribers(channel(owner)) > 0 and run
    local lingers = args[base + 12] == 'linger' and LINGERS
    call('HSET', meta, owner, 'x ' .. args[base + 3] .. ' ' .. int(args[base + 4]) .. ' ' .. int(args[base + 5]) .. ' '
      .. (heard and (lingers or '') .. heard or lingers or '-') .. ' 0 ' .. now_text .. ' 0 ' .. args[base + 11])
    local life = math.max(ends, now) + (waiting + 1) * ASK_SPACING_MS + LINE_TAIL_MS
    local lives = ends_at(line)
    if life > lives then call('PEXPIREAT', line, int(life)) else life = lives end
    call('PEXPIREAT', meta, int(life))
    verdict = { 'queued', waiting, ticket, 1, 'x', value, int(ends), bare(holds) }
  else
    verdict = { 'taken', 'x', value, int(ends), bare(holds) }
  end
  if string.sub(sub, 1, 1) == LINGERS then push('wanted', value, us_text) end
  return verdict
end

while ARGV[1] == VERSION and KEYS[5 * first - 4] do
  local base, weight, not_after = 12 * first - 11, args[12 * first - 8], args[12 * first - 3]
  if args[base + 2] ~= 'x' or args[base + 7] ~= '' or args[base + 10] ~= '' then break end
  if not string.find(weight, '^[1-9]%d*$') or tonumber(weight) > MOST_TOKENS then break end
  if not_after ~= '' and (args[base + 9] ~= run or now > tonumber(not_after)) then break end
  local verdict = stand(5 * first - 4, base)
  if not verdict then break end
  out[#out + 1] = verdict
  first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then
  publish()
  return out
end
