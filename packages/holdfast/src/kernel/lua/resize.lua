-- resize: changes a semaphore's limit, or only says it. More lets in who fits; less takes nobody's permit.
--
-- KEYS: see _name.lua.
-- ARGV, 3 for each item: limit (or '': do not change), notAfter (server ms or ''), run that notAfter is for
-- Reply of an item:
--   limit limit(0: nobody holds permits or waits for them, so there is nothing to change) used waiting kind
--     withheld (1: the holders were asked to go, and nobody comes in before they have)
--   late | error text

--@include _name
--@include _ballot

return each(3, function(n, field)
  if late(field(2), field(3)) then return { 'late' } end
  local wanted = between(field(1), MOST_LIMIT)
  if field(1) ~= '' and not wanted then return { 'error', 'this version knows no such limit' } end
  local before = capacity(n)
  if wanted and before > 0 and wanted ~= before then
    n.limit, n.unsaved = wanted, true
    keep(n)
    purge(n)
    if n.waiting > 0 and votes(n) then
      poll(n, false)
      offer(n, nil, wanted > before)
    elseif n.waiting > 0 then
      advance(n, nil, wanted > before)
    end
    settle(n)
  end
  local kind = holder(n)
  local withheld = n.withheld and n.sharing > 0
  return { 'limit', n.limit, n.pool and n.sharing or 0, n.waiting, kind, withheld and 1 or 0 }
end)
