-- Of a node of a quorum: its marker, and how far ballots may be from its clock. See _guard.lua.

-- Until it grants no ballot is further ahead of its clock than this, us.
local AHEAD_US = 60000000
-- How far a clock may have gone back across a loss, us; at most half of the quarantine, or no ballot would be
-- both above the floor and not too far ahead when that is over.
local SLACK_US = 5000000

local MARKER_TEXT = '^(%d+) (%d+) (%S+) (%d+) (%d+)$'
