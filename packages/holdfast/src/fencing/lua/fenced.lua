-- fenced: refuses a token that is lower than one that was here; else lets it stand, and does what is asked.
--
-- KEYS: the key, a hash: `fence` is the highest token that ever came, `value` the value, if there is one
-- ARGV: the token; claim | get | set | del; for set the value
-- Reply: ok, and for get the value (nil: none), for del whether there was one (1, 0)
--   fenced, and the token that stands

local key, fence, what = KEYS[1], ARGV[1], ARGV[2]
local seen = redis.call('HGET', key, 'fence')
local stands = tonumber(seen or '0')
if not stands then
  return redis.error_reply('WRONGTYPE the field fence of this hash is no token')
end
if tonumber(fence) < stands then return { 'fenced', seen } end

if what == 'set' then
  redis.call('HSET', key, 'fence', fence, 'value', ARGV[3])
elseif seen ~= fence then
  redis.call('HSET', key, 'fence', fence)
end
if what == 'get' then return { 'ok', redis.call('HGET', key, 'value') } end
if what == 'del' then return { 'ok', redis.call('HDEL', key, 'value') } end
return { 'ok' }
