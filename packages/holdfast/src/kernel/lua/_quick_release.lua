-- The ends of exclusive tenures for which nobody waits, as _quick_acquire.lua has their beginnings. Nothing here
-- depends on the time or the server's run, so neither is asked for, which takes longer than all the rest: the reply
-- has them only where the call has more to do.

--@include _head

if ARGV[1] == VERSION then args = given(2) end
while ARGV[1] == VERSION and KEYS[5 * first - 4] do
  local at, owner = 5 * first - 4, args[2 * first]
  if args[2 * first + 1] ~= '' or redis.pcall('GET', KEYS[at]) ~= owner then break end
  if redis.pcall('EXISTS', KEYS[at + 2]) ~= 0 then break end
  local noted = redis.pcall('GET', KEYS[at + 1])
  local before, holder, state, info = string.match(type(noted) == 'string' and noted or '',
    '^(%d+ %S+ (%S+) %a %d+ %d+ %d+ %S+ %d+ %d+ )(%d)( .*)$')
  if holder ~= owner then break end
  if redis.pcall('DEL', KEYS[at]) ~= 1 then break end
  -- One that was granted by a message and not renewed since: its record must say that it did not lapse.
  if state == CLAIMED or state == ASKED_CLAIMED then
    call('SET', KEYS[at + 1], before .. (state == CLAIMED and '0' or ASKED) .. info, 'KEEPTTL')
  end
  out[#out + 1] = KEYS[10] and 'released -  -1  0' or { 'released', '-', '', '-1', '', 0 }
  first = first + 1
end
if ARGV[1] == VERSION and not KEYS[5 * first - 4] then return out end
