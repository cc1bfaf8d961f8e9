from __future__ import annotations

import asyncio
from typing import Any

import pytest
from arena import MESSAGES, Arena, refuses, says, streams

from aiocompl import (
    AllModelsFailedError,
    APITimeoutError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    ModelsFailedError,
    NotNeededError,
    RateLimitError,
)
from aiocompl.testing import Delivery

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

NEVER = Delivery(opened=False, ending="silence")


def shown(results: list[Any]) -> list[Any]:
    return [
        type(item) if isinstance(item, Exception) else item.choices[0].message.content for item in results
    ]


async def test_an_answer_or_an_exception_for_each_in_their_order(looptime: Any) -> None:
    async with Arena(says("a", 3), refuses(500, 1), says("", 2), says("d", 1)) as arena:
        results = await arena.fan_out(arena.models, MESSAGES)
        assert looptime == 3
        assert shown(results) == ["a", InternalServerError, "", "d"]
        assert results[1].__traceback__ is None


async def test_the_first_failure_can_end_it(looptime: Any) -> None:
    async with Arena(NEVER, refuses(500, 1), refuses(429, 1), says("d", 9)) as arena:
        with pytest.raises(ModelsFailedError) as caught:
            await arena.fan_out(arena.models, MESSAGES, return_exceptions=False)
        assert looptime == 1
        assert shown(list(caught.value.exceptions)) == [InternalServerError, RateLimitError]
        assert not isinstance(caught.value, AllModelsFailedError)
        arena.assert_nothing_open()


async def test_without_a_failure_there_is_nothing_to_raise() -> None:
    async with Arena(says("a", 1), says("b", 2)) as arena:
        assert shown(await arena.fan_out(arena.models, MESSAGES, return_exceptions=False)) == ["a", "b"]


async def test_all_failed_has_a_class_of_its_own() -> None:
    async with Arena(refuses(500, 1), refuses(429, 1)) as arena:
        with pytest.raises(AllModelsFailedError):
            await arena.fan_out(arena.models, MESSAGES, return_exceptions=False)
        assert shown(await arena.fan_out(arena.models, MESSAGES)) == [InternalServerError, RateLimitError]


async def test_enough_accepted_answers_cancel_the_rest(looptime: Any) -> None:
    async with Arena(says("a", 9), says("b", 1), says("", 2), refuses(500, 1), says("e", 3)) as arena:
        results = await arena.fan_out(arena.models, MESSAGES, n_required=2)
        assert looptime == 3
        assert shown(results) == [NotNeededError, "b", "", InternalServerError, "e"]
        assert arena.outcomes(0) == ["cancelled"]
        arena.assert_nothing_open()


async def test_too_few_for_what_is_required(looptime: Any) -> None:
    async with Arena(says("a", 1), refuses(500, 2)) as arena:
        assert shown(await arena.fan_out(arena.models, MESSAGES, n_required=2)) == ["a", InternalServerError]
        with pytest.raises(ModelsFailedError):
            await arena.fan_out(arena.models, MESSAGES, n_required=2, return_exceptions=False)
        enough = await arena.fan_out(arena.models, MESSAGES, n_required=1, return_exceptions=False)
        assert shown(enough) == ["a", NotNeededError]
        assert looptime == 5


async def test_accept_says_what_counts() -> None:
    async with Arena(says("a", 1), says("bb", 2), says("cc", 3)) as arena:
        results = await arena.fan_out(
            arena.models,
            MESSAGES,
            n_required=1,
            accept=lambda answer: len(answer.choices[0].message.content) > 1,
        )
        assert shown(results) == ["a", "bb", NotNeededError]


async def test_the_deadline_is_for_all(looptime: Any) -> None:
    async with Arena(says("a", 1), NEVER) as arena:
        results = await arena.fan_out(arena.models, MESSAGES, timeout=5)
        assert looptime == 5
        assert shown(results) == ["a", APITimeoutError]


async def test_cancelling_cancels_all() -> None:
    async with Arena(says("a", 1), NEVER, NEVER) as arena:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await arena.fan_out(arena.models, MESSAGES)
        arena.assert_nothing_open()


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n_required": 0}, "n_required"),
        ({"n_required": 3}, "n_required"),
        ({"stream": True, "n_required": 1}, "stream"),
    ],
)
async def test_what_makes_no_sense_is_refused(options: Any, param: str) -> None:
    async with Arena(says("a"), says("b")) as arena:
        with pytest.raises(BadRequestError) as caught:
            await arena.fan_out(arena.models, MESSAGES, **options)
        assert caught.value.param == param
        assert arena.asked == [0, 0]


class TestStreams:
    async def test_chunks_come_as_they_come(self, looptime: Any) -> None:
        async with Arena(
            streams("a", "b", first=1, between=2), streams("x", "y", first=2, between=2)
        ) as arena:
            words = []
            async with await arena.fan_out(arena.models, MESSAGES, stream=True) as merged:
                async for index, chunk in merged:
                    assert not isinstance(chunk, Exception)
                    if chunk.choices[0].delta.content:
                        words.append((index, chunk.choices[0].delta.content, float(looptime)))
            assert words == [(0, "a", 1), (1, "x", 2), (0, "b", 3), (1, "y", 4)]
            arena.assert_nothing_open()

    async def test_a_failure_stands_as_the_last_thing_of_its_index(self) -> None:
        cut = streams("a", first=1, ending="close")
        async with Arena(cut, refuses(500, 1), streams("x", first=2)) as arena:
            seen = [item async for item in await arena.fan_out(arena.models, MESSAGES, stream=True)]
            last: Any = dict(seen)
            assert isinstance(last[0], IncompleteStreamError)
            assert isinstance(last[1], InternalServerError)
            assert not isinstance(last[2], Exception)

    async def test_or_it_ends_all(self) -> None:
        async with Arena(refuses(500, 1), streams("x", first=9)) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True, return_exceptions=False)
            with pytest.raises(ModelsFailedError):
                async for _ in merged:
                    pass
            arena.assert_nothing_open()
            assert [item async for item in merged] == []

    @pytest.mark.parametrize("how", ["break", "close", "cancel", "drop"])
    async def test_however_it_is_left_all_are_closed(self, how: str) -> None:
        async with Arena(streams("a", "b", first=1, between=50), streams("x", first=60)) as arena:
            merged = await arena.fan_out(arena.models, MESSAGES, stream=True)
            if how == "cancel":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(5):
                        [item async for item in merged]
            else:
                async for _ in merged:
                    break
            if how == "close":
                await merged.aclose()
            del merged
            await asyncio.sleep(1)
            arena.assert_nothing_open()


async def test_more_than_enough_at_once_is_enough(looptime: Any) -> None:
    async with Arena(says("a", 1), says("b", 1), says("c", 1), NEVER) as arena:
        results = await arena.fan_out(arena.models, MESSAGES, n_required=2)
        assert looptime == 1
        assert shown(results) == ["a", "b", "c", NotNeededError]
        arena.assert_nothing_open()
