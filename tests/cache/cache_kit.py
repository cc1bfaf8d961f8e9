"""What the tests of the cache share: answers and streams that come in virtual time, and a cache that goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiocompl._compat import override
from aiocompl.cache.memory import MemoryCache
from aiocompl.runtime.replay import StreamForm, events, stream_of
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.call import Attempt, CallInfo
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.cache.layer import CacheLayer

WORDS = "one two three four"
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def whole(text: str = WORDS, *, finish_reason: str = "stop", **more: Any) -> ChatCompletion:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}
    body = {"id": "c1", "created": 5, "model": "m-1", "choices": [choice], "usage": USAGE, **more}
    answer = ChatCompletion.model_validate(body)
    answer.call = call_info()
    return answer


def call_info() -> CallInfo:
    failed = Attempt(number=1, provider="test", endpoint="http://test/v1", model="m", error=ValueError("x"))
    return CallInfo("test", "http://test/v1", "m", request_id="r", failed=(failed,))


class Timed:
    """A response whose slices come one a second; after the last its end, or an error."""

    def __init__(self, slices: list[bytes], error: Exception | None = None) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.closed = 0
        self._slices = slices
        self._error = error

    async def read(self) -> bytes:
        raise NotImplementedError

    async def read_slice(self) -> bytes:
        if self._slices:
            await asyncio.sleep(1)
            return self._slices.pop(0)
        if self._error is not None:
            raise self._error
        return b""

    def close(self) -> None:
        self.closed += 1


class Upstream:
    """What is asked: each ask takes a second (to a stream's opening), then answers or fails."""

    def __init__(
        self,
        answer: ChatCompletion | None = None,
        *,
        error: Exception | None = None,
        broken_after: int | None = None,
        takes: float = 1.0,
        usage_shown: bool = False,
    ) -> None:
        self.asked = 0
        self.cancelled = 0
        self.responses: list[Timed] = []
        self.error = error
        self._answer = answer if answer is not None else whole()
        self._broken_after = broken_after
        self._takes = takes
        self._form = StreamForm(shows_usage=usage_shown)

    async def ask(self) -> ChatCompletion:
        await self._begin()
        answer = ChatCompletion.model_validate(self._answer.to_dict())
        answer.call = call_info()
        return answer

    async def ask_stream(self) -> CompletionStream:
        await self._begin()
        slices = list(events(self._answer))
        error = None
        if self._broken_after is not None:
            slices, error = slices[: self._broken_after], ConnectionError("cut")
        self.responses.append(Timed(slices, error))
        return stream_of(self.responses[-1], call_info(), self._form)

    async def _begin(self) -> None:
        self.asked += 1
        try:
            await asyncio.sleep(self._takes)
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(0.25)  # a caller that does not wait for the end would be seen
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error


class Faulty(MemoryCache):
    """A cache that fails as long as it is told to, or takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self.delay = 0.0
        self.calls = 0
        self.closed = 0

    @override
    async def get(self, key: str) -> bytes | None:
        await self._step()
        return await super().get(key)

    @override
    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._step()
        await super().set(key, value, ttl)

    @override
    async def aclose(self) -> None:
        self.closed += 1
        await self._step()

    async def _step(self) -> None:
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error


def text_of(answer: object) -> str:
    assert isinstance(answer, ChatCompletion)
    text: str = answer.choices[0].message.content
    return text


def streamed(answer: object) -> CompletionStream:
    assert isinstance(answer, CompletionStream)
    return answer


def info(answer: object) -> CallInfo:
    assert isinstance(answer, (ChatCompletion, CompletionStream))
    assert answer.call is not None
    return answer.call


async def assert_nothing_left(layer: CacheLayer, before: set[asyncio.Task[Any]]) -> None:
    """Nothing is on its way, and no task is left that was not there before."""
    await asyncio.sleep(2)
    assert not layer._flights._open
    assert not layer._flights._tasks
    assert asyncio.all_tasks() <= before


async def written(layer: CacheLayer) -> None:
    """What is on its way into the cache is there."""
    assert layer._keeper is not None
    if layer._keeper._tasks:
        await asyncio.wait(layer._keeper._tasks)
