-- list: one step of a SCAN over the held names. No KEYS (one node only).
-- ARGV: version, cursor, MATCH pattern, COUNT
-- Reply: { server microseconds, run id, '', { cursor, key, key, ... } }

--@include _name

local found = call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4], 'TYPE', 'string')
local keys = { found[1] }
for _, key in ipairs(found[2]) do
  if not string.match(key, '^{[^}]*}:hf:') then keys[#keys + 1] = key end
end
return { us_text, run, '', keys }
