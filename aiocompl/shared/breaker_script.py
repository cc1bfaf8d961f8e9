"""The script of circuit breakers."""

from __future__ import annotations

from typing import Final

from aiocompl.shared.scripts import COMMON, Script

_BREAKER: Final = """
-- The same as aiocompl.policy.breaker, told of what has happened in one process. Besides, the right to send the one
-- probe belongs to a process: at first to that whose failure has opened it.
-- KEYS: the state, the names of those that are open, the processes. ARGV: time, process, seconds after which a silent
-- process counts as gone, name, the seven numbers of the policy, and then what has happened.
local now, me, name = clock(ARGV[1]), ARGV[2], ARGV[4]
local failure_rate, min_calls, window = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local consecutive, cooldown = tonumber(ARGV[8]), tonumber(ARGV[9])
local max_cooldown, hard_cooldown = tonumber(ARGV[10]), tonumber(ARGV[11])
local raw = redis.call('GET', KEYS[1])
local it = raw and cmsgpack.unpack(raw) or {row = 0, trips = 0, opened = 0, slices = {}}

local function slice()
  local slices = it.slices
  if #slices == 0 or now >= slices[#slices][1] + window / 10 then
    slices[#slices + 1] = {now, 0, 0}
    while slices[1][1] < now - window do table.remove(slices, 1) end
  end
  return slices[#slices]
end

local function too_much()
  local calls, failures = 0, 0
  for _, part in ipairs(it.slices) do
    calls, failures = calls + part[2], failures + part[3]
  end
  return calls >= min_calls and failures >= failure_rate * calls
end

local function is_alive(process)
  local seen = redis.call('ZSCORE', KEYS[3], process)
  return seen and tonumber(seen) >= now - tonumber(ARGV[3])
end

local function open(seconds)
  it.open_until, it.prober, it.wanted = now + seconds, me, nil
  it.trips, it.opened = it.trips + 1, it.opened + 1
end

local function succeed(times)
  it.row, it.trips = 0, 0
  if it.open_until then
    it.open_until, it.prober, it.wanted, it.slices = nil, nil, nil, {}
    times = times - 1
  end
  if times > 0 then
    local current = slice()
    current[2] = current[2] + times
  end
end

local function fail(hard, asked, probing)
  it.row = it.row + 1
  local current = slice()
  current[2], current[3] = current[2] + 1, current[3] + 1
  local probe = probing and it.prober == me
  if it.open_until and not probe then return end
  if probe or hard or it.row >= consecutive or too_much() then
    local seconds = math.min(max_cooldown, cooldown * 2 ^ it.trips)
    if hard then seconds = math.max(seconds, hard_cooldown) end
    open(math.max(seconds, asked))
  end
end

local events = {
  -- So many calls have succeeded.
  s = function(times) succeed(tonumber(times)) end,
  -- A call has failed: for good, with a Retry-After, as the probe.
  f = function(what)
    local hard, asked, probing = string.match(what, '^(%d):([^:]+):(%d)$')
    fail(hard == '1', tonumber(asked), probing == '1')
  end,
  -- Calls want to pass now that it is half open.
  p = function()
    if not it.open_until or now < it.open_until or it.prober == me then return end
    if it.prober and is_alive(it.prober) then
      it.wanted = 1
    else
      it.prober, it.wanted = me, nil
    end
  end,
  -- The right to probe is not needed here, but elsewhere.
  g = function() if it.prober == me then it.prober, it.wanted = nil, nil end end,
  -- It was open for so long yet when Redis was lost.
  o = function(seconds) if not it.open_until then open(tonumber(seconds)) end end,
}
for i = 12, #ARGV do events[string.sub(ARGV[i], 1, 1)](string.sub(ARGV[i], 2)) end

local left = it.open_until and it.open_until - now
if #ARGV > 11 then
  local keep = math.max(window, max_cooldown, hard_cooldown, left or 0) + 60
  redis.call('SET', KEYS[1], cmsgpack.pack(it), 'PX', math.ceil(keep * 1000))
end
if left then
  redis.call('ZADD', KEYS[2], precise(it.open_until), name)
  redis.call('EXPIRE', KEYS[2], 86400)
else
  redis.call('ZREM', KEYS[2], name)
end
return {left and precise(left) or '', it.prober == me and 1 or 0, it.wanted and 1 or 0, it.opened}
"""

BREAKER: Final = Script(COMMON + _BREAKER)
