-- Of a guarded call: whether the node may vote as if nothing had ever been forgotten. Else, and where anything is
-- to be written or said about it, guard() does it. See _guard.lua.

--@include _call
--@include _marker

local sound = false
do
  local epoch, quarantine = string.match(ARGV[1], '^' .. VERSION .. ' (%d+) (%d+)$')
  local noted = epoch and run ~= '' and redis.pcall('GET', KEYS[#KEYS])
  local from, least, of, era, length = string.match(type(noted) == 'string' and noted or '', MARKER_TEXT)
  if era and era == epoch and length == quarantine and of == run and now >= tonumber(from) then
    sound = true
    floor = tonumber(least)
  end
end
