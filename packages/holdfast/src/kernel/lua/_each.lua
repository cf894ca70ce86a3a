-- Runs an operation on each name of a call. See _name.lua.

-- A request made for another server run, or past its time, is refused: its caller has given up.
local function late(not_after, of_run)
  return not_after ~= '' and (of_run ~= run or now > tonumber(not_after))
end

-- Which of a name's keys is of a wrong type: asked only when the server said that one is.
local TYPES = { 'string', 'string', 'zset', 'zset', 'hash' }
local function mismatch(at)
  for i, expected in ipairs(TYPES) do
    local key = KEYS[at + i - 1]
    local found = redis.pcall('TYPE', key).ok
    if found and found ~= 'none' and found ~= expected then
      return 'WRONGTYPE the key ' .. key .. ' is a ' .. found .. ' and not a ' .. expected
    end
  end
end

-- Runs item(n, field) for each name; field(j) is the j-th of its arguments.
local function each(fields, item)
  if ARGV[1] ~= VERSION then
    return { us_text, run, '', { 'error', 'protocol version ' .. ARGV[1] .. ' is not ' .. VERSION } }
  end
  local out = { us_text, run, '' }
  for i = 1, #KEYS / 5 do
    local ok, reply = pcall(function()
      local base = 1 + (i - 1) * fields
      local n = load(5 * i - 4)
      mend(n)
      return item(n, function(j) return ARGV[base + j] end)
    end)
    if not ok then
      local text = type(reply) == 'table' and reply.err or tostring(reply)
      reply = { 'error', string.find(text, 'WRONGTYPE Operation', 1, true) and mismatch(5 * i - 4) or text }
    end
    out[#out + 1] = reply
  end
  for _, p in ipairs(pushes) do
    local sent = redis.pcall('PUBLISH', p[1], p[2])
    if type(sent) == 'table' and sent.err then out[3] = sent.err end
  end
  return out
end
