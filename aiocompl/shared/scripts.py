"""What Redis runs: one script for each decision, so that it is atomic. Redis' own clock counts, not ours."""

from __future__ import annotations

from hashlib import sha1
from typing import Final

import attrs

COMMON: Final = """
local function precise(value) return string.format('%.17g', value) end

-- Seconds, since a day on which there was no aiocompl so that few digits are lost; a test brings its own time.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] - 1750000000 + time[2] / 1000000
end
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


@attrs.frozen
class Script:
    """A script, and the name that Redis gives it."""

    source: str
    sha: str = attrs.field(
        init=False, default=attrs.Factory(lambda script: _sha_of(script.source), takes_self=True)
    )


def _sha_of(source: str) -> str:
    return sha1(source.encode(), usedforsecurity=False).hexdigest()


PULSE: Final = Script(COMMON + _PULSE)
