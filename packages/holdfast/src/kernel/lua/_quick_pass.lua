-- The usual hand-over: an exclusive tenure ends, and the first who waits wants the name exclusively and is not
-- known to be dead. What is written, said and published is what release.lua does; _line.lua says why.

--@include _near

-- The verdict; nil: it is none of those, and nothing was written.
local function pass(at, owner)
  local k, line, meta = KEYS[at], KEYS[at + 2], KEYS[at + 4]
  local noted = redis.pcall('GET', KEYS[at + 1])
  -- Nobody's claim has run out. Whether that of this tenure did is of no use where another one follows.
  local last = string.match(type(noted) == 'string' and noted or '', '^(%d+) %- %S+ ')
  local two = last and redis.pcall('ZRANGE', line, 0, 1)
  local head, second = two and two[1], two and two[2]
  if not head or head == owner or not ours(head) or redis.pcall('EXISTS', KEYS[at + 3]) ~= 0 then return nil end
  local body = redis.pcall('HGET', meta, head)
  local weight, ttl, claim, sub, info = string.match(type(body) == 'string' and body or '',
    '^x ([1-9]%d*) (%d+) (%d+) (%S+) 0 %d+ %d (.*)$')
  if not weight then return nil end
  local lingers = string.sub(sub, 1, 1) == LINGERS
  if run ~= '' and (sub == run or sub == LINGERS .. run) and subscribers(channel(head)) == 0 then return nil end
  local waiting = second and call('ZCARD', line) - 1 or 0
  -- The first write: a full memory does not refuse it, nor what follows.
  if redis.pcall('ZREM', line, head) ~= 1 then return nil end
  local ends = now + math.min(claim, ttl)
  local until_text = int(ends)
  call('SET', k, head, 'PXAT', until_text)
  last = tonumber(last)
  local many = math.min(tonumber(weight), MOST_TOKENS)
  local token = us > last and us_text or int(last + 1)
  local top = many == 1 and token or int(math.max(us, last + 1) + many - 1)
  call('SET', KEYS[at + 1], top .. ' - ' .. head .. ' x ' .. weight .. ' ' .. ttl .. ' ' .. claim .. ' ' .. sub .. ' '
    .. token .. ' ' .. now_text .. ' ' .. CLAIMED .. ' ' .. info, 'PXAT', int(now + math.max(FENCE_MS, ttl)))
  push('grant', head, token .. ' ' .. us_text .. ' ' .. until_text .. ' ' .. run)
  if second then
    call('HDEL', meta, head)
    if lingers then push('wanted', head, us_text) end
    -- If the one who was granted the name is dead, so are the others of its process.
    local who = client(head)
    -- Nor is whoever released told, should it stand there.
    if second ~= owner then
      if client(second) == who then second = other(line, who) or second end
      push('first', second, us_text .. ' ' .. until_text .. ' ' .. run)
    end
    local life = ends + waiting * ASK_SPACING_MS + LINE_TAIL_MS
    if life > ends_at(line) then
      call('PEXPIREAT', line, int(life))
      call('PEXPIREAT', meta, int(life))
    end
  else
    call('DEL', meta)
  end
  return { 'released', 'x', head, until_text, bare(info), waiting }
end

while ARGV[1] == VERSION and KEYS[5 * first - 4] do
  local owner = args[2 * first]
  if args[2 * first + 1] ~= '' or redis.pcall('GET', KEYS[5 * first - 4]) ~= owner then break end
  local verdict = pass(5 * first - 4, owner)
  if not verdict then break end
  out[#out + 1] = verdict
  first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then
  publish()
  return out
end
