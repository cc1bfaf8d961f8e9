from __future__ import annotations

import asyncio
import gc
import pickle
import weakref
from typing import Any

import orjson
import pytest
from arena import MESSAGES, Arena, event, refuses, says, streams

from aiocompl import (
    AllModelsFailedError,
    AnswerNotAcceptedError,
    APITimeoutError,
    BadRequestError,
    Contestant,
    IncompleteStreamError,
    RateLimitError,
    accept,
)
from aiocompl.testing import Delivery, settle

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

NEVER = Delivery(opened=False, ending="silence")


def text_of(answer: Any) -> Any:
    return answer.choices[0].message.content


def report_of(answer: Any) -> Any:
    return answer.call.race


def outcomes(report: Any) -> list[str]:
    return [contestant.outcome for contestant in report.contestants]


async def test_the_first_success_wins_and_the_others_are_cancelled(looptime: Any) -> None:
    async with Arena(says("slow", 9), says("quick", 2), NEVER) as arena:
        answer = await arena.race(arena.models, MESSAGES)
        assert looptime == 2
        assert text_of(answer) == "quick"
        assert [arena.outcomes(number) for number in range(3)] == [["cancelled"], ["read"], ["cancelled"]]
        arena.assert_nothing_open()
        report = report_of(answer)
        assert outcomes(report) == ["lost", "won", "lost"]
        assert [contestant.elapsed for contestant in report.contestants] == [2, 2, 2]
        assert report.winner is report.contestants[1]
        assert report.elapsed == 2


async def test_a_failure_does_not_end_it(looptime: Any) -> None:
    async with Arena(refuses(429, 1), says("good", 3)) as arena:
        answer = await arena.race(arena.models, MESSAGES)
        assert (looptime, text_of(answer)) == (3, "good")
        first = report_of(answer).contestants[0]
        assert first.outcome == "failed"
        assert isinstance(first.error, RateLimitError)
        assert first.elapsed == 1


async def test_ties_go_to_the_callers_order() -> None:
    async with Arena(says("a", 1), says("b", 1), says("c", 1)) as arena:
        assert text_of(await arena.race(arena.models, MESSAGES)) == "a"
        assert text_of(await arena.race(arena.models[::-1], MESSAGES)) == "c"


async def test_an_empty_answer_does_not_win(looptime: Any) -> None:
    async with Arena(says(None, 1), says("", 1), says("x", 5)) as arena:
        answer = await arena.race(arena.models, MESSAGES)
        assert (looptime, text_of(answer)) == (5, "x")
        assert outcomes(report_of(answer)) == ["refused", "refused", "won"]


async def test_accept_decides_sync_or_async() -> None:
    async def long_enough(answer: Any) -> bool:
        await asyncio.sleep(1)
        return len(text_of(answer)) > 3

    async with Arena(says("no", 1), says("cut", 2, finish="length"), says("whole", 3)) as arena:
        assert text_of(await arena.race(arena.models, MESSAGES, accept=long_enough)) == "whole"
        assert text_of(await arena.race(arena.models, MESSAGES, accept=accept.complete)) == "no"
        both = accept.every(accept.complete, long_enough)
        assert text_of(await arena.race(arena.models, MESSAGES, accept=both)) == "whole"


