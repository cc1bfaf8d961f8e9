"""The scripts decide as the pure code does, whatever the history; the time is given to both."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from aiocompl._compat import override
from aiocompl.errors import AuthenticationError, BadRequestError, RateLimitError, ServiceUnavailableError
from aiocompl.policy.breaker import Breaker, BreakerPolicy
from aiocompl.policy.budget import Budget, BudgetKeeper
from aiocompl.policy.limits import NOTHING, Cost, Limiter, RateLimitPolicy
from aiocompl.shared.breaker import RedisBreaker
from aiocompl.shared.budgets import RedisBudgets
from aiocompl.shared.limit_scripts import SETTLE, TAKE
from aiocompl.shared.limits import RedisLimits
from aiocompl.shared.link import Letter, Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis_server import RedisServer

    from aiocompl.shared.scripts import Script

pytestmark = pytest.mark.real_time

limits = st.one_of(st.none(), st.integers(1, 300).map(float), st.floats(0.2, 50))
pauses = st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 5), st.floats(0, 100))
tokens = st.one_of(st.just(0), st.integers(0, 400))


class Direct(Link):
    """A link whose letters arrive at once, at the time that the test says it is."""

    def __init__(self, client: Redis) -> None:
        super().__init__(
            "redis://nowhere", prefix=f"{uuid4().hex}:", timeout=1, pulse=1, processes=1, slack=0
        )
        self._direct: Any = client
        self.now = 0.0

    def call(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        return self._direct.eval(script.source, len(keys), *keys, *arguments)

    @override
    def post(self, sent: Letter) -> None:
        sent.answered(self.call(sent.script, sent.keys, sent.arguments()))

    def at(self, now: float) -> float:
        self.now, self.time = now, repr(now)
        return now


def same_meters(client: Any, shared: RedisLimits, pure: Limiter) -> None:
    """Redis knows exactly what the pure limiter knows."""
    for log, meter in zip(shared.keys[1:], pure._meters.values(), strict=True):
        due, total = client.hmget(shared.keys[0], f"{log}:due", f"{log}:sum")
        assert float(due or "-inf") == meter._due
        assert float(total or 0) == meter._sum
        entries = [struct.unpack("<ddd", entry) for entry in client.lrange(log, 0, -1)]
        assert entries == [(entry.first, entry.last, entry.amount) for entry in meter._log]


def same_breaker(client: Any, shared: RedisBreaker, pure: Breaker) -> None:
    """The same of the breaker."""
    script = "return cjson.encode(cmsgpack.unpack(redis.call('GET', KEYS[1]) or cmsgpack.pack({})))"
    kept = orjson.loads(client.eval(script, 1, shared.link.key("breaker", shared.name)))
    assert (kept.get("row", 0), kept.get("trips", 0)) == (pure._row, pure._trips)
    assert kept.get("open_until") == (None if pure.until is None else pytest.approx(pure.until))
    assert list(kept.get("slices") or []) == [pytest.approx(each) for each in pure._slices]


@pytest.fixture
def client(one_redis: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(one_redis.url) as client:
        yield client


@given(
    rpm=limits,
    tpm=limits,
    output=limits,
    burst=st.none() | st.integers(1, 100).map(float),
    start=st.sampled_from([0.0, 4.5e7 + 1 / 3, -1000.0]),
    steps=st.lists(st.tuples(pauses, tokens, tokens, st.sampled_from("taussc")), max_size=40),
)
def test_limits(
    one_redis: RedisServer,
    rpm: float | None,
    tpm: float | None,
    output: float | None,
    burst: float | None,
    start: float,
    steps: list[tuple[float, int, int, str]],
) -> None:
    policy = RateLimitPolicy(rpm=rpm, tpm=tpm, output_tpm=output, burst=burst)
    with Redis.from_url(one_redis.url) as client:
        link = Direct(client)
        shared, pure, now = RedisLimits(link, "d", policy), Limiter(policy), start
        passed: list[tuple[float, Cost]] = []

        def settle(used: Cost) -> None:
            at, reserved = passed[len(used_up) % len(passed)]
            used_up.append(used)
            pure.settle(reserved, used, now, at)
            amounts = [getattr(used, name) - getattr(reserved, name) for name in shared._names]
            link.call(SETTLE, shared.keys, shared.arguments(repr(at), amounts))

        used_up: list[Cost] = []
        for pause, prompt, answer, what in steps:
            now = link.at(now + pause)
            cost = Cost(1, prompt, answer)
            if what == "s" and passed:
                settle(Cost(1, prompt, answer // 2))
            elif what == "c" and passed:
                settle(NOTHING)
            else:
                if what == "a":
                    pure.spend_burst(cost, now)
                word = "1" if what == "a" else ""
                amounts = [getattr(cost, name) for name in shared._names]
                wait, at = map(float, link.call(TAKE, shared.keys, shared.arguments(word, amounts)))
                assert at == now
                assert wait == pure.take(cost, now)
                if wait == 0:
                    passed.append((now, cost))
            same_meters(client, shared, pure)


def test_a_clock_that_goes_back_stands_still(client: Redis) -> None:
    link = Direct(client)
    shared = RedisLimits(link, "d", RateLimitPolicy(rpm=60, burst=1))
    times = []
    for now in (100.0, 40.0, 40.5, 41.0, 42.0):
        link.at(now)
        wait, at = map(float, link.call(TAKE, shared.keys, shared.arguments("", [1.0])))
        times.append((at, round(wait, 3)))
    assert times == [(100, 0), (100, 1), (100.5, 0.5), (101, 0), (102, 0)]


def test_keys_expire(client: Redis) -> None:
    link: Any = Direct(client)
    shared = RedisLimits(link, "d", RateLimitPolicy(rpm=0.5, tpm=100))
    link.at(5.0)
    link.call(TAKE, shared.keys, shared.arguments("", [1.0, 30.0]))
    RedisBreaker(policy=BreakerPolicy(), link=link, name="b", clock=lambda: 0.0, changed=print).succeed(0)
    budgets = RedisBudgets(link, {None: Budget(1, "1h"), "mine": Budget(1)}, lambda: 0.0)
    budgets.settle("mine", held=0, spent=0.1)
    keys: Any = client.keys(f"{link.prefix}*")
    lasts = {key.decode().split(":", 1)[1]: client.ttl(key) for key in keys}
    assert lasts == {
        "limits:{d}": 180,
        "limits:{d}:requests": 120,
        "limits:{d}:tokens": 120,
        "breaker:b": 360,
        "budget:all calls": 7200,
        "budget:of:mine": -1,
    }


DOWN = ServiceUnavailableError("down")
ERRORS = {
    "down": DOWN,
    "wrong": BadRequestError("wrong"),
    "key": AuthenticationError("no"),
    "slow": RateLimitError("slow", retry_after=17.25),
}
POLICY = BreakerPolicy(consecutive=3, min_calls=4, failure_rate=0.5, window=30, cooldown=5, max_cooldown=20)
EVENTS = st.lists(st.tuples(st.sampled_from(["ask", "ok", "gone", *ERRORS]), st.floats(0, 20)), max_size=40)


@given(events=EVENTS, consecutive=st.sampled_from([2, 3, 100]))
def test_breaker(one_redis: RedisServer, events: list[tuple[str, float]], consecutive: int) -> None:
    policy = attrs.evolve(POLICY, consecutive=consecutive)
    with Redis.from_url(one_redis.url) as client:
        link, pure = Direct(client), Breaker(policy)
        news: list[bool] = []
        breaker = RedisBreaker(
            policy=policy, link=link, name="b", clock=lambda: link.now, changed=news.append
        )
        told: list[bool] = []
        now = 1000.0
        for what, pause in events:
            now = link.at(now + pause)
            if what == "ask":
                ours, theirs = breaker.wait(now), pure.wait(now)
                assert (ours is None) == (theirs is None)
                assert ours is None or breaker.state(now) == "half_open" or ours == pytest.approx(theirs)
            elif what == "ok":
                breaker.succeed(now)
                told += [False] if pure.succeed(now) else []
            elif what == "gone":
                breaker.release()
                pure.release()
            else:
                breaker.fail(now, ERRORS[what])
                told += [True] if pure.fail(now, ERRORS[what]) else []
            assert breaker.state(now) == pure.state(now)
            assert breaker.opened == pure.opened
            same_breaker(client, breaker, pure)
            assert news == told


@given(
    periods=st.tuples(st.sampled_from([None, 10.0]), st.sampled_from([None, 7.0])),
    steps=st.lists(
        st.tuples(st.sampled_from(["hold", "settle"]), st.booleans(), st.floats(0, 4), st.integers(0, 40)),
        max_size=40,
    ),
)
async def test_budgets(
    one_redis: RedisServer,
    periods: tuple[float | None, float | None],
    steps: list[tuple[str, bool, float, int]],
) -> None:
    budgets: dict[str | None, Budget] = {None: Budget(1.5, periods[0]), "mine": Budget(1.0, periods[1])}
    with Redis.from_url(one_redis.url) as client:
        link = Direct(client)
        shared, pure = RedisBudgets(link, budgets, lambda: link.now), BudgetKeeper(budgets)
        holds: list[tuple[str | None, float]] = []
        now = 1000.0
        for what, own, pause, cents in steps:
            now = link.at(now + pause)
            name, dollars = "mine" if own else None, cents / 64
            if what == "hold":
                ours, theirs = await shared.hold(name, dollars), pure.hold(name, now, dollars)
                assert (None if ours is None else ours.name) == (None if theirs is None else theirs.name)
                assert (ours is None) == (theirs is None)
                if theirs is None:
                    holds.append((name, dollars))
            elif holds:
                name, held = holds.pop(0)
                shared.settle(name, held=held, spent=dollars)
                pure.settle(name, now, held=held, spent=dollars)
            else:
                continue
            for one in (name, None):
                here, there = shared.snapshot()[one], pure.snapshot(now)[one]
                assert (here.spent, here.held) == pytest.approx((there.spent, there.held))
                assert (here.resets_in is None) == (there.resets_in is None)
                assert here.resets_in is None or here.resets_in == pytest.approx(there.resets_in, abs=1e-5)
