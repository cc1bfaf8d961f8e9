"""Streams that break where a test wants them to, and somebody who opens the next one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

import orjson
from runtime_kit import ScriptedChild

from aiocompl.errors import AiocomplError
from aiocompl.runtime.opening import Opened
from aiocompl.runtime.recovering import RecoveringStream
from aiocompl.testing import Delivery, Slice, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.policy.recovery import Recovery
    from aiocompl.wire.messages import HTTPRequest

DONE: Final = b"data: [DONE]\n\n"


def event(delta: dict[str, Any], reason: str | None = None, *, name: str = "s") -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return _sse({"id": name, "created": 1, "model": f"m-{name}", "choices": [choice]})


def usage(prompt: int, completion: int, *, name: str = "s") -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return _sse({"id": name, "created": 1, "model": f"m-{name}", "choices": [], "usage": counts})


def error_event(kind: str = "server_error", message: str = "It broke.") -> bytes:
    return _sse({"error": {"message": message, "type": kind}})


def _sse(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


def events(*words: str, name: str = "s", more: Sequence[bytes] = ()) -> list[bytes]:
    """Role, words, finish reason, what else there is, and the end."""
    said = [event({"content": word}, name=name) for word in words]
    head = event({"role": "assistant", "content": ""}, name=name)
    return [head, *said, event({}, "stop", name=name), *more, DONE]


def answer(
    *words: str, cut: int | None = None, ending: Any = None, pace: float = 0.0, **options: Any
) -> Delivery:
    """An answer of these words, cut after so many events: by a broken connection, unless `ending` says otherwise."""
    slices = [Slice(data, pace, 1) for data in events(*words, **options)]
    if cut is None:
        return Delivery.stream(slices, ending=ending or "whole")
    return Delivery.stream(slices[:cut], ending=ending or "drop")


class Recovered:
    """A stream that is recovered by asking the same child again, until its script is at its end."""

    def __init__(self, *script: Delivery, recovery: Recovery, **options: Any) -> None:
        self.asked: list[tuple[AiocomplError, str, bool]] = []
        self.ended: list[Exception | None] = []
        self.prefills = False
        self.may_echo = False
        self.delay = 0.0
        self.refusal: AiocomplError | None = None
        self._left = list(script)
        self._recovery: Recovery = recovery
        self._options = options
        self.child = ScriptedChild(self._step)

    def _step(self, _request: HTTPRequest) -> Delivery:
        return self._left.pop(0)

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome for each in self.child.transports for record in each.records]

    async def open(self, seconds: float = 600) -> RecoveringStream:
        deadline = asyncio.get_running_loop().time() + seconds
        first: Any = await self.child.ask(stream=True, timeout=seconds)
        stream = RecoveringStream(first, self._recovery, self.open_next, deadline=deadline, **self._options)
        stream.when_ended(self.ended.append)
        return stream

    async def open_next(self, error: AiocomplError, text: str, *, prefill: bool) -> Opened:
        self.asked.append((error, text, prefill))
        if self.delay:
            await asyncio.sleep(self.delay)
        if prefill and self.refusal is not None:
            raise self.refusal
        if not self._left:
            raise error
        stream: Any = await self.child.ask(stream=True)
        prefilled = text.rstrip() if prefill and self.prefills else None
        return Opened(stream=stream, prefilled=prefilled, may_echo=self.may_echo)

    async def nothing_left(self) -> None:
        """Every exchange is over, no slot is held and no task runs."""
        await settle()
        assert self.child.child.snapshot().in_flight == 0
        assert not {"open", "opening"} & set(self.outcomes)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "aiocompl recovery"]
        assert len(self.ended) == 1

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.__aexit__()


def said(chunks: Sequence[Any]) -> str:
    """The text that a reader has in the end who heeds a restart."""
    text = ""
    for chunk in chunks:
        if chunk.restarted:
            text = ""
        text += chunk.choices[0].delta.content or ""
    return text


async def read(stream: RecoveringStream) -> tuple[list[Any], AiocomplError | None]:
    """All chunks, and the error that ended them."""

    chunks: list[Any] = []
    try:
        async for chunk in stream:
            chunks.append(chunk)  # noqa: PERF401 - what came before an error counts
    except AiocomplError as error:
        return chunks, error
    return chunks, None
