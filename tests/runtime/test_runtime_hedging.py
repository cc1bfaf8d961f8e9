"""Second attempts for calls that are slow, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from groups_kit import SILENT, answer, deployment, refused
from hedging_kit import Hedging, broken_stream, silent_stream, spoken, told

from aiocompl import (
    AllModelsFailedError,
    APIConnectionError,
    BadRequestError,
    InternalServerError,
    NotNeededError,
    ServiceUnavailableError,
)
from aiocompl.policy.hedge import HedgeBudget

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


async def test_a_quick_answer_needs_no_second_attempt(looptime: Any) -> None:
    async with Hedging(answer("a", delay=1), answer("b")) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert supervisor.asked == ["a"]
        assert looptime == 1
        assert told(response.call) == [("a", "first", "answer")]
        supervisor.assert_nothing_left()


async def test_the_second_wins(looptime: Any) -> None:
    async with Hedging(answer("a", delay=60), answer("b", delay=1)) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert response.choices[0].message.content == "b"
        assert supervisor.asked == ["a", "b"]
        assert looptime == 3
        assert told(response.call) == [("a", "first", "NotNeededError"), ("b", "hedge", "answer")]
        assert [each.elapsed for each in response.call.attempts] == [3, 1]
        supervisor.assert_nothing_left()


async def test_the_first_wins_after_all(looptime: Any) -> None:
    async with Hedging(answer("a", delay=3), answer("b", delay=60)) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert looptime == 3
        assert told(response.call) == [("b", "hedge", "NotNeededError"), ("a", "first", "answer")]
        assert isinstance(response.call.failed[0].error, NotNeededError)
        supervisor.assert_nothing_left()


async def test_a_loser_says_nothing_of_its_deployment() -> None:
    """Its breaker stays closed, and the next call begins there again."""
    async with Hedging(answer("a", delay=60), answer("b"), allowed_fails=0) as supervisor:
        for _ in range(3):
            await supervisor.ask(hedge=2)
        assert supervisor.asked == ["a", "b"] * 3
        assert {each.breaker for each in supervisor.snapshot().deployments} == {"closed"}


async def test_a_failure_before_the_delay_is_a_failure_as_ever(looptime: Any) -> None:
    async with Hedging(refused(503, delay=1), answer("b"), num_retries=1) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert looptime == 1
        assert told(response.call) == [("a", "first", "ServiceUnavailableError"), ("b", "retry", "answer")]


@pytest.mark.parametrize(
    ("a", "b", "expected", "seconds"),
    [
        (refused(503, delay=3), answer(delay=4), [("a", "first", "ServiceUnavailableError"), ("b", "hedge", "answer")], 6),
        (answer(delay=6), refused(500), [("b", "hedge", "InternalServerError"), ("a", "first", "answer")], 6),
    ],
)  # fmt: skip
async def test_one_fails_and_the_other_is_waited_for(
    a: Any, b: Any, expected: list[Any], seconds: float, looptime: Any
) -> None:
    async with Hedging(a, b) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert told(response.call) == expected
        assert looptime == seconds
        supervisor.assert_nothing_left()


async def test_both_fail(looptime: Any) -> None:
    async with Hedging(refused(503, delay=4), refused(500, delay=3)) as supervisor:
        with pytest.raises(InternalServerError) as caught:
            await supervisor.ask(hedge=2)
        assert looptime == 5
        assert told(caught.value) == [("a", "first", "ServiceUnavailableError")]
        supervisor.assert_nothing_left()


async def test_both_fail_and_there_is_a_fallback() -> None:
    a, b = refused(503, delay=3), refused(500, delay=4)
    entries = [deployment("a", order=1), deployment("b", order=2), deployment("c", "spare")]
    settings: Any = {"model_list": entries, "fallbacks": [{"chat": ["spare"]}]}
    async with Hedging(a, b, **settings) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert told(response.call) == [
            ("a", "first", "ServiceUnavailableError"),
            ("b", "hedge", "InternalServerError"),
            ("c", "fallback", "answer"),
        ]
        assert [each.number for each in response.call.attempts] == [1, 2, 3]


async def test_both_fail_and_all_are_told_of() -> None:
    entries = [deployment("a"), deployment("b", "spare")]
    settings: Any = {"model_list": entries, "fallbacks": [{"chat": ["spare"]}]}
    async with Hedging(refused(503, delay=3), refused(500, delay=3), **settings) as supervisor:
        with pytest.raises(AllModelsFailedError) as caught:
            await supervisor.ask(hedge=2)
        assert supervisor.asked == ["a", "a", "b", "b"]
        assert [attempt.kind for attempt in caught.value.attempts] == ["first", "hedge", "fallback", "hedge"]
        assert len(caught.value.exceptions) == 4


async def test_both_fail_and_are_tried_again() -> None:
    a: Any = [refused(503, delay=3), answer("a")]
    b: Any = [refused(503, delay=3), answer("b")]
    async with Hedging(a, b, num_retries=1) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert [kind for _, kind, _ in told(response.call)] == ["first", "hedge", "retry"]


async def test_the_same_deployment_where_there_is_no_other(looptime: Any) -> None:
    a: Any = [answer("slow", delay=60), answer("quick")]
    async with Hedging(a, answer(), model_list=[deployment("a")]) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert response.choices[0].message.content == "quick"
        assert supervisor.asked == ["a", "a"]
        assert looptime == 2


async def test_a_model_that_is_in_no_group() -> None:
    a: Any = [answer("slow", delay=60), answer("quick")]
    async with Hedging(a, answer(), model_list=None) as supervisor:
        response = await supervisor.ask("custom/m", api_base="http://a/v1", hedge=2)
        assert response.choices[0].message.content == "quick"


async def test_nobody_else_can_be_asked() -> None:
    """All breakers have opened while the first was under way: it goes on alone."""
    a: Any = [answer("late", delay=5), refused(503)]
    async with Hedging(a, answer(), model_list=[deployment("a")], allowed_fails=0) as supervisor:
        slow = asyncio.create_task(supervisor.ask(hedge=2))
        await asyncio.sleep(1)
        with pytest.raises(ServiceUnavailableError):
            await supervisor.ask()
        assert (await slow).choices[0].message.content == "late"
        assert supervisor.asked == ["a", "a"]


async def test_no_more_than_the_budget_allows(looptime: Any) -> None:
    budget = HedgeBudget(ratio=0.05, burst=5.0)
    async with Hedging(answer("a", delay=3), answer("b"), hedge_budget=budget) as supervisor:
        for _ in range(100):
            await supervisor.ask(hedge=2)
        assert 5 <= supervisor.asked.count("b") <= 6


async def test_the_budget_pays_for_calls_that_may_have_one_only() -> None:
    budget = HedgeBudget(ratio=0.5, burst=5.0)
    async with Hedging(answer("a", delay=3), answer("b"), hedge_budget=budget) as supervisor:
        await supervisor.ask(hedge=2)
        for _ in range(10):
            await supervisor.ask()
        await supervisor.ask(hedge=2)
        assert supervisor.asked.count("b") == 2


async def test_a_quantile_of_what_was_seen(looptime: Any) -> None:
    usual: list[Any] = [answer("a", delay=1)] * 18 + [answer("a", delay=4)] * 2
    async with Hedging([*usual, answer("a", delay=60)], answer("b")) as supervisor:
        for _ in usual:
            await supervisor.ask(hedge="p95")
        assert supervisor.asked == ["a"] * 20
        before = looptime + 0
        response = await supervisor.ask(hedge="p95")
        assert response.choices[0].message.content == "b"
        assert looptime - before == 4


async def test_too_few_calls_were_seen(looptime: Any) -> None:
    async with Hedging(answer("a", delay=60), answer("b")) as supervisor:
        await supervisor.ask(hedge="p50")
        assert supervisor.asked == ["a"]
        assert looptime == 60


async def test_streams_and_whole_answers_are_counted_apart() -> None:
    a: Any = [*[answer("a", delay=1)] * 20, spoken("a", after=30)]
    async with Hedging(a, answer("b")) as supervisor:
        for _ in range(20):
            await supervisor.ask(hedge="p95")
        stream = await supervisor.ask(hedge="p95", stream=True)
        await stream.response()
        assert supervisor.asked == ["a"] * 21


@pytest.mark.parametrize("hedge", ["p42", "soon", 0, -1, True, float("inf")])
async def test_what_is_no_delay(hedge: Any) -> None:
    async with Hedging(answer(), answer()) as supervisor:
        with pytest.raises(BadRequestError) as caught:
            await supervisor.ask(hedge=hedge)
        assert caught.value.param == "hedge"
        assert supervisor.asked == []


async def test_streams_hedge_on_the_first_token(looptime: Any) -> None:
    async with Hedging(spoken("a", after=60), spoken("b", after=1)) as supervisor:
        stream = await supervisor.ask(hedge=2, stream=True)
        assert looptime == 3
        assert supervisor.snapshot().in_flight == 1
        response = await stream.response()
        assert response.choices[0].message.content == "b"
        assert told(response.call) == [("a", "first", "NotNeededError"), ("b", "hedge", "answer")]
        supervisor.assert_nothing_left()


async def test_a_stream_in_time_is_alone(looptime: Any) -> None:
    async with Hedging(spoken("a", after=1), spoken("b", after=1)) as supervisor:
        async with await supervisor.ask(hedge=2, stream=True) as stream:
            assert looptime == 1
            response = await stream.response()
        assert supervisor.asked == ["a"]
        assert response.choices[0].message.content == "a"


async def test_two_streams_that_break_before_their_first_token() -> None:
    async with Hedging(broken_stream(after=3), broken_stream(after=3)) as supervisor:
        with pytest.raises(APIConnectionError) as caught:
            await supervisor.ask(hedge=2, stream=True)
        assert told(caught.value) == [("a", "first", "APIConnectionError")]
        supervisor.assert_nothing_left()


async def test_a_stream_that_won_and_breaks_goes_on() -> None:
    a: Any = [spoken("late", after=60), spoken("begun and ended", after=1)]
    b = spoken("begun", after=1, then=b"", ending="drop")
    async with Hedging(a, b, num_retries=1) as supervisor:
        stream = await supervisor.ask(hedge=2, stream=True, stream_recovery="resume")
        response = await stream.response()
        assert response.choices[0].message.content == "begun and ended"
        assert told(response.call) == [
            ("a", "first", "NotNeededError"),
            ("b", "hedge", "IncompleteStreamError"),
            ("a", "recovery", "answer"),
        ]
        supervisor.assert_nothing_left()


@pytest.mark.parametrize(
    ("after", "asked", "in_flight"), [(1, ["a"], 1), (2.5, ["a", "b"], 2), (30, ["a", "b"], 2)]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_cancelled_in_the_middle(after: float, asked: list[str], in_flight: int, stream: bool) -> None:
    never = silent_stream() if stream else SILENT
    async with Hedging(never, never) as supervisor:
        call = asyncio.create_task(supervisor.ask(hedge=2, stream=stream))
        await asyncio.sleep(after)
        assert supervisor.asked == asked
        assert supervisor.snapshot().in_flight == in_flight
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        supervisor.assert_nothing_left()


@pytest.mark.parametrize("stream", [False, True])
async def test_the_deadline_is_over_both(stream: bool, looptime: Any) -> None:
    never = silent_stream() if stream else SILENT
    async with Hedging(never, never) as supervisor:
        with pytest.raises(TimeoutError):
            await supervisor.ask(hedge=2, timeout=5, stream=stream)
        assert looptime == 5
        supervisor.assert_nothing_left()


async def test_both_answer_at_once() -> None:
    """The first goes before, and the second's stream is closed."""
    async with Hedging(spoken("a", after=3), spoken("b", after=1)) as supervisor:
        stream = await supervisor.ask(hedge=2, stream=True)
        assert supervisor.snapshot().in_flight == 1
        await stream.aclose()
        supervisor.assert_nothing_left()


async def test_both_answer_at_once_with_nothing_to_close() -> None:
    async with Hedging(answer("a", delay=3), answer("b", delay=1)) as supervisor:
        response = await supervisor.ask(hedge=2)
        assert response.choices[0].message.content == "a"
        assert told(response.call) == [("b", "hedge", "NotNeededError"), ("a", "first", "answer")]


async def test_closed_in_the_middle() -> None:
    from aiocompl import SupervisorClosedError  # noqa: PLC0415 - here only

    async with Hedging(SILENT, SILENT) as supervisor:
        call = asyncio.create_task(supervisor.ask(hedge=2))
        await asyncio.sleep(3)
        await supervisor.aclose()
        with pytest.raises(SupervisorClosedError):
            await call
