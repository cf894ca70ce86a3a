-- bootstrap: says, or sets, that this node may vote at once. A key names the node's marker: see _guard.lua.
--
-- KEYS: the marker.
-- ARGV: version epoch quarantine (one text, as of every guarded call); 1 to end the quarantine, else ''
-- Reply: { server microseconds, run id, '', { status } }
--   missing | older (of an earlier epoch: nothing is written) | waiting (quarantined) | votes | ended | error text

--@include _name

local text = call('GET', KEYS[1])
if ARGV[2] ~= '1' then
  if not text then return { us_text, run, '', { 'missing' } } end
  -- Who only asks shuts nobody out.
  local asked, _, _, _, era = string.match(ARGV[1], '^%d+ (%d+) '), string.match(text, MARKER_TEXT)
  if asked and era and tonumber(era) < tonumber(asked) then return { us_text, run, '', { 'older' } } end
end
return answer(function()
  if not quarantined then
    out[4] = { 'votes' }
  elseif ARGV[2] ~= '1' then
    out[4] = { 'waiting' }
  else
    -- Tokens from before may be ahead of the clock, by what is allowed less what it may go back.
    local epoch, quarantine = string.match(ARGV[1], '^%d+ (%d+) (%d+)$')
    mark(KEYS[1], now, math.min(floor, us + AHEAD_US - SLACK_US), epoch, quarantine)
    out[4] = { 'ended' }
  end
end)
