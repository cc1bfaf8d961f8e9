"""Streams that go on elsewhere when they break."""

from __future__ import annotations

from typing import Any

import pytest
from recovery_kit import Recovered, answer, error_event, event, events, read, said, usage

from aiocompl import CompletionStream
from aiocompl.errors import (
    APIConnectionError,
    BadRequestError,
    IncompleteStreamError,
    UnprocessableEntityError,
)
from aiocompl.testing import Delivery
from aiocompl.types.completion import Usage

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]
virtual = pytest.mark.looptime

EVERY = pytest.mark.parametrize("recovery", ["raise", "resume", "restart", "buffer"])


@EVERY
async def test_what_does_not_break_is_as_it_is(recovery: Any) -> None:
    async with Recovered(answer("one", " two", more=[usage(3, 4)]), recovery=recovery) as recovered:
        stream = await recovered.open()
        assert isinstance(stream, CompletionStream)
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two", None)
        whole = await stream.response()
        assert whole.choices[0].message.content == "one two"
        assert whole.usage is not None
        assert whole.call is stream.call
        assert stream.spent() == (Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7), False)
        assert stream.call.failed == ()
        await recovered.nothing_left()
        assert recovered.ended == [None]
        assert recovered.asked == []


@EVERY
@pytest.mark.parametrize("cut", [0, 1])
async def test_before_the_first_token_any_failure_is_invisible(recovery: Any, cut: int) -> None:
    script = answer("one", cut=cut, name="a"), answer("two", cut=cut, name="b"), answer("three", name="c")
    async with Recovered(*script, recovery=recovery) as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("three", None)
        assert {chunk.id for chunk in chunks} == {"c"}
        assert [chunk.restarted for chunk in chunks] == [False] * 3
        assert [prefill for _, _, prefill in recovered.asked] == [False, False]
        assert [type(attempt.error) for attempt in stream.call.failed] == [APIConnectionError] * 2
        assert [attempt.number for attempt in stream.call.attempts] == [1, 2, 3]
        await recovered.nothing_left()


@EVERY
async def test_a_token_can_be_waited_for(recovery: Any) -> None:
    async with Recovered(answer("one", cut=1), answer("two"), recovery=recovery) as recovered:
        stream = await recovered.open()
        assert await stream.wait_for_token()
        assert (await stream.response()).choices[0].message.content == "two"


@EVERY
async def test_nobody_left_before_the_first_token(recovery: Any) -> None:
    async with Recovered(answer("one", cut=1), recovery=recovery) as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert chunks == []
        assert isinstance(error, APIConnectionError)
        assert error.partial is None
        with pytest.raises(IncompleteStreamError):
            await stream.response()
        await recovered.nothing_left()
        assert recovered.ended == [error]


@EVERY
async def test_an_answer_without_a_token_is_handed_out_at_its_end(recovery: Any) -> None:
    async with Recovered(answer(), recovery=recovery) as recovered:
        chunks, error = await read(await recovered.open())
        assert len(chunks) == 2
        assert error is None


async def test_raise_has_what_was_received() -> None:
    async with Recovered(answer("one", " two", cut=3), answer("x"), recovery="raise") as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert said(chunks) == "one two"
        assert error is not None
        assert error.partial is not None
        assert error.partial.choices[0].message.content == "one two"
        assert error.partial.choices[0].finish_reason is None
        assert error.partial.call is stream.call
        assert recovered.asked == []
        assert await stream.next_chunks() == [], "after its error it is over"


async def test_resume_hands_out_the_rest() -> None:
    script = (
        answer("one", " two", cut=3, name="a"),
        answer("one two", " three", more=[usage(7, 8)], name="b"),
    )
    async with Recovered(*script, recovery="resume") as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two three", None)
        assert {chunk.id for chunk in chunks} == {"a"}
        assert [chunk.model for chunk in chunks] == ["m-a", "m-a", "m-a", "m-b", "m-b"]
        assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", *[None] * 4]
        whole = await stream.response()
        assert whole.choices[0].message.content == "one two three"
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage == Usage(prompt_tokens=7, completion_tokens=8, total_tokens=15)
        assert [attempt.number for attempt in stream.call.attempts] == [1, 2]
        [(_, text, prefill)] = recovered.asked
        assert (text, prefill) == ("one two", True)
        spent, estimated = stream.spent()
        assert estimated
        assert spent.total_tokens > 15
        await recovered.nothing_left()


@virtual
async def test_the_first_token_is_the_readers() -> None:
    script = answer("one", " two", cut=3, pace=1), answer("one two", " three", pace=1)
    async with Recovered(*script, recovery="resume") as recovered:
        stream = await recovered.open()
        await read(stream)
        assert stream.call.first_token == 2
        assert stream.call.total == 5, "by the clock of the last call"
    async with Recovered(*script, recovery="restart") as recovered:
        stream = await recovered.open()
        await read(stream)
        assert stream.call.first_token == 2, "of the second, by the clock of its own call"


@pytest.mark.parametrize("second", [answer("one", " four"), answer("one"), answer("four")])
async def test_resume_fails_where_the_texts_differ(second: Delivery) -> None:
    async with Recovered(answer("one", " two", cut=3), second, recovery="resume") as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert said(chunks) == "one two"
        assert isinstance(error, APIConnectionError)
        assert error.partial is not None
        assert error.partial.choices[0].message.content == "one two"
        with pytest.raises(IncompleteStreamError):
            await stream.response()
        await recovered.nothing_left()


