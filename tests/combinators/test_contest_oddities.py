"""Races and fan-outs at their edges: ties, deadlines, bugs, closing, and everything within everything."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from typing import Any

import orjson
import pytest
from arena import MESSAGES, Arena, refuses, says, streams

from aiocompl import (
    AllModelsFailedError,
    AnswerNotAcceptedError,
    APITimeoutError,
    BadRequestError,
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    Contestant,
    NotNeededError,
    RaceReport,
    RateLimitError,
    SupervisorClosedError,
)
from aiocompl._compat import override
from aiocompl.combinators.race import RaceRules, race
from aiocompl.testing import Delivery

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

NEVER = Delivery(opened=False, ending="silence")


def text_of(answer: Any) -> Any:
    return answer.choices[0].message.content


class Broken:
    """An `accept` that goes wrong, and that can be watched."""

    def __call__(self, _: object) -> bool:
        raise ZeroDivisionError


async def test_enough_at_the_same_time_are_enough(looptime: Any) -> None:
    async with Arena(says("a", 1), says("b", 1), NEVER) as arena:
        answers = await arena.fan_out(arena.models, MESSAGES, n_required=1)
        assert looptime == 1
        assert isinstance(answers[2], NotNeededError)


async def test_nobody_starts_at_the_deadline(looptime: Any) -> None:
    async with Arena(NEVER, says("b")) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES, stagger=60, timeout=10)
        assert looptime == 10
        assert [type(cause) for cause in caught.value.exceptions] == [APITimeoutError]
        assert arena.asked == [1, 0]


async def test_a_start_that_comes_too_late_is_a_timeout() -> None:
    async def ask(*_: Any, **__: Any) -> Any:
        raise AssertionError("nobody is to be asked")

    class Late(asyncio.SelectorEventLoop):
        """Its clock goes on by a second each time that it is read."""

        now = 0.0

        @override
        def time(self) -> float:
            self.now += 1
            return self.now

    def run() -> Any:
        with asyncio.Runner(loop_factory=Late) as runner:
            runner.run(
                race(ask, ["a"], MESSAGES, stream=False, rules=RaceRules(), params={}, default_timeout=1)
            )

    with pytest.raises(AllModelsFailedError) as caught:
        await asyncio.to_thread(run)
    assert [type(cause) for cause in caught.value.exceptions] == [APITimeoutError]


async def test_an_answer_in_the_very_last_moment_wins() -> None:
    async def stubborn(_: object) -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return True
        return False

    async with Arena(says("a", 1), NEVER) as arena:
        answer = await arena.race(arena.models, MESSAGES, accept=stubborn, timeout=10)
        assert text_of(answer) == "a"


async def test_an_answer_of_which_nothing_is_known_can_win() -> None:
    async def ask(*_: Any, **__: Any) -> Any:
        message = ChatCompletionMessage(content="a")
        return ChatCompletion(id="c", choices=[Choice(index=0, message=message, finish_reason="stop")])

    answer = await race(ask, ["a"], MESSAGES, stream=False, rules=RaceRules(), params={}, default_timeout=9)
    assert answer.call is None


async def test_a_loser_that_takes_its_time_to_end_is_cancelled_once_and_awaited(looptime: Any) -> None:
    ended: list[str] = []

    async def ask(model: str, *_: Any, **__: Any) -> Any:
        await asyncio.sleep(1)
        if model == "quick":
            message = ChatCompletionMessage(content="a")
            return ChatCompletion(id="c", choices=[Choice(index=0, message=message, finish_reason="stop")])
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(2)  # such as to cancel a prediction; a second cancellation would cut it short
            ended.append(model)

    rules = RaceRules()
    models = ["slow", "quick", "slower"]
    await race(ask, models, MESSAGES, stream=False, rules=rules, params={}, default_timeout=9)
    assert (looptime, ended) == (3, ["slow", "slower"])


async def test_a_key_for_one_provider_goes_to_all() -> None:
    async with Arena(NEVER) as arena:
        shared: Any = {"api_key": "key", "mock_response": "a"}
        assert text_of(await arena.race(["openai/a", "openai/b"], MESSAGES, **shared)) == "a"


async def test_what_accept_waited_for_is_cancelled() -> None:
    async def waits(_: object) -> bool:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        return bool(await future)

    async with Arena(says("a", 1)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES, accept=waits)
        assert [type(cause) for cause in caught.value.exceptions] == [AnswerNotAcceptedError]


@pytest.mark.parametrize("what", ["race", "fan_out"])
async def test_a_bug_keeps_nothing_alive(what: str) -> None:
    async with Arena(says("a", 1), says("b", 1), NEVER) as arena:
        accept = Broken()
        alive = weakref.ref(accept)
        gc.disable()
        try:
            try:
                if what == "race":
                    await arena.race(arena.models, MESSAGES, accept=accept)
                else:
                    await arena.fan_out(arena.models, MESSAGES, accept=accept)
            except ZeroDivisionError:
                pass
            del accept
            assert alive() is None
        finally:
            gc.enable()
        arena.assert_nothing_open()


async def test_a_failure_keeps_nothing_alive() -> None:
    class No:
        def __call__(self, _: object) -> bool:
            return False

    async with Arena(says("a", 1), refuses(500, 2)) as arena:
        accept = No()
        alive = weakref.ref(accept)
        gc.disable()
        try:
            kept: Exception | None = None
            try:
                await arena.race(arena.models, MESSAGES, accept=accept)
            except AllModelsFailedError as error:
                kept = error.with_traceback(None)
            assert kept is not None
            del accept
            assert alive() is None
        finally:
            gc.enable()


async def test_a_hook_cannot_break_the_report_of_a_loser() -> None:
    def note(contestant: Contestant) -> None:
        raise KeyError(contestant.model)

    async with Arena(says("a", 1), NEVER) as arena:
        assert text_of(await arena.race(arena.models, MESSAGES, on_result=note)) == "a"


async def test_what_counts_in_a_fan_out_has_won() -> None:
    seen: list[Contestant] = []
    async with Arena(says("a", 1), says("", 1), refuses(500, 1), NEVER) as arena:
        await arena.fan_out(arena.models, MESSAGES, n_required=1, on_result=seen.append)
    assert [item.outcome for item in seen] == ["won", "refused", "failed", "lost"]


async def test_a_failure_pickles_with_its_report() -> None:
    async with Arena(refuses(429, 1), says("", 1)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES)
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):  # noqa: S301 - our own
        assert type(again) is AllModelsFailedError
        assert [type(cause) for cause in again.exceptions] == [RateLimitError, AnswerNotAcceptedError]
        assert isinstance(again.race, RaceReport)
        assert [item.outcome for item in again.race.contestants] == ["failed", "refused"]
        assert (again.retryable, str(again)) == (True, str(caught.value))
    limited, rest = caught.value.split(RateLimitError)
    assert limited is not None
    assert rest is not None
    assert isinstance(limited, AllModelsFailedError)
    assert limited.race == caught.value.race


async def test_a_thousand_contestants(looptime: Any) -> None:
    steps = [refuses(500, 1 + number) for number in range(999)]
    async with Arena(*steps, says("last", 1000)) as arena:
        answer = await arena.race(arena.models, MESSAGES, timeout=5000)
        assert (looptime, text_of(answer)) == (1000, "last")
        report = answer.call.race if answer.call else None
        assert report is not None
        assert [item.index for item in report.contestants] == list(range(1000))
    async with Arena(*[NEVER] * 999, says("last", 1)) as arena:
        assert text_of(await arena.race(arena.models, MESSAGES)) == "last"
        arena.assert_nothing_open()


class TestWithin:
    async def test_canned_answers_race_too(self) -> None:
        async with Arena() as arena:
            shared: Any = {"mock_response": "canned"}
            answer = await arena.race(["gpt-4o", "claude-sonnet-4-5"], MESSAGES, **shared)
            assert answer.call is not None
            assert answer.call.race is not None
            assert [item.outcome for item in answer.call.race.contestants] == ["won", "lost"]
            stream = await arena.race(["gpt-4o", "claude-sonnet-4-5"], MESSAGES, stream=True, **shared)
            assert text_of(await stream.response()) == "canned"

    async def test_canned_errors_do(self) -> None:
        limited = RateLimitError("canned")
        models: Any = [{"model": "a", "mock_response": limited}, {"model": "b", "mock_response": "good"}]
        async with Arena() as arena:
            assert text_of(await arena.race(models, MESSAGES)) == "good"
            with pytest.raises(AllModelsFailedError) as caught:
                await arena.race(models[:1] * 2, MESSAGES)
            assert caught.value.exceptions == (limited, limited)

    @pytest.mark.parametrize("stream", [False, True])
    async def test_several_answers_of_each_contestant(self, stream: bool) -> None:
        step = streams("one", first=1) if stream else says("one", 1)
        async with Arena(step, NEVER) as arena:
            models = [{**model, "model": "cohere/command-a-03-2025"} for model in arena.models[1:]]
            options: Any = {"n": 2, "n_by_fanout": True}
            answer = await arena.race([*models, arena.models[0]], MESSAGES, stream=stream, **options)
            if stream:
                answer = await answer.response()
            assert text_of(answer) == "one"
            assert arena.asked == [1, 2]
            arena.assert_nothing_open()

    async def test_races_in_a_batch(self, looptime: Any) -> None:
        def echo(request: Any) -> Delivery:
            body = orjson.loads(request.body)
            return says(body["messages"][-1]["content"], 1) if body["model"] == "one" else NEVER

        async with Arena(echo) as arena:
            shared: Any = {"api_base": "http://m0.invalid/v1", "fastest_response": True}
            results = await arena.batch("custom/one, custom/two", ["a", "b", "c"], concurrency=2, **shared)
            assert [text_of(result) for result in results] == ["a", "b", "c"]
            assert looptime == 2
            arena.assert_nothing_open()

    async def test_a_race_in_a_race(self) -> None:
        async with Arena(NEVER) as arena:
            models: Any = [
                {**arena.models[0], "model": "custom/a, custom/b", "fastest_response": True},
                {"model": "c", "mock_response": "canned"},
            ]
            assert text_of(await arena.race(models, MESSAGES)) == "canned"
            arena.assert_nothing_open()


class TestClosing:
    async def test_draining_lets_the_race_end(self, looptime: Any) -> None:
        async with Arena(says("a", 5), NEVER) as arena:
            call = asyncio.create_task(arena.race(arena.models, MESSAGES))
            await asyncio.sleep(1)
            drain = asyncio.create_task(arena.drain())
            assert text_of(await call) == "a"
            await drain
            assert looptime == 5

    async def test_draining_refuses_those_who_have_not_started(self) -> None:
        async with Arena(refuses(500, 5), says("b")) as arena:
            call = asyncio.create_task(arena.race(arena.models, MESSAGES, stagger=60))
            await asyncio.sleep(1)
            drain = asyncio.create_task(arena.drain())
            with pytest.raises(AllModelsFailedError) as caught:
                await call
            assert isinstance(caught.value.exceptions[1], SupervisorClosedError)
            await drain

    async def test_closing_ends_it(self, looptime: Any) -> None:
        async with Arena(NEVER, says("a", 9)) as arena:
            call = asyncio.create_task(arena.race(arena.models, MESSAGES))
            await asyncio.sleep(1)
            await arena.aclose()
            with pytest.raises(AllModelsFailedError) as caught:
                await call
            assert looptime == 1
            assert [type(cause) for cause in caught.value.exceptions] == [SupervisorClosedError] * 2

    async def test_closing_ends_merged_streams(self) -> None:
        async with Arena(streams("a", "b", first=1, between=60)) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True)
            await anext(merged)
            await anext(merged)
            await arena.aclose()
            left = [chunk async for _, chunk in merged]
            assert [type(chunk) for chunk in left] == [SupervisorClosedError]


class TestMerged:
    async def test_a_misspelt_keyword_is_raised(self) -> None:
        async with Arena(streams("a"), streams("b")) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True, temperatur=1)  # type: ignore[call-overload]
            with pytest.raises(TypeError, match="temperature"):
                await anext(merged)
            assert [item async for item in merged] == []

    async def test_what_is_no_stream_is_a_bug(self) -> None:
        class Whole(Arena):
            @override
            async def acompletion(self, *_: Any, **__: Any) -> Any:
                return None

        async with Whole(streams("a")) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True)
            with pytest.raises(TypeError, match="a stream was asked for"):
                await anext(merged)

    async def test_after_closing_there_is_nothing(self) -> None:
        async with Arena(streams("a", "b"), streams("x", "y")) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True)
            await anext(merged)
            await asyncio.sleep(1)
            await merged.aclose()
            await merged.aclose()
            assert [item async for item in merged] == []
            arena.assert_nothing_open()

    async def test_a_refusal_before_anything_starts(self) -> None:
        async with Arena(streams("a")) as arena:
            with pytest.raises(BadRequestError):
                await arena.fan_out([], MESSAGES, stream=True)