async def test_accept_that_goes_wrong_is_the_callers_bug(looptime: Any) -> None:
    async with Arena(says("a", 1), NEVER) as arena:
        with pytest.raises(ZeroDivisionError):
            await arena.race(arena.models, MESSAGES, accept=lambda _: 1 // 0 > 0)
        assert looptime == 1
        arena.assert_nothing_open()


async def test_all_failed_is_a_group_of_causes(looptime: Any) -> None:
    async with Arena(refuses(429, 1), refuses(400, 2), says("", 3)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES)
        assert looptime == 3
        assert [type(cause) for cause in caught.value.exceptions] == [
            RateLimitError,
            BadRequestError,
            AnswerNotAcceptedError,
        ]
        assert caught.value.retryable
        assert caught.value.race is not None
        assert outcomes(caught.value.race) == ["failed", "failed", "refused"]


async def test_at_the_deadline_all_have_failed(looptime: Any) -> None:
    async with Arena(NEVER, says("late", 50)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES, timeout=10)
        assert looptime == 10
        assert all(isinstance(cause, APITimeoutError) for cause in caught.value.exceptions)
        arena.assert_nothing_open()


async def test_an_accept_that_hangs_ends_at_the_deadline(looptime: Any) -> None:
    async def hang(_: object) -> bool:
        await asyncio.Event().wait()
        return True

    async with Arena(says("a", 1)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES, accept=hang, timeout=10)
        assert looptime == 10
        assert isinstance(caught.value.exceptions[0], APITimeoutError)


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_the_race_cancels_all(stream: bool, looptime: Any) -> None:
    async with Arena(NEVER, streams("a", first=20), says("x", 30)) as arena:
        task = asyncio.create_task(arena.race(arena.models, MESSAGES, stream=stream))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert looptime == 5
        assert arena.asked == [1, 1, 1]
        arena.assert_nothing_open()


async def test_contestants_start_one_after_another(looptime: Any) -> None:
    async with Arena(says("a", 10), says("b", 3), NEVER) as arena:
        answer = await arena.race(arena.models, MESSAGES, stagger=4)
        assert (looptime, text_of(answer)) == (7, "b")
        assert arena.asked == [1, 1, 0]
        report = report_of(answer)
        assert outcomes(report) == ["lost", "won", "never_started"]
        assert [contestant.started for contestant in report.contestants] == [0, 4, None]


async def test_a_failure_gives_the_next_its_turn_at_once(looptime: Any) -> None:
    async with Arena(refuses(500, 1), refuses(500, 1), says("c", 1)) as arena:
        answer = await arena.race(arena.models, MESSAGES, stagger=60)
        assert (looptime, text_of(answer)) == (3, "c")


async def test_no_more_than_max_started_start() -> None:
    async with Arena(refuses(500, 1), refuses(500, 1), says("c")) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES, max_started=2)
        assert arena.asked == [1, 1, 0]
        assert len(caught.value.exceptions) == 2


async def test_losers_may_linger_for_comparison(looptime: Any) -> None:
    async with Arena(says("a", 1), says("b", 3), NEVER) as arena:
        answer = await arena.race(arena.models, MESSAGES, linger=5)
        assert (looptime, text_of(answer)) == (6, "a")
        report = report_of(answer)
        assert outcomes(report) == ["won", "lost", "lost"]
        assert [item.elapsed for item in report.contestants] == [1, 3, 6]
        assert [item.estimated for item in report.contestants] == [False, False, True]
        assert report.contestants[1].usage.total_tokens == 10
        assert report.contestants[2].usage.prompt_tokens > 0


async def test_on_result_sees_each_as_it_ends_and_cannot_break_it() -> None:
    seen: list[Contestant] = []

    def note(contestant: Contestant) -> None:
        seen.append(contestant)
        raise ValueError("a bug of the hook")

    async with Arena(NEVER, refuses(500, 1), says("c", 2)) as arena:
        await arena.race(arena.models, MESSAGES, on_result=note)
    assert [(item.index, item.outcome) for item in seen] == [(1, "failed"), (2, "won"), (0, "lost")]


async def test_each_contestants_settings_are_its_own() -> None:
    async with Arena(says("a", 9), says("b", 9), says("c", 1)) as arena:
        arena.models[0] |= {"api_key": "key-0", "temperature": 0.5}
        arena.models[1] |= {"max_tokens": 5}
        await arena.race(arena.models, MESSAGES, temperature=1.0, seed=3)
        sent = [transport.records[0].request for transport in arena.transports]
        assert [request.headers.get("Authorization") for request in sent] == ["Bearer key-0", None, None]
        assert b'"temperature":0.5' in sent[0].body
        assert b'"temperature":1.0' in sent[1].body
        assert b'"max_tokens":5' in sent[1].body
        assert b"max_tokens" not in sent[2].body
        assert all(b'"seed":3' in request.body for request in sent)


