-- index: one step of a ZSCAN over the names that are held or waited for by clients that keep a history. Takes
-- out what does not count any more.
--
-- KEYS: the index, see history.lua.
-- ARGV: version, cursor, MATCH pattern of names, COUNT
-- Reply: { server microseconds, run id, '', { cursor, name, name, ... } }: a name may come more than once; or { error, text }

--@include _call
--@include _aside

local trimmed = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_text)
if type(trimmed) == 'table' then return { us_text, run, '', { 'error', wrong_type(trimmed.err, KEYS[1], 'zset') } } end
local found = call('ZSCAN', KEYS[1], ARGV[2], 'MATCH', '???????? ' .. ARGV[3], 'COUNT', ARGV[4])
local out = { found[1] }
for i = 1, #found[2], 2 do out[#out + 1] = string.sub(found[2][i], 10) end
return { us_text, run, '', out }
