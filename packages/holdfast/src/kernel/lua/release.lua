-- release: ends a tenure, or leaves the line; the name goes to the next in line. Idempotent.
--
-- KEYS: see _name.lua.
-- ARGV, 2 for each item: owner, holdAtLeast: for how many ms from its grant on a tenure keeps the name
--   from others, although its holder has let go of it ('' or 0: not at all)
-- Reply of an item, each followed by who holds the name now (kind owner expiry info), and by how many
-- wait behind the claim that this call gave away by a message (an integer; 0 if it gave none):
--   released | left (was a waiter) | gone (was neither: over, or never was) | error text
--   kept (stays the owner's until the expiry that is one more value; the number is of those behind the head)

--@include _quick_release
--@include _quick_pass
--@include _name
--@include _release

return each(2, function(n, field)
  local owner = field(1)
  local verdict, moved, kept, r, was = let_go(n, owner, tonumber(field(2)) or 0)
  purge(n)
  if n.waiting > 0 then advance(n, owner, moved) end
  if was then
    if not n.value then call('DEL', n.k) end
    retire(n, owner, was)
  end
  settle(n)
  -- The head is told when it ends; whoever released may look after those behind it.
  if kept and n.behind == 0 then n.behind = math.max(0, n.waiting - 1) end
  -- Who gives up is told whom it waited for.
  local left = verdict == 'left' and r or {}
  local kind, holds, last, info = holder(n, left.mode, left.weight)
  -- Of the permits, the claim is what whoever released looks after, and not the last to end.
  return { verdict, kind, holds, n.pool and (n.claim or kept) or last, info, n.behind, kept }
end, false, true)
