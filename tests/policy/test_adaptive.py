"""Where the limit settles, what it follows, and what it does not fall for."""

from __future__ import annotations

import heapq
from bisect import bisect
from itertools import count
from math import exp, inf
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queueing_server import QueueingServer

from aiocompl.policy.adaptive import AdaptiveLimit, AdaptivePolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    Service = Callable[[], float]


def constant(seconds: float) -> Service:
    return lambda: seconds


def uniform(seconds: float, spread: float = 0.3, seed: int = 0) -> Service:
    rng = Random(seed)
    return lambda: seconds * rng.uniform(1 - spread, 1 + spread)


def lognormal(seconds: float, sigma: float, seed: int = 0) -> Service:
    rng = Random(seed)
    return lambda: seconds * exp(rng.gauss(-sigma * sigma / 2, sigma))


class Callers:
    """So many callers at a server, each asking again at once, let through by an adaptive limit.

    Args:
        server: Whom they ask.
        policy: How the limit behaves.
        callers: How many there are.
        held: How much longer than until it is begun a request keeps its slot, where answers are streams.
        kinds: The kinds of calls, in turn; a kind's number is how many times as long it takes.
    """

    def __init__(
        self,
        server: QueueingServer,
        policy: AdaptivePolicy | None = None,
        *,
        callers: int = 10_000,
        held: float | None = None,
        kinds: tuple[float, ...] = (1.0,),
    ) -> None:
        self.server = server
        self.limit = AdaptiveLimit(policy or AdaptivePolicy())
        self.callers = callers
        self.kinds = kinds
        self.now = 0.0
        self.in_flight = 0
        self.refusals = 0
        self._held = held
        self._sent = count()
        self._numbers = count()
        self._due: list[tuple[float, int, str, float, float]] = []
        self._times, self._limits = [0.0], [self.limit.limit]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        self._send()
        while self._due and self._due[0][0] <= until:
            self.now, _, what, sent, kind = heapq.heappop(self._due)
            if what == "begun":
                self.limit.sample(self.now - sent, self.in_flight, self.now, kind)
            elif what == "refused":
                self.refusals += 1
                self.limit.refused(self.now - sent, self.in_flight, self.now)
                self.in_flight -= 1
                self.callers -= 1  # who comes again after a while
                self._push(0.5, "back", kind)
            elif what == "back":
                self.callers += 1
            else:
                if what == "answered":
                    self.limit.sample(self.now - sent, self.in_flight, self.now, kind)
                self.in_flight -= 1
            self._note()
            self._send()
        self.now = until

    def settled(self, since: float) -> float:
        """The average limit from then till now."""
        moments = [since + (self.now - since) * part / 400 for part in range(400)]
        return sum(self.at(moment) for moment in moments) / 400

    def at(self, moment: float) -> int:
        """The limit at some time."""
        return self._limits[bisect(self._times, moment) - 1]

    def reached(self, low: float, high: float, since: float) -> float:
        """Seconds from then until the limit was first between two bounds."""
        if low <= self.at(since) <= high:
            return 0.0
        times = zip(self._times, self._limits, strict=True)
        return next((time - since for time, limit in times if time > since and low <= limit <= high), inf)

    def lowest(self, since: float) -> int:
        """The least limit from then till now."""
        return min(self.at(since), *(self._limits[bisect(self._times, since) :] or [10**9]))

    def _send(self) -> None:
        while self.in_flight < min(self.limit.limit, self.callers):
            self.in_flight += 1
            kind = self.kinds[next(self._sent) % len(self.kinds)]
            taken = self.server.take(self.now)
            if taken is None:
                self._push(0.01, "refused", kind)
            elif self._held is None:
                self._push(taken[0] + kind * taken[1], "answered", kind)
            else:
                self._push(taken[0] + taken[1] / (1 + self._held), "begun", kind)
                self._push(taken[0] + taken[1], "ended", kind)

    def _push(self, delay: float, what: str, kind: float) -> None:
        heapq.heappush(self._due, (self.now + delay, next(self._numbers), what, self.now, kind))

    def _note(self) -> None:
        if self._limits[-1] != self.limit.limit:
            self._times.append(self.now)
            self._limits.append(self.limit.limit)


