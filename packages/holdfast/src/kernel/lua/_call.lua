-- One call: its time, the server's run, and the messages that it will publish. See _name.lua.

--@include _head

local time = call('TIME')
-- As text, from the text that TIME gave: to format a number of this size costs more than a GET.
local us_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_text = string.sub(us_text, 1, -4)
local us, now = tonumber(us_text), tonumber(now_text)
-- Forbidden by a strict ACL: then the run is unknown, and clients confirm every push by a renewal.
local server = redis.pcall('INFO', 'server')
local run = ''
if type(server) == 'string' then
  local _, at = string.find(server, 'run_id:', 1, true)
  if at then run = string.sub(server, at + 1, at + 16) end
end
local pushes = {}
out[1], out[2] = us_text, run
-- Of a guarded call (see _guard.lua): when the node may grant again, or false; and the least ballot.
local quarantined, floor = false, 0

-- Never tostring(): it rounds numbers of this size.
local function int(n)
  return string.format('%.0f', n)
end

local function client(owner)
  return string.match(owner, '^[^.]*')
end

local function channel(owner)
  return 'lock:client:' .. client(owner)
end

local function push(kind, owner, text)
  pushes[#pushes + 1] = { channel(owner), '1 ' .. kind .. ' ' .. owner .. ' ' .. text }
end

local function ours(value)
  local client, sequence = string.match(value, '^(%x+)%.(%d+)$')
  return client and #client == 32 and sequence
end
