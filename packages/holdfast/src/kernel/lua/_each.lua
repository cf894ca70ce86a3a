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

-- Runs work for the i-th name, for a verdict of its own: what goes wrong is an error of this name alone.
local function attempt(i, work)
  local ok, reply = pcall(work)
  if ok then return reply end
  local text = type(reply) == 'table' and reply.err or tostring(reply)
  return { 'error', string.find(text, 'WRONGTYPE Operation', 1, true) and mismatch(5 * i - 4) or text }
end

-- The reply of the call: fill(out) puts in the verdicts. Messages are published when all is done.
local function answer(fill)
  local wrong = ARGV[1] ~= VERSION and guard()
  if wrong then return { us_text, run, '', { 'error', wrong } } end
  local out = { us_text, run, '' }
  fill(out)
  for _, p in ipairs(pushes) do
    local sent = redis.pcall('PUBLISH', p[1], p[2])
    if type(sent) == 'table' and sent.err then out[3] = sent.err end
  end
  return out
end

-- The i-th name, and a function for its arguments: field(j) is the j-th of so many.
local function open(i, fields)
  local base = 1 + (i - 1) * fields
  local n = load(5 * i - 4)
  mend(n)
  return n, function(j) return ARGV[base + j] end
end

-- Runs item(n, field) for each name. grants: it may make a holder, or prolong one.
local function each(fields, item, grants)
  return answer(function(out)
    for i = 1, #KEYS / 5 do
      out[#out + 1] = grants and quarantined and { 'quarantine', quarantined }
        or attempt(i, function() return item(open(i, fields)) end)
    end
  end)
end