async def test_resume_breaks_again_and_again() -> None:
    script = (
        answer("one", " two", cut=3, name="a"),
        answer("one", " two", cut=2, name="b"),
        answer("one", " two", " three", cut=4, name="c"),
        answer("one two three", name="d"),
    )
    async with Recovered(*script, recovery="resume") as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two three", None)
        assert [text for _, text, _ in recovered.asked] == ["one two", "one two", "one two three"]
        assert [attempt.number for attempt in stream.call.attempts] == [1, 2, 3, 4]
        assert (await stream.response()).choices[0].message.content == "one two three"


@pytest.mark.parametrize("may_echo", [False, True])
async def test_resume_by_prefill(may_echo: bool) -> None:
    second = answer("one two three") if may_echo else answer(" three")
    async with Recovered(answer("one", " two ", cut=3), second, recovery="resume") as recovered:
        recovered.prefills, recovered.may_echo = True, may_echo
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two three", None)
        assert (await stream.response()).choices[0].message.content == "one two three"


@pytest.mark.parametrize("refusal", [BadRequestError("no prefill"), UnprocessableEntityError("no prefill")])
async def test_a_refused_prefill_is_never_seen(refusal: Any) -> None:
    script = answer("one", cut=2), answer("one", " two", cut=3), answer("one two")
    async with Recovered(*script, recovery="resume") as recovered:
        recovered.prefills, recovered.refusal = True, refusal
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two", None)
        assert [prefill for _, _, prefill in recovered.asked] == [True, False, False]
        assert {type(broke) for broke, _, _ in recovered.asked} == {APIConnectionError}


async def test_a_prefill_refused_within_the_stream_is_never_seen() -> None:
    refused = Delivery.stream([error_event("invalid_request_error", "no prefill")])
    async with Recovered(answer("one", cut=2), refused, answer("one two"), recovery="resume") as recovered:
        recovered.prefills = True
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("one two", None)
        assert [prefill for _, _, prefill in recovered.asked] == [True, False]
        assert {type(broke) for broke, _, _ in recovered.asked} == {APIConnectionError}
        assert [type(attempt.error) for attempt in stream.call.failed] == [
            APIConnectionError,
            BadRequestError,
        ]


async def test_a_refusal_that_broke_the_stream_itself_is_raised() -> None:
    first = Delivery.stream([*events("one")[:2], error_event("invalid_request_error", "no")])
    async with Recovered(first, recovery="resume") as recovered:
        _, error = await read(await recovered.open())
        assert isinstance(error, BadRequestError)
        assert len(recovered.asked) == 1


@pytest.mark.parametrize("delta", [{"tool_calls": [{"index": 0, "id": "c"}]}, {"refusal": "no"}])
async def test_only_text_is_resumed(delta: dict[str, Any]) -> None:
    first = Delivery.stream([*events("one")[:2], event(delta)], ending="drop")
    async with Recovered(first, answer("one"), recovery="resume") as recovered:
        chunks, error = await read(await recovered.open())
        assert len(chunks) == 3
        assert isinstance(error, APIConnectionError)
        assert error.partial is not None
        assert recovered.asked == []


async def test_restart_tells_the_reader_to_discard() -> None:
    script = (
        answer("one", cut=2, name="a"),
        answer("two", cut=1, name="b"),
        answer("three", cut=2, name="c"),
        answer("four", name="d"),
    )
    async with Recovered(*script, recovery="restart") as recovered:
        stream = await recovered.open()
        chunks, error = await read(stream)
        assert (said(chunks), error) == ("four", None)
        assert [chunk.id for chunk in chunks if chunk.restarted] == ["c", "d"]
        assert [text for _, text, _ in recovered.asked] == ["", "", ""]
        whole = await stream.response()
        assert (whole.id, whole.choices[0].message.content) == ("d", "four")
        await recovered.nothing_left()


@pytest.mark.parametrize(("cut", "left"), [(1, "one"), (2, "two")])
async def test_restart_with_nobody_left(cut: int, left: str) -> None:
    async with Recovered(answer("one", cut=2), answer("two", cut=cut), recovery="restart") as recovered:
        chunks, error = await read(await recovered.open())
        assert said(chunks) == left
        assert error is not None
        assert error.partial is not None
        assert error.partial.choices[0].message.content == left


async def test_buffer_hands_out_the_whole_at_once() -> None:
    script = answer("one", " two", cut=4), answer("three", more=[error_event()]), answer("four", " five")
    async with Recovered(*script, recovery="buffer") as recovered:
        stream = await recovered.open()
        assert said(await stream.next_chunks()) == "four five"
        assert await stream.next_chunks() == []
        assert len(stream.call.failed) == 2
        await recovered.nothing_left()


async def test_buffer_with_nobody_left() -> None:
    async with Recovered(
        answer("one", cut=2), answer("two", " three", cut=3), recovery="buffer"
    ) as recovered:
        chunks, error = await read(await recovered.open())
        assert chunks == []
        assert error is not None
        assert error.partial is not None
        assert error.partial.choices[0].message.content == "two three"


@pytest.mark.parametrize("recovery", ["resume", "restart"])
async def test_what_was_forgotten(recovery: Any) -> None:
    script = answer("one", cut=2), answer("one two", name="b")
    async with Recovered(*script, recovery=recovery) as recovered:
        stream = await recovered.open()
        stream.forget()
        chunks, error = await read(stream)
        assert isinstance(error, APIConnectionError) == (recovery == "resume")
        assert said(chunks) == ("one" if error else "one two")
        assert stream.spent()[0].completion_tokens >= 1
        with pytest.raises(IncompleteStreamError):
            await stream.response()


async def test_forgotten_after_it_was_resumed() -> None:
    script = answer("one", cut=2), answer("one", " two", " three", cut=4)
    async with Recovered(*script, recovery="resume") as recovered:
        stream = await recovered.open()
        for _ in range(3):
            await anext(stream)
        stream.forget()
        _, error = await read(stream)
        assert isinstance(error, APIConnectionError)
        assert error.partial is None
