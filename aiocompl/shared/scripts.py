"""What Redis runs: one script for each decision, so that it is atomic. Redis' own clock counts, not ours."""

from __future__ import annotations

from hashlib import sha1
from typing import Final

import attrs

_COMMON: Final = """
local function precise(value) return string.format('%.17g', value) end

-- Seconds, since a day on which there was no aiocompl so that few digits are lost; a test brings its own time.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] - 1750000000 + time[2] / 1000000
end
"""

_METERS: Final = """
-- The same as aiocompl.policy.meter, which says why. KEYS: the state, and a log for each meter.
-- ARGV: the time, a word of the script's own, and for each meter: limit, burst, interval, amount.
local WINDOW, EARLY, SLICE = 60, 1e-6, 0.1

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
      limit = tonumber(ARGV[4 * i - 5]), most = tonumber(ARGV[4 * i - 4]),
      interval = tonumber(ARGV[4 * i - 3]), amount = tonumber(ARGV[4 * i - 2]),
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
      redis.call('PEXPIRE', name, 2 * WINDOW * 1000)
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

_PULSE: Final = """
-- A process says that it is there, and is told how many there are and which breakers are open.
-- KEYS: the processes, the names of open breakers. ARGV: time, process, seconds after which a silent one counts as gone.
local now = clock(ARGV[1])
redis.call('ZADD', KEYS[1], precise(now), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. precise(now - tonumber(ARGV[3])))
redis.call('EXPIRE', KEYS[1], 86400)
return {redis.call('ZCARD', KEYS[1]), unpack(redis.call('ZRANGE', KEYS[2], 0, 999))}
"""

_BUDGETS: Final = """
-- The same as aiocompl.policy.budget. KEYS: the processes, and each budget that the call counts against.
-- ARGV: time, process, seconds after which a silent one counts as gone, what to do, dollars held, dollars spent, and for
-- each budget: the most, the period or '', and what the process knows: dollars spent, how long the period has yet, and
-- since when it was counted. If that is another count than this one, Redis has forgotten what was spent before.
local now, me, what = clock(ARGV[1]), ARGV[2], ARGV[4]
local held, spent = tonumber(ARGV[5]), tonumber(ARGV[6])
local mine = 'held:' .. me

local function held_by_others(key)
  local sum = 0
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local process = string.match(fields[i], '^held:(.+)$')
    if process and process ~= me then
      local seen = redis.call('ZSCORE', KEYS[1], process)
      if seen and tonumber(seen) >= now - tonumber(ARGV[3]) then
        sum = sum + tonumber(fields[i + 1])
      else
        redis.call('HDEL', key, fields[i])
      end
    end
  end
  return sum
end

local function load(i)
  local key, at = KEYS[i], 5 * i - 3
  local kept = redis.call('HMGET', key, 'spent', 'end', mine, 'since', 'before')
  local account = {
    key = key, most = tonumber(ARGV[at]), period = tonumber(ARGV[at + 1]),
    spent = tonumber(kept[1] or 0), ends = kept[2] and tonumber(kept[2]), own = tonumber(kept[3] or 0),
    others = held_by_others(key), since = kept[4] or precise(now), before = tonumber(kept[5] or 0),
  }
  if account.period then
    if not account.ends then account.ends = now + tonumber(ARGV[at + 3] ~= '' and ARGV[at + 3] or account.period) end
    if now >= account.ends then
      account.spent, account.before = 0, 0
      account.ends = account.ends + account.period * (1 + math.floor((now - account.ends) / account.period))
    end
  else
    account.ends = nil
  end
  local known, since = tonumber(ARGV[at + 2]), ARGV[at + 4]
  if since ~= '' and since ~= account.since and known > account.before then
    account.spent = account.spent + known - account.before
    account.before = known
  end
  return account
end

local function save(account)
  local key = account.key
  redis.call('HSET', key, 'spent', precise(account.spent), 'before', precise(account.before))
  redis.call('HSET', key, 'since', account.since, mine, precise(account.own))
  if account.ends then
    redis.call('HSET', key, 'end', precise(account.ends))
    redis.call('PEXPIRE', key, math.ceil((account.ends - now + account.period) * 1000))
  else
    redis.call('HDEL', key, 'end')
    redis.call('PERSIST', key)
  end
end

local accounts, exceeded = {}, 0
for i = 2, #KEYS do
  local account = load(i)
  accounts[i - 1] = account
  local taken = account.spent + account.own + account.others
  local full = taken >= account.most or taken + held > account.most + 1e-12
  if what == 'hold' and full then -- no matter what those after it say
    exceeded = i - 1
    break
  end
end
local reply = {exceeded}
for _, account in ipairs(accounts) do
  if what == 'hold' then
    if exceeded == 0 then account.own = account.own + held end
  elseif what == 'settle' then
    account.own, account.spent = math.max(0, account.own - held), account.spent + spent
  else -- 'rejoin': what is held is all that is held here
    account.own, account.spent = held, account.spent + spent
  end
  save(account)
  reply[#reply + 1] = precise(account.spent)
  reply[#reply + 1] = precise(account.own + account.others)
  reply[#reply + 1] = account.ends and precise(account.ends - now) or ''
  reply[#reply + 1] = account.since
end
return reply
"""


@attrs.frozen
class Script:
    """A script, and the name that Redis gives it."""

    source: str
    sha: str = attrs.field(init=False)

    @sha.default
    def _sha(self) -> str:
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


TAKE: Final = Script(_COMMON + _METERS + _TAKE)
SETTLE: Final = Script(_COMMON + _METERS + _SETTLE)
BREAKER: Final = Script(_COMMON + _BREAKER)
PULSE: Final = Script(_COMMON + _PULSE)
BUDGETS: Final = Script(_COMMON + _BUDGETS)
