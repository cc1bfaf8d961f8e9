"""Answers that are there already, as streams: they go the way of real ones from the decoder on."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.natives import CUSTOM
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.runtime.upstream import Lease, UpstreamStream
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.model import Model, wire_fields
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.call import CallInfo
    from aiocompl.types.completion import ChatCompletion, Choice
    from aiocompl.types.structured import AnswerType
    from aiocompl.wire.transport import OpenResponse

DONE: Final = b"data: [DONE]\n\n"

_PLAIN: Final = attrs.evolve(CUSTOM, loosely=False, think_tag="")
"""OpenAI's own dialect to the letter, in which we talk to ourselves."""

_words: Final = re.compile(r"\s*\S+|\s+$").findall


@attrs.frozen(kw_only=True)
class StreamForm:
    """How the reader of a stream wants it."""

    shows_usage: bool = False
    """Whether the iteration has a chunk for the usage; see `ChatRequest.shows_usage`."""

    answer_type: AnswerType | None = None
    """How the answer's content is to be read."""


class CannedResponse:
    """A response whose body is there already. See `OpenResponse` for the contract."""

    def __init__(self, body: bytes) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self._body = body

    async def read(self) -> bytes:
        """Read what is left of the body."""
        return await self.read_slice()

    async def read_slice(self) -> bytes:
        """Return all of the body the first time, then nothing."""
        body, self._body = self._body, b""
        return body

    def close(self) -> None:
        """Nothing is open."""


def replayed(
    completion: ChatCompletion, call: CallInfo, form: StreamForm, *, started: float | None = None
) -> CompletionStream:
    """A whole answer as a stream, word by word; put together again it is the same answer.

    Args:
        completion: The answer; it is not changed, and shares nothing with the stream's chunks.
        call: The stream's `call`.
        form: How the reader wants it.
        started: When the call began, by `loop.time()`; None for now.
    """
    return stream_of(CannedResponse(b"".join(events(completion))), call, form, started=started)


def stream_of(
    response: OpenResponse,
    call: CallInfo,
    form: StreamForm,
    *,
    started: float | None = None,
) -> CompletionStream:
    """A stream in OpenAI's dialect, from wherever its bytes come; it holds no slot.

    Args:
        response: What is read; closed when the stream ends.
        call: The stream's `call`.
        form: How the reader wants it.
        started: When the call began, by `loop.time()`; None for now.
    """
    loop = asyncio.get_running_loop()
    codec = OpenAICodec(_PLAIN, Endpoint(provider=call.provider, base_url=""))
    params = {"stream_options": {"include_usage": form.shows_usage}}
    request = ChatRequest(call.model, (), params, stream=True, answer_type=form.answer_type)
    begun = loop.time() if started is None else started
    return UpstreamStream(Lease(response, loop, _nothing), codec, request, call, begun)


def events(completion: ChatCompletion) -> Iterator[bytes]:
    """A whole answer as the server-sent events of OpenAI's dialect."""
    heading = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
    }
    more = {"service_tier": completion.service_tier, "system_fingerprint": completion.system_fingerprint}
    first = completion.model_extra | {name: value for name, value in more.items() if value is not None}
    for choice in completion.choices:
        for part in _parts(choice):
            yield sse({**heading, **first, "choices": [{"index": choice.index, **part}]})
            first = {}
    if completion.usage is not None:
        yield sse({**heading, "choices": [], "usage": completion.usage})
    yield DONE


def _nothing(_: Lease) -> None:
    """There is no slot to be freed."""


def sse(data: Mapping[str, Any] | Model) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(data, default=wire_fields) + b"\n\n"


def _parts(choice: Choice) -> Iterator[dict[str, Any]]:
    """What the chunks of one choice say, in the order in which a model says it."""
    message = {name: value for name, value in choice.message.to_dict().items() if value is not None}
    content = message.pop("content", None) or ""
    yield _part({"role": message.pop("role", "assistant")})
    if (reasoning := message.pop("reasoning_content", None)) is not None:
        yield _part({"reasoning_content": reasoning})
    for word in _words(content) if isinstance(content, str) else [content]:
        yield _part({"content": word})
    for index, call in enumerate(message.get("tool_calls") or ()):
        call["index"] = index
    last: dict[str, Any] = {"delta": message, "finish_reason": choice.finish_reason or "stop"}
    if choice.logprobs is not None:
        last["logprobs"] = choice.logprobs
    yield last | choice.model_extra


def _part(delta: dict[str, Any]) -> dict[str, Any]:
    return {"delta": delta, "finish_reason": None}
