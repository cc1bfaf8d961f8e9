"""Who is next: in order within a priority, in proportion between them, and nobody for ever last."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import BadRequestError
from aiocompl.policy.fair_queue import FairQueue, as_priority, weight


def filled(*classes: tuple[int, int]) -> FairQueue[tuple[int, int]]:
    queue: FairQueue[tuple[int, int]] = FairQueue()
    for priority, count in classes:
        for number in range(count):
            queue.put((priority, number), priority)
    return queue


def taken(queue: FairQueue[tuple[int, int]], count: int) -> list[int]:
    """The priorities of the next ones."""
    return [item[0] for item in (queue.pop() for _ in range(count)) if item is not None]


def test_first_in_first_out() -> None:
    queue = filled((0, 3))
    assert (len(queue), queue.peek()) == (3, (0, 0))
    assert [queue.pop() for _ in range(4)] == [(0, 0), (0, 1), (0, 2), None]
    assert queue.peek() is None


def test_the_lower_the_sooner() -> None:
    queue: FairQueue[str] = FairQueue()
    for item, priority in (("low", 2), ("normal", 0), ("high", -2)):
        queue.put(item, priority)
    assert [queue.pop() for _ in range(3)] == ["high", "normal", "low"]


@pytest.mark.parametrize(
    ("priorities", "shares"),
    [((-2, 0, 2), (16, 4, 1)), ((0, 1), (2, 1)), ((0, 50), (1024, 1)), ((5, 5), (1, 1))],
)
def test_shares(priorities: tuple[int, ...], shares: tuple[int, ...]) -> None:
    queue = filled(*((priority, 2000) for priority in priorities))
    served = taken(queue, sum(shares))
    assert tuple(served.count(priority) for priority in priorities) in {shares, (sum(shares),) * 2}


def test_who_uses_less_than_its_share_is_next_whenever_it_comes() -> None:
    queue = filled((2, 100))
    for number in range(10):
        taken(queue, 5)
        queue.put((-2, number), -2)
        assert taken(queue, 1) == [-2]


def test_nothing_is_saved_up_while_nobody_of_a_priority_waits() -> None:
    queue = filled((1, 1000))
    taken(queue, 300)
    for number in range(500):
        queue.put((0, number), 0)
    served = taken(queue, 300)
    assert served.count(0) == pytest.approx(200, abs=1)


def test_withdrawing() -> None:
    queue = filled((0, 3), (1, 1))
    assert queue.withdraw((0, 0))
    assert not queue.withdraw((0, 0))
    assert queue.withdraw((0, 1))
    assert queue.withdraw((0, 2))
    assert (queue.peek(), len(queue)) == ((1, 0), 1)
    queue.put((0, 9), 0)
    assert sorted(taken(queue, 3)) == [0, 1]
    assert not queue


def test_withdrawing_the_last_begins_anew() -> None:
    queue = filled((0, 1))
    assert queue.withdraw((0, 0))
    assert (queue.peek(), queue.pop(), len(queue)) == (None, None, 0)


@pytest.mark.parametrize(("value", "priority"), [("high", -2), ("normal", 0), ("low", 2), (7, 7), (-3, -3)])
def test_priorities(value: object, priority: int) -> None:
    assert as_priority(value) == priority


@pytest.mark.parametrize("value", ["urgent", 1.5, True, None, []])
def test_what_is_no_priority(value: Any) -> None:
    with pytest.raises(
        BadRequestError, match=r"priority must be a whole number .* or one of 'high'"
    ) as caught:
        as_priority(value)
    assert caught.value.param == "priority"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(-12, 12)),
        st.tuples(st.just("put"), st.just(0)),
        st.tuples(st.just("pop"), st.just(0)),
        st.tuples(st.just("withdraw"), st.integers(0, 30)),
    ),
    max_size=100,
)


@given(steps=steps)
def test_against_a_simple_model(steps: list[tuple[str, int]]) -> None:
    """Nobody is lost or served twice, the order within a priority is kept, and no priority gets more than its share."""
    queue: FairQueue[int] = FairQueue()
    model: dict[int, deque[int]] = {}
    for number, (what, value) in enumerate(steps):
        waiting = [item for line in model.values() for item in line]
        if what == "put":
            ahead = queue.ahead(value)
            assert len(model.get(value, ())) <= ahead <= len(queue)
            queue.put(number, value)
            model.setdefault(value, deque()).append(number)
        elif what == "pop":
            first = queue.peek()
            item = queue.pop()
            assert item == first
            assert (item is None) is (not waiting)
            if item is not None:
                (line,) = (line for line in model.values() if item in line)
                assert line.popleft() == item
        else:
            item = waiting[value] if value < len(waiting) else -1
            assert queue.withdraw(item) is (item >= 0)
            for line in model.values():
                if item in line:
                    line.remove(item)
        assert len(queue) == sum(map(len, model.values()))
    rest = [queue.pop() for _ in range(len(queue))]
    assert sorted(map(int, filter(None, rest))) == sorted(
        filter(None, (i for line in model.values() for i in line))
    )


@given(
    counts=st.dictionaries(st.integers(-4, 4), st.integers(1, 40), min_size=1, max_size=5),
    priority=st.integers(-4, 4),
    before=st.integers(0, 60),
)
def test_how_many_are_ahead(counts: dict[int, int], priority: int, before: int) -> None:
    """Exactly so many, where nobody else comes."""
    queue = filled(*counts.items())
    taken(queue, before)
    ahead = queue.ahead(priority)
    queue.put((priority, -1), priority)
    served = 0
    while queue.pop() != (priority, -1):
        served += 1
    assert served == ahead


@given(priorities=st.lists(st.integers(-15, 15), min_size=2, max_size=2, unique=True))
def test_no_class_that_always_waits_gets_less_than_its_share(priorities: list[int]) -> None:
    one, other = priorities
    queue = filled((one, 400), (other, 400))
    served = taken(queue, 300)
    share = weight(one) / (weight(one) + weight(other))
    assert abs(served.count(one) - 300 * share) <= 1 + max(weight(one), weight(other)) / min(
        weight(one), weight(other)
    ) * (share < 0.01 or share > 0.99)
