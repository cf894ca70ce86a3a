-- announce: tells those who observe an election who leads now. Writes nothing.
--
-- KEYS: see _name.lua.
-- ARGV: none for an item.
-- The message goes to the channel lock:election:K, K as the server has it:
--   1 leader owner token us expiry record   (token: the last that was granted; no record if it was lost)
--   1 nobody - token us                     (free, or held by sharers or another library)
-- Reply of an item: announced | error text

--@include _name

return each(0, function(n)
  local text = 'nobody - ' .. int(n.last) .. ' ' .. us_text
  if n.value and n.value ~= MARKER and ours(n.value) then
    local body = body_of(n, n.value) or ''
    text = 'leader ' .. n.value .. ' ' .. int(n.last) .. ' ' .. us_text .. ' ' .. int(expiry(n)) .. ' ' .. body
  end
  pushes[#pushes + 1] = { 'lock:election:' .. n.k, '1 ' .. text }
  return { 'announced' }
end)
