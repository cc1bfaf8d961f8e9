"""Any answers, cut anywhere, in any way of recovery: what the reader has in the end is what was promised."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recovery_kit import Recovered, answer, events, read, said
from virtual_clock import VirtualClock

from aiocompl.errors import AiocomplError, APIConnectionError, APITimeoutError, IncompleteStreamError

if TYPE_CHECKING:
    from aiocompl.policy.recovery import Recovery
    from aiocompl.testing import Delivery

WORDS: Final = st.lists(st.sampled_from(["a", "b", " a", "b "]), min_size=1, max_size=4)
WAYS: Final = ("raise", "resume", "restart", "buffer")


@attrs.frozen
class Try:
    """One answer, and where it breaks: after so many events, or not at all."""

    words: list[str]
    cut: int | None
    ending: str

    @property
    def delivery(self) -> Delivery:
        return answer(*self.words, cut=self.cut, ending=self.ending if self.cut is not None else None, pace=1)

    @property
    def whole(self) -> bool:
        return self.cut is None or self.cut >= len(events(*self.words)) - (self.ending == "whole")

    @property
    def text(self) -> str:
        """What comes of it."""
        return "".join(self.words if self.cut is None else self.words[: max(0, self.cut - 1)])

    @property
    def over(self) -> bool:
        """Whether its finish reason comes."""
        return self.cut is None or self.cut > len(self.words) + 1


TRIES: Final = st.lists(
    st.builds(Try, WORDS, st.none() | st.integers(0, 6), st.sampled_from(["drop", "reset", "whole"])),
    min_size=1,
    max_size=4,
)
SAME: Final = st.builds(
    lambda words, cuts: [Try(words, cut, "drop") for cut in [*cuts, None]],
    WORDS,
    st.lists(st.integers(0, 6), max_size=3),
)


def raising(tries: list[Try]) -> tuple[str, bool]:
    for each in tries:
        if each.whole or each.text:
            return each.text, each.whole
    return "", False


def resuming(tries: list[Try]) -> tuple[str, bool]:
    got, over = "", False
    for each in tries:
        if not got and not over:
            got = each.text
        elif over:
            pass
        elif each.over:
            if not each.text.startswith(got):
                return got, False
            got = each.text
        elif each.text.startswith(got):
            got = each.text
        elif not got.startswith(each.text):
            return got, False
        over = over or (each.over and bool(got))
        if each.whole:
            return got, True
    return got, False


def restarting(tries: list[Try]) -> tuple[str, bool]:
    got = ""
    for each in tries:
        if each.whole:
            return each.text, True
        got = each.text or got
    return got, False


def buffering(tries: list[Try]) -> tuple[str, bool]:
    return next(((each.text, True) for each in tries if each.whole), ("", False))


EXPECTED: Final = {
    "raise": raising,
    "resume": resuming,
    "restart": restarting,
    "buffer": buffering,
}


def run(main: Any) -> None:
    """Run it in virtual time; a task or a transport that is left fails it."""
    with asyncio.Runner(loop_factory=VirtualClock) as runner:
        runner.run(main)


@pytest.mark.parametrize("recovery", WAYS)
@given(tries=TRIES | SAME)
def test_any_answers_cut_anywhere(recovery: Recovery, tries: list[Try]) -> None:
    run(check(recovery, tries))


async def check(recovery: Recovery, tries: list[Try]) -> None:
    async with Recovered(*(each.delivery for each in tries), recovery=recovery) as recovered:
        try:
            stream = await recovered.open()
        except AiocomplError:  # headers never came
            return
        chunks, error = await read(stream)
        text, whole = EXPECTED[recovery](tries)
        assert (said(chunks), error is None) == (text, whole)
        assert all(chunk.choices for chunk in chunks)
        if whole:
            answered = await stream.response()
            assert (answered.choices[0].message.content or "") == text
            assert answered.choices[0].finish_reason == "stop"
        elif text and error is not None:
            assert error.partial is not None
            assert error.partial.choices[0].message.content == text
        if recovery != "restart" and chunks:
            assert len({chunk.id for chunk in chunks}) == 1
        usage, estimated = stream.spent()
        assert estimated
        assert usage.completion_tokens >= 0
        await recovered.nothing_left()


@pytest.mark.parametrize("recovery", WAYS)
@given(
    tries=TRIES,
    instant=st.floats(0, 12),
    how=st.sampled_from(["cancel", "close", "aclose", "deadline"]),
    delay=st.sampled_from([0.0, 0.5]),
)
def test_ended_at_any_instant(
    recovery: Recovery, tries: list[Try], instant: float, how: str, delay: float
) -> None:
    run(check_ended(recovery, tries, instant, how, delay))


async def check_ended(recovery: Recovery, tries: list[Try], instant: float, how: str, delay: float) -> None:
    async with Recovered(*(each.delivery for each in tries), recovery=recovery) as recovered:
        recovered.delay = delay
        stream = await recovered.open(instant + 0.1 if how == "deadline" else 600)
        reading = asyncio.create_task(read(stream))
        await asyncio.sleep(instant)
        if how == "cancel":
            reading.cancel()
        elif how == "close":
            stream.close()
        elif how == "aclose":
            await stream.aclose()
        else:
            await asyncio.sleep(0.1)
        await asyncio.wait([reading])
        if not reading.cancelled():
            _, error = reading.result()
            assert isinstance(error, APIConnectionError | APITimeoutError | IncompleteStreamError | None)
            assert (error is None) or recovered.ended == [error]
        await stream.aclose()
        await recovered.nothing_left()
