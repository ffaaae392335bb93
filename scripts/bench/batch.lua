-- Batches of events for wrk. Arguments: as event.lua, then the number of events in a batch.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "event.lua")

local init_events = init
local size

function init(args)
  init_events(args)
  size = tonumber(args[4])
end

function request()
  local events = {}
  for i = 1, size do
    events[i] = '{"type":"track",' .. string.sub(event(), 2)
  end
  return post('{"batch":[' .. table.concat(events, ",") .. "]}")
end
