-- The guard of a node that must not vote while leases that it forgot may live. See _name.lua.
--
-- A guarded call says 'version epoch quarantine' for its version, and names the node's marker behind
-- all other keys: a string without expiry, 'from floor run epoch quarantine'. The marker is missing when
-- the node lost its memory, and of another run when it was restarted or another server took over: then
-- nothing is granted or prolonged for so many ms, and no ballot below the floor counts ever again.

--@include _marker

local function mark(key, from, least, epoch, quarantine)
  call('SET', key, int(from) .. ' ' .. int(least) .. ' ' .. run .. ' ' .. epoch .. ' ' .. quarantine)
end

-- Sets quarantined and floor; returns what is wrong with the call's version, or nil.
local function guard()
  local version, epoch, quarantine = string.match(ARGV[1], '^(%d+) (%d+) (%d+)$')
  if version ~= VERSION then return 'protocol version ' .. ARGV[1] .. ' is not ' .. VERSION end
  if run == '' then return 'the quarantine of this node needs the right to INFO' end
  local key = KEYS[#KEYS]
  local from, least, of, era, length = string.match(call('GET', key) or '', MARKER_TEXT)
  if era and tonumber(era) > tonumber(epoch) then
    return 'the epoch of this node is ' .. era .. ', and not ' .. epoch
  end
  if era == epoch and length ~= quarantine then
    return 'the quarantine of this node is ' .. length .. ' ms, and not ' .. quarantine
  end
  local known = era == epoch and of == run
  from, floor = tonumber(from) or 0, tonumber(least) or 0
  if not known then
    from = now + tonumber(quarantine)
    floor = math.max(floor, us + AHEAD_US + math.min(SLACK_US, quarantine * 500))
    mark(key, from, floor, epoch, quarantine)
  end
  if now < from then quarantined = int(from) end
end
