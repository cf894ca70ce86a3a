-- turn: passes a tenure on to a new owner id, in the same mode or from exclusive to shared, and then lets
-- in those at the head of the line who share. In one step: nobody comes between. Idempotent by the
-- two owner ids.
--
-- KEYS: see _name.lua.
-- ARGV, 7 for each item:
--   1 owner   2 heir: the new owner id   3 mode of the heir: x | s | p   4 ttl ms
--   5 notAfter (server ms or '')   6 run that notAfter is for   7 info of the heir, or '' for that of the owner
-- Reply of an item:
--   turned token expiry, and since when (ms)
--   gone (not held by this owner in such a mode, or the heir's id was used) | forced (held, but somebody
--   asked for its end) | late | error text

--@include _name
--@include _turn

local function hand_on(n)
  advance(n, nil, false)
end

return each(7, function(n, field)
  return pass_on(n, field, enter, hand_on)
end, true)
