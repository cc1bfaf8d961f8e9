"""The scripts of rate limits."""

from __future__ import annotations

from typing import Final

from aiocompl.shared.scripts import COMMON, Script

_METERS: Final = """
-- The same as aiocompl.policy.meter, which says why. KEYS: the state, and a log for each meter.
-- ARGV: the time, a word of the script's own, the seconds of the window, and for each meter: limit, burst, interval,
-- amount.
local WINDOW, EARLY, SLICE = tonumber(ARGV[3]), 1e-6, 0.1

-- A clock that does not go back, though Redis' may.
local function steady()
  local raw = clock(ARGV[1])
  local kept = redis.call('HMGET', KEYS[1], 'raw', 'offset')
  local last, offset = tonumber(kept[1] or raw), tonumber(kept[2] or 0)
  if raw < last then offset = offset + last - raw end
  redis.call('HSET', KEYS[1], 'raw', precise(raw), 'offset', precise(offset))
  return raw + offset
end

local function load()
  local meters = {}
  for i = 2, #KEYS do
    local kept = redis.call('HMGET', KEYS[1], KEYS[i] .. ':due', KEYS[i] .. ':sum')
    meters[i - 1] = {
      log = KEYS[i],
      limit = tonumber(ARGV[4 * i - 4]), most = tonumber(ARGV[4 * i - 3]),
      interval = tonumber(ARGV[4 * i - 2]), amount = tonumber(ARGV[4 * i - 1]),
      due = kept[1] and tonumber(kept[1]) or -math.huge, sum = tonumber(kept[2] or 0),
    }
  end
  return meters
end

local function save(meters, now)
  local last = now + WINDOW
  for _, meter in ipairs(meters) do
    if meter.due > -math.huge then
      local name = meter.log
      redis.call('HSET', KEYS[1], name .. ':due', precise(meter.due), name .. ':sum', precise(meter.sum))
      redis.call('PEXPIRE', name, math.ceil(2 * WINDOW * 1000))
      last = math.max(last, meter.due)
    end
  end
  redis.call('PEXPIRE', KEYS[1], math.ceil((last - now + WINDOW) * 1000))
end

local function pack(first, last, amount) return struct.pack('<ddd', first, last, amount) end
local function unpack_entry(raw) return struct.unpack('<ddd', raw) end

local function forget(meter, now)
  while true do
    local raw = redis.call('LINDEX', meter.log, 0)
    if not raw then
      meter.sum = 0
      return
    end
    local _, last, amount = unpack_entry(raw)
    if last + WINDOW + EARLY > now then return end
    meter.sum = meter.sum - amount
    redis.call('LPOP', meter.log)
  end
end

local function until_room(meter, now)
  forget(meter, now)
  local excess, wait, index = meter.sum + meter.amount - meter.limit, 0, 0
  while excess > 0 do
    local raw = redis.call('LINDEX', meter.log, index)
    if not raw then break end
    local _, last, amount = unpack_entry(raw)
    if amount > 0 then
      excess = excess - amount
      wait = last + WINDOW + 2 * EARLY - now
    end
    index = index + 1
  end
  return wait
end

local function wait_of(meter, now)
  if meter.amount <= 0 then return 0 end
  local wait = meter.due - math.max(0, meter.most - meter.amount) * meter.interval - now
  if meter.sum + meter.amount > meter.limit then wait = math.max(wait, until_room(meter, now)) end
  if wait > EARLY then return wait end
  return 0
end

local function spend_burst(meter, now)
  if meter.amount <= 0 then return end
  meter.due = math.max(meter.due, now + math.max(0, meter.most - meter.amount) * meter.interval)
end

local function take(meter, amount, now)
  if amount <= 0 then return end
  meter.due = math.max(meter.due, now) + amount * meter.interval
  local raw = redis.call('LINDEX', meter.log, -1)
  local first, _, before = 0, 0, 0
  if raw then first, _, before = unpack_entry(raw) end
  if raw and now - first < SLICE then
    redis.call('LSET', meter.log, -1, pack(first, now, before + amount))
  else
    forget(meter, now)
    redis.call('RPUSH', meter.log, pack(now, now, amount))
  end
  meter.sum = meter.sum + amount
end

local function give_back(meter, amount, now, at)
  meter.due = math.max(meter.due - amount * meter.interval, math.min(meter.due, now))
  local low, high = 0, redis.call('LLEN', meter.log)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local _, last = unpack_entry(redis.call('LINDEX', meter.log, middle))
    if last < at then low = middle + 1 else high = middle end
  end
  local raw = redis.call('LINDEX', meter.log, low)
  if not raw then return end
  local first, last, kept = unpack_entry(raw)
  if first <= at then
    local back = math.min(amount, kept)
    redis.call('LSET', meter.log, low, pack(first, last, kept - back))
    meter.sum = meter.sum - back
  end
end
"""

_TAKE: Final = """
-- The script's own word: '1' from a process that had to do without Redis until now, so that nothing is saved up.
local meters, now, longest = load(), steady(), 0
for _, meter in ipairs(meters) do
  if ARGV[2] == '1' then spend_burst(meter, now) end
  longest = math.max(longest, wait_of(meter, now))
end
if longest <= 0 then
  for _, meter in ipairs(meters) do take(meter, meter.amount, now) end
end
save(meters, now)
return {precise(longest), precise(now)}
"""

_SETTLE: Final = """
-- The script's own word: when it was taken. The amounts: what was used beyond that, or less than 0 for what was not.
local meters, now, at = load(), steady(), tonumber(ARGV[2])
for _, meter in ipairs(meters) do
  if meter.amount > 0 then
    take(meter, meter.amount, now)
  elseif meter.amount < 0 then
    give_back(meter, -meter.amount, now, at)
  end
end
save(meters, now)
return 1
"""

TAKE: Final = Script(COMMON + _METERS + _TAKE)
SETTLE: Final = Script(COMMON + _METERS + _SETTLE)
