-- history: notes what a client has seen of its locks, and which names it holds or waits for. No lock
-- depends on it.
--
-- KEYS: the streams, and behind them the index, if that is asked for.
-- ARGV: version, number of streams;
--   of each stream: how many entries it keeps, for how many ms after this call, number of new entries, and of
--   each entry 9 fields: event name mode owner fence ms detail info age (see past.lua);
--   of the index, behind these, two for each member: for how many ms from now it counts, or '' to take it out;
--   member: 8 characters of the client id, a space, name
-- Streams: what is one call's comes under one server time, ms-0, ms-1, ... The index is a zset: member ->
-- server ms until which it counts. Both expire by themselves.
-- Reply: { server microseconds, run id, '', { noted, entries } } or { error, text }: the first of what went
-- wrong; the other keys are written all the same.

--@include _call
--@include _aside

local noted, wrong = 0, nil

local function try(key, kind, work)
  local ok, reply = pcall(work)
  if ok or wrong then return end
  wrong = wrong_type(type(reply) == 'table' and reply.err or tostring(reply), key, kind)
end

local at = 3
for i = 1, tonumber(ARGV[2]) do
  local key, first, count = KEYS[i], at + 3, tonumber(ARGV[at + 2])
  local most, keep = ARGV[at], tonumber(ARGV[at + 1])
  at = first + 9 * count
  try(key, 'stream', function()
    local ms, seq = now_text, -1
    -- A clock that went back must not keep an entry out.
    for _, last in ipairs(call('XREVRANGE', key, '+', '-', 'COUNT', 1)) do
      local before, n = string.match(last[1], '^(%d+)-(%d+)$')
      if tonumber(before) >= now then ms, seq = before, tonumber(n) end
    end
    for j = first, at - 1, 9 do
      seq = seq + 1
      call('XADD', key, ms .. '-' .. int(seq), 'e', ARGV[j], 'n', ARGV[j + 1], 'm', ARGV[j + 2], 'o', ARGV[j + 3],
        'f', ARGV[j + 4], 't', ARGV[j + 5], 'd', ARGV[j + 6], 'i', ARGV[j + 7], 'a', ARGV[j + 8])
    end
    call('XTRIM', key, 'MAXLEN', most)
    call('PEXPIREAT', key, int(now + keep))
    noted = noted + count
  end)
end

local key = KEYS[tonumber(ARGV[2]) + 1]
if key then
  try(key, 'zset', function()
    call('ZREMRANGEBYSCORE', key, '-inf', now_text)
    local add, rem = {}, {}
    for j = at, #ARGV, 2 do
      if ARGV[j] == '' then
        rem[#rem + 1] = ARGV[j + 1]
      else
        add[#add + 1] = int(now + tonumber(ARGV[j]))
        add[#add + 1] = ARGV[j + 1]
      end
    end
    if rem[1] then call('ZREM', key, unpack(rem)) end
    if add[1] then call('ZADD', key, unpack(add)) end
    local top = call('ZRANGE', key, -1, -1, 'WITHSCORES')
    if top[2] then call('PEXPIREAT', key, top[2]) end
  end)
end

return { us_text, run, '', wrong and { 'error', wrong } or { 'noted', noted } }
