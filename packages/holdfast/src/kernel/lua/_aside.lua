-- What the scripts of a history have in common.

-- What the server says of a key of another type, without its address in the script.
local function wrong_type(text, key, kind)
  if not string.find(text, 'WRONGTYPE', 1, true) then return text end
  return 'WRONGTYPE the key ' .. key .. ' is not a ' .. kind
end