async def test_a_key_for_all_does_not_go_to_an_address_of_ones_own() -> None:
    async with Arena(says("a", 9), says("b", 1)) as arena:
        own = arena.models[0]
        await arena.race(
            [own, "custom/shared"], MESSAGES, api_key="key", api_base="http://m1.invalid/v1", stagger=1
        )
        sent = [transport.records[0].request for transport in arena.transports]
        assert [request.headers.get("Authorization") for request in sent] == [None, "Bearer key"]


async def test_a_key_for_two_providers_is_refused() -> None:
    async with Arena() as arena:
        with pytest.raises(BadRequestError, match="more than one provider") as caught:
            await arena.race(["gpt-4o", "claude-sonnet-4-5"], MESSAGES, api_key="sk-openai")
        assert caught.value.param == "api_key"
        assert "sk-openai" not in str(caught.value)


@pytest.mark.parametrize(
    ("models", "options", "param"),
    [
        ([], {}, "models"),
        ("gpt-4o", {}, "models"),
        (["gpt-4o", 3], {}, "models[1]"),
        ([{"api_base": "x"}], {}, "models[0]"),
        ([{"model": "a", "stream": True}], {}, "models[0].stream"),
        (["gpt-4o"], {"stagger": -1}, "stagger"),
        (["gpt-4o"], {"stagger": "2"}, "stagger"),
        (["gpt-4o"], {"linger": -1}, "linger"),
        (["gpt-4o"], {"max_started": 0}, "max_started"),
        (["gpt-4o"], {"timeout": 0}, "timeout"),
        (["gpt-4o"], {"stream": True, "accept": accept.complete}, "accept"),
        (["gpt-4o"], {"stream": True, "linger": 1}, "linger"),
    ],
)
async def test_a_race_that_makes_no_sense_is_refused(models: Any, options: Any, param: str) -> None:
    async with Arena() as arena:
        with pytest.raises(BadRequestError) as caught:
            await arena.race(models, MESSAGES, **options)
        assert caught.value.param == param


async def test_a_misspelt_keyword_is_no_contestants_failure() -> None:
    async with Arena(says("a")) as arena:
        with pytest.raises(TypeError, match="temperature"):
            await arena.race(arena.models, MESSAGES, temperatur=1)  # type: ignore[call-overload]
        arena.assert_nothing_open()


async def test_a_name_with_commas_is_a_race_if_asked_for() -> None:
    async with Arena(says("a", 9), says("b", 1)) as arena:
        shared: Any = {"api_base": "http://m0.invalid/v1", "fastest_response": True}
        answer = await arena.acompletion("custom/one, custom/two", MESSAGES, **shared)
        assert [item.model for item in report_of(answer).contestants] == ["custom/one", "custom/two"]


class TestStreams:
    async def test_the_first_token_wins_not_the_headers(self, looptime: Any) -> None:
        async with Arena(streams("a", first=9), streams("b", "c", delay=2, first=1, between=1)) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            assert looptime == 3
            assert arena.outcomes(0) == ["closed"]
            words = [chunk.choices[0].delta.content async for chunk in stream]
            assert [word for word in words if word] == ["b", "c"]
            assert len(words) == 4  # the role and the finish, too: nothing is lost, nothing repeated
            report = stream.call.race
            assert report is not None
            assert outcomes(report) == ["lost", "won"]
            assert report.contestants[1].first_token == 3
            arena.assert_nothing_open()

    async def test_the_winner_can_be_put_together(self) -> None:
        async with Arena(streams("Hel", "lo", first=1, between=1), NEVER) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            assert text_of(await stream.response()) == "Hello"

    async def test_one_that_breaks_before_its_first_token_is_out(self, looptime: Any) -> None:
        cut = streams(first=0, ending="drop")
        async with Arena(cut, refuses(503, 1), streams("x", first=5)) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            assert looptime == 5
            assert text_of(await stream.response()) == "x"
            assert outcomes(stream.call.race) == ["failed", "failed", "won"]

    async def test_one_that_ends_without_a_token_is_out(self) -> None:
        async with Arena(streams(), streams("x", first=5)) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            assert outcomes(stream.call.race) == ["refused", "won"]
            await stream.aclose()

    async def test_a_winner_that_breaks_later_breaks(self) -> None:
        async with Arena(streams("a", ending="close"), streams("b", first=5)) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            with pytest.raises(IncompleteStreamError):
                await stream.response()
            arena.assert_nothing_open()

    async def test_a_tie_leaves_one_stream_open(self) -> None:
        async with Arena(streams("a", first=1), streams("b", first=1), streams("c", first=1)) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True)
            await settle()
            assert arena.snapshot().in_flight == 1
            assert text_of(await stream.response()) == "a"
            arena.assert_nothing_open()

    async def test_the_deadline_bounds_the_winners_stream_too(self) -> None:
        async with Arena(streams("a", "b", first=1, between=60), NEVER) as arena:
            stream = await arena.race(arena.models, MESSAGES, stream=True, timeout=10)
            with pytest.raises(APITimeoutError):
                await stream.response()
            arena.assert_nothing_open()


