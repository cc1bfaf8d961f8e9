"""The script of budgets."""

from __future__ import annotations

from typing import Final

from aiocompl.shared.scripts import COMMON, Script

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

BUDGETS: Final = Script(COMMON + _BUDGETS)
