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

-- The reply of the call: fill puts the verdicts into it. Messages are published when all is done.
local function answer(fill)
  local wrong = ARGV[1] ~= VERSION and guard()
  if wrong then return { us_text, run, '', { 'error', wrong } } end
  fill()
  publish()
  return out
end

-- The i-th name, and a function for its arguments: field(j) is the j-th of so many.
local function open(i, fields)
  args = args or given(fields)
  local all, base = args, 1 + (i - 1) * fields
  local n = load(5 * i - 4)
  mend(n)
  return n, function(j) return all[base + j] end
end

-- Of a call with several names, the usual verdicts as one text each: clients take long over lists.
local function brief(reply)
  local status = reply[1]
  local usual = status == 'granted' or status == 'renewed' and not reply[5] or status == 'released' and reply[2] == '-'
  return KEYS[10] and usual and table.concat(reply, ' ') or reply
end

-- Runs item(n, field) for each name. grants: it may make a holder, or prolong one. short: see brief.
local function each(fields, item, grants, short)
  return answer(function()
    for i = first, #KEYS / 5 do
      local reply = grants and quarantined and { 'quarantine', quarantined }
        or attempt(i, function() return item(open(i, fields)) end)
      out[#out + 1] = short and brief(reply) or reply
    end
  end)
end
