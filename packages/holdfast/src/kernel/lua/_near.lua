-- What the quick ways that know of waiters have in common with the long ones: not in _call.lua, because a
-- closure costs each call that does not need it.

--@include _call

-- What a record's info says of its process; behind the first newline stand the edges of a holder.
local function bare(info)
  return string.match(info, '^[^\n]*')
end

-- When a key ends, or -1.
local function ends_at(key)
  local ends = redis.pcall('PEXPIRETIME', key)
  if type(ends) == 'number' then return math.max(ends, -1) end
  -- Before 7.0: a little early, because the clock has gone on since TIME was read.
  local left = call('PTTL', key)
  return left >= 0 and now + left or -1
end

local function subscribers(channel)
  local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
  return type(count) == 'table' and not count.err and tonumber(count[2]) or -1
end

-- The first in line who is not of this client, near the head.
local function other(line, of)
  for _, owner in ipairs(call('ZRANGE', line, 0, STEPS - 1)) do
    if client(owner) ~= of then return owner end
  end
end

-- All messages, when all is done; the reply says what went wrong.
local function publish()
  for _, p in ipairs(pushes) do
    local sent = redis.pcall('PUBLISH', p[1], p[2])
    if type(sent) == 'table' and sent.err then out[3] = sent.err end
  end
end