async def test_a_function_call_of_the_older_form_is_a_token() -> None:
    call = {"name": "f", "arguments": "{}"}
    delta = {"choices": [{"index": 0, "delta": {"role": "assistant", "function_call": call}}]}
    end = event(finish_reason="function_call") + b"data: [DONE]\n\n"
    delivery = Delivery.stream([b"data: " + orjson.dumps({"id": "s1", "model": "m", **delta}) + b"\n\n", end])
    async with Arena(delivery) as arena:
        functions = [{"name": "f", "parameters": {}}]
        stream = await arena.race(arena.models, MESSAGES, stream=True, functions=functions)
        assert stream.call.first_token is not None
        whole = await stream.response()
        assert whole.choices[0].message.function_call is not None
        assert outcomes(report_of(whole)) == ["won"]


async def test_the_report_is_of_the_messages_that_were_sent() -> None:
    messages: list[Any] = [{"role": "user", "content": "How are you?"}]
    async with Arena(says("fine", 1), NEVER) as arena:
        early = await arena.race(arena.models, messages)
        spent = report_of(early).contestants[1].usage
        late = await arena.race(arena.models, messages)
        messages.append({"role": "assistant", "content": text_of(late) * 100})
        assert report_of(late).contestants[1].usage == spent
        assert report_of(late) is report_of(late)


async def test_an_answer_is_free_as_soon_as_nobody_holds_it() -> None:
    async with Arena(says("a", 1), says("b", 1), NEVER) as arena:
        gc.disable()
        try:
            answer = await arena.race(arena.models, MESSAGES)
            alive = weakref.ref(answer)
            del answer
            assert alive() is None
        finally:
            gc.enable()


async def test_answer_and_failure_pickle_with_their_reports() -> None:
    async with Arena(refuses(429, 1), says("good", 3)) as arena:
        answer = pickle.loads(pickle.dumps(await arena.race(arena.models, MESSAGES)))  # noqa: S301 - our own
        assert outcomes(report_of(answer)) == ["failed", "won"]
        assert isinstance(report_of(answer).contestants[0].error, RateLimitError)
    async with Arena(refuses(429, 1)) as arena:
        with pytest.raises(AllModelsFailedError) as caught:
            await arena.race(arena.models, MESSAGES)
        failure = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
        assert outcomes(failure.race) == ["failed"]
        assert len(failure.exceptions) == 1


async def test_mocked_contestants_race_without_being_asked() -> None:
    async with Arena() as arena:
        answer = await arena.acompletion("gpt-4o, o3", MESSAGES, fastest_response=True, mock_response="hi")
        assert text_of(answer) == "hi"
        assert outcomes(report_of(answer)) == ["won", "lost"]


async def test_draining_waits_for_a_race(looptime: Any) -> None:
    async with Arena(says("good", 3), says("late", 5)) as arena:
        race = asyncio.create_task(arena.race(arena.models, MESSAGES))
        await asyncio.sleep(1)
        await arena.drain()
        assert looptime == 3
        assert text_of(await race) == "good"


async def test_a_refusal_can_be_refused(looptime: Any) -> None:
    async with Arena(says("cut", 1, finish="content_filter"), says("good", 2)) as arena:
        assert text_of(await arena.race(arena.models, MESSAGES, accept=accept.no_refusal)) == "good"
        assert looptime == 2
