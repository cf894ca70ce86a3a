-- status: what a server says of itself, for health checks. Writes nothing. A key only tells a
-- cluster client the way.
-- ARGV: version, the channel whose subscribers are counted
-- Reply: { server microseconds, run id, '', { engine, version, role, policy, subscribers, maxmemory } }
--   engine is redis or valkey, role master or slave, policy the maxmemory-policy, maxmemory bytes (0:
--   no limit). What a strict ACL keeps back is empty, the number of subscribers then -1.

--@include _name

local function info(section)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and '\n' .. text or ''
end

local function field(text, name)
  return string.match(text, '\n' .. name .. ':(%S+)') or ''
end

local about = info('server')
local engine, version = 'valkey', field(about, 'valkey_version')
if version == '' then
  engine, version = 'redis', field(about, 'redis_version')
end
local memory = info('memory')
local count = redis.pcall('PUBSUB', 'NUMSUB', ARGV[2])
return { us_text, run, '', {
  version == '' and '' or engine,
  version,
  field(info('replication'), 'role'),
  field(memory, 'maxmemory_policy'),
  type(count) == 'table' and not count.err and tonumber(count[2]) or -1,
  field(memory, 'maxmemory'),
} }