SERVICES: dict[str, tuple[float, Callable[[], Service]]] = {
    "constant": (1.0, lambda: constant(1.0)),
    "quick": (0.05, lambda: uniform(0.05)),
    "uniform": (1.0, lambda: uniform(1.0)),
    "slow": (20.0, lambda: uniform(20.0)),
    "skewed": (1.0, lambda: lognormal(1.0, 0.3)),
}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("capacity", [1, 5, 20, 100])
def test_it_finds_the_knee(capacity: int, name: str) -> None:
    seconds, service = SERVICES[name]
    callers = Callers(QueueingServer(capacity, service()))
    callers.run(300 * seconds)
    assert callers.settled(100 * seconds) == pytest.approx(capacity, rel=0.2, abs=0.5)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("capacity", [20, 40, 100])
def test_it_follows_when_the_capacity_halves_and_doubles(capacity: int, name: str) -> None:
    seconds, service = SERVICES[name]
    callers = Callers(QueueingServer(capacity, service()))
    callers.run(200 * seconds)
    for now_capacity in (capacity // 2, capacity):
        begun = callers.now
        callers.server.set_capacity(now_capacity, begun)
        callers.run(200 * seconds)
        assert callers.reached(0.8 * now_capacity, 1.2 * now_capacity, begun) < 60 * seconds
        assert callers.settled(begun + 60 * seconds) == pytest.approx(now_capacity, rel=0.2)


@pytest.mark.parametrize("capacity", [5, 20, 100])
def test_refusals_cut_it_to_what_is_taken(capacity: int) -> None:
    callers = Callers(QueueingServer(capacity, uniform(1.0), refuses=True), callers=3 * capacity)
    callers.run(200)
    assert callers.settled(60) == pytest.approx(capacity, rel=0.2)
    callers.server.set_capacity(capacity // 2, callers.now)
    callers.run(200)
    assert callers.reached(1, capacity // 2, 200) < 3
    assert callers.settled(210) == pytest.approx(capacity // 2, rel=0.25)
    assert callers.refusals < 0.03 * 350 * capacity + 60


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_noise_alone_does_not_bring_it_down(sigma: float, seed: int) -> None:
    callers = Callers(
        QueueingServer(1000, lognormal(1.0, sigma, seed)), AdaptivePolicy(initial=20, max_limit=100)
    )
    callers.run(600)
    assert callers.settled(200) > 60
    assert callers.lowest(60) >= 10


@pytest.mark.parametrize("in_use", [1, 3, 8])
def test_it_does_not_grow_while_it_is_not_used(in_use: int) -> None:
    callers = Callers(QueueingServer(100, uniform(1.0)), callers=in_use)
    callers.run(500)
    assert callers.limit.limit == AdaptivePolicy().initial
    callers.callers = 1000
    callers.run(200)
    assert callers.limit.limit > 60


def test_answers_that_take_longer_for_no_queue_are_no_reason() -> None:
    callers = Callers(QueueingServer(40, uniform(1.0)))
    callers.run(200)
    callers.server.service = uniform(3.0)
    callers.run(600)
    assert callers.lowest(200) >= 10
    assert callers.settled(400) == pytest.approx(40, rel=0.2)
    callers.server.service = uniform(0.5)
    callers.run(200)
    assert callers.settled(900) == pytest.approx(40, rel=0.2)


def test_streams_count_by_when_they_begin_though_they_last() -> None:
    callers = Callers(QueueingServer(40, uniform(5.0)), held=9.0)
    callers.run(1500)
    assert callers.settled(500) == pytest.approx(40, rel=0.2)
    callers.server.set_capacity(20, callers.now)
    callers.run(1000)
    assert callers.settled(1700) == pytest.approx(20, rel=0.2)


def test_another_mix_of_kinds_is_no_change() -> None:
    policy = AdaptivePolicy(initial=30, max_limit=30)
    callers = Callers(QueueingServer(1000, uniform(1.0)), policy, kinds=(1.0, 1.0, 1.0, 20.0))
    callers.run(1000)
    callers.kinds = (1.0, 20.0, 20.0, 20.0)
    callers.run(1000)
    assert callers.lowest(1000) >= 22  # a probe's


def test_of_too_many_kinds_the_rest_is_one() -> None:
    callers = Callers(QueueingServer(20, constant(1.0)), kinds=tuple(1 + n / 1000 for n in range(80)))
    callers.run(400)
    assert len(callers.limit._baseline.kinds) <= 64
    assert callers.settled(200) == pytest.approx(20, rel=0.25)


def refuse(limit: AdaptiveLimit, latency: float, now: float, times: int = 3) -> int:
    """Refuse so many, and say what is left of the limit."""
    for _ in range(times):
        limit.refused(latency, limit.limit, now)
    return limit.limit


def test_where_everything_is_refused_it_is_cut_to_half_only() -> None:
    limit = AdaptiveLimit(AdaptivePolicy(initial=100))
    limit.sample(1.0, 100, 1.0)
    assert [refuse(limit, 0.01, 10.0 + step) for step in range(6)] == [85, 72, 61, 51, 50, 50]
    limit.sample(1.0, 50, 2000.0)
    assert refuse(limit, 0.01, 2001.0) == 42


def test_a_refusal_of_what_was_sent_under_a_higher_limit_says_nothing_of_this_one() -> None:
    limit = AdaptiveLimit(AdaptivePolicy(initial=100))
    assert refuse(limit, 0.1, 10.0) == 85
    assert refuse(limit, 0.2, 10.1, times=50) == 85
    assert refuse(limit, 0.05, 10.1) == 72


@pytest.mark.parametrize(("one_in", "cut"), [(50, False), (5, True)])
def test_stray_refusals_are_no_reason(one_in: int, *, cut: bool) -> None:
    limit = AdaptiveLimit(AdaptivePolicy(initial=50, max_limit=50, probe_every=10**6))
    rng, limits = Random(1), []
    for step in range(3000):
        now = step / 50
        if rng.random() < 1 / one_in:
            limit.refused(0.01, limit.limit, now)
        else:
            limit.sample(1.0, limit.limit, now)
        limits.append(limit.limit)
    assert (min(limits[500:]) < 40) == cut


def test_what_is_given_up_counts_where_it_is_long() -> None:
    limit = AdaptiveLimit(AdaptivePolicy(initial=10))
    for step in range(60):
        limit.gave_up(0.1, 10, step * 0.1)  # nothing to compare it with
    assert limit.limit == 10
    limit = AdaptiveLimit(AdaptivePolicy(initial=10, max_limit=10, probe_every=1000))
    limits = []
    for step in range(400):
        now = step / 10
        if step < 200:
            limit.sample(1.0, limit.limit, now)
        else:
            limit.gave_up(0.5 if step < 300 else 4.0, limit.limit, now)
        limits.append(limit.limit)
    assert set(limits[100:300]) == {10}
    assert min(limits[300:]) == 5


def test_at_its_least_it_is_cut_no_more_but_learns() -> None:
    limit = AdaptiveLimit(AdaptivePolicy(initial=1, max_limit=1))
    now = 0.0
    for seconds in (1.0, 5.0):
        for _ in range(100):
            now += seconds
            limit.sample(seconds, 1, now)
        assert limit.limit == 1
        assert limit._baseline.kinds[None].mean == pytest.approx(seconds, rel=0.1)


def test_a_lone_slow_caller_leaves_a_large_limit_alone() -> None:
    callers = Callers(
        QueueingServer(500, constant(1.0)), AdaptivePolicy(initial=200, max_limit=200), callers=400
    )
    callers.run(50)
    callers.callers = 5
    callers.server.service = constant(4.0)
    callers.run(500)
    assert callers.limit.limit == 200


def test_a_pause_is_no_slowness() -> None:
    callers = Callers(QueueingServer(20, uniform(1.0)))
    for _ in range(12):
        callers.callers = 1000
        callers.run(30)
        callers.callers = 0
        callers.run(3000)
    callers.callers = 1000
    callers.run(60)
    assert callers.settled(callers.now - 40) == pytest.approx(20, rel=0.25)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["sample", "sample", "gave_up", "refused"]),
        st.sampled_from([0.0, 0.001, 1.0, 50.0]),
        st.integers(0, 60),
        st.sampled_from([0.0, 0.01, 1.0, 100.0]),
        st.sampled_from(["whole", "stream"]),
        st.integers(1, 40),
    ),
    max_size=60,
)


@given(EVENTS, st.integers(1, 4), st.integers(0, 10), st.integers(0, 10))
def test_whatever_happens_it_keeps_its_bounds(events: list[Any], least: int, more: int, most: int) -> None:
    policy = AdaptivePolicy(min_limit=least, initial=least + more, max_limit=least + more + most)
    limit, now = AdaptiveLimit(policy), 0.0
    for what, latency, in_flight, gap, kind, times in events:
        for _ in range(times):
            now += gap
            if what == "refused":
                limit.refused(latency, in_flight, now)
            else:
                getattr(limit, what)(latency, in_flight, now, kind)
            assert policy.min_limit <= limit.limit <= policy.max_limit


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"min_limit": 0}, "min_limit"),
        ({"initial": 2000}, "max_limit"),
        ({"min_limit": 20}, "initial"),
        ({"backoff": 1.0}, "backoff"),
        ({"queue": 0.0}, "queue"),
        ({"stray": 1.0}, "stray"),
        ({"probe_every": 0}, "probe_every"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        AdaptivePolicy(**settings)
