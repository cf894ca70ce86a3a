-- past: reads a stream that history wrote. Writes nothing.
--
-- KEYS: the stream.
-- ARGV: version, 'before' or 'after', id (before: '' is the end), COUNT
-- Reply: { server microseconds, run id, '', { id, event, name, mode, owner, fence, ms, detail, info, age, id, ... } }
--   before: newest first; after: oldest first. The entry of that id is left out. A field that an entry lacks is ''.
--   { error, text } where the key is no stream.

--@include _call
--@include _aside

local key, id, count = KEYS[1], ARGV[3], ARGV[4]
local found
if ARGV[2] == 'after' then
  found = redis.pcall('XRANGE', key, '(' .. id, '+', 'COUNT', count)
else
  found = redis.pcall('XREVRANGE', key, id == '' and '+' or '(' .. id, '-', 'COUNT', count)
end
if found.err then return { us_text, run, '', { 'error', wrong_type(found.err, key, 'stream') } } end
local out = {}
for _, entry in ipairs(found) do
  local has = {}
  for j = 1, #entry[2], 2 do has[entry[2][j]] = entry[2][j + 1] end
  out[#out + 1] = entry[1]
  for letter in string.gmatch('enmoftdia', '.') do out[#out + 1] = has[letter] or '' end
end
return { us_text, run, '', out }
