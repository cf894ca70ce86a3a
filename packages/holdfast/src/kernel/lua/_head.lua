-- What every call begins with: what costs next to nothing. See _call.lua, and _name.lua.

local VERSION = '1'
local MARKER, PERMITS = 'hf:shared', 'hf:permits'
local FORCED, CLAIMED = '1', '2'
-- A field of meta: everybody who shares the name was asked to go.
local WITHHELD = 'withheld'
-- Asked to let go; and the same for a tenure that is CLAIMED as well.
local ASKED, ASKED_CLAIMED = '3', '4'
-- Of a waiter on a node of a quorum: it was told that it may come in. Its claim is then when that ends.
local OFFERED = '5'
-- Begins the sub of an exclusive record whose process may keep the name when its holder has let go.
local LINGERS = '+'
-- A fence key outlives its grant by at least this, so that a clock that steps back is noticed.
local FENCE_MS = 600000
-- Waiters ask again within a claim of the holder's end; the line outlives the last ask.
local ASK_SPACING_MS = 500
local LINE_TAIL_MS = 10000
-- The most tokens that one grant reserves: no name is to run far ahead of the clock, at which its tokens begin
-- again when the fence is lost.
local MOST_TOKENS = 1000
-- The most heads, or dead shared holders, that one call works off.
local STEPS = 64

local call = redis.call
-- The reply, and the first item that has none yet. Without time and run where nothing has asked for them.
local out, first = { '', '', '' }, 1
-- The fields of the items, once they are looked at: see given.
local args

-- The fields of all items, from the second on, one item after the other. Of each item behind the first
-- the call says which of its fields differ from those of the item before (as letters), and only these.
local function given(fields)
  if not KEYS[10] or fields == 0 then return ARGV end
  local all, at = {}, 1 + fields
  for j = 1, at do all[j] = ARGV[j] end
  for i = 2, #KEYS / 5 do
    local base = 1 + (i - 1) * fields
    for j = base + 1, base + fields do all[j] = all[j - fields] end
    at = at + 1
    local differ = ARGV[at]
    for c = 1, #differ do all[base + string.byte(differ, c) - 96] = ARGV[at + c] end
    at = at + #differ
  end
  return all
end
