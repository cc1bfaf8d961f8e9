"""`mock_response`: an answer without asking anyone, for the tests of those who use us.

It goes the way of real answers from the decoder on: a mocked stream is decoded from the bytes of one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import CUSTOM
from aiocompl.errors import BadRequestError
from aiocompl.runtime.upstream import Lease, UpstreamStream
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, Usage
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.structured import AnswerType


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


def mock_answer(
    mock: Any,
    *,
    model: str,
    stream: bool,
    answer_type: AnswerType | None = None,
    stream_options: Mapping[str, Any] | None = None,
) -> ChatCompletion | CompletionStream:
    """Answer with what the caller gave: text, a response as a mapping or object, or an exception to raise.

    Args:
        mock: What the caller gave.
        model: The model's name.
        stream: Answer with a stream.
        answer_type: How the answer's content is to be read.
        stream_options: The caller's; the usage has a chunk of its own only where they ask for it.

    Raises:
        BadRequestError: It is none of these.
    """
    if isinstance(mock, Exception):
        raise mock
    completion = _completion(mock, model)
    call = CallInfo("mock", "", model)
    if stream:
        loop = asyncio.get_running_loop()
        lease = Lease(CannedResponse(b"".join(_events(completion))), loop, lambda _: None)
        codec = OpenAICodec(CUSTOM, Endpoint(provider="mock", base_url=""))
        request = ChatRequest(
            model, [], {"stream_options": stream_options}, stream=True, answer_type=answer_type
        )
        return UpstreamStream(lease, codec, request, call, loop.time())
    call.total = 0.0
    completion.call = call
    if answer_type is not None:
        answer_type.read_into(completion)
    return completion


def _completion(mock: Any, model: str) -> ChatCompletion:
    if isinstance(mock, ChatCompletion):
        return ChatCompletion.model_validate(mock.to_dict())
    if isinstance(mock, Mapping):
        try:
            return ChatCompletion.model_validate(dict(mock))
        except MALFORMED as error:
            raise BadRequestError(
                f"mock_response is no chat completion: {error!r}", param="mock_response"
            ) from error
    if not isinstance(mock, str):
        raise BadRequestError("mock_response must be text, a response or an exception", param="mock_response")
    message = ChatCompletionMessage(content=mock)
    choice = Choice(index=0, message=message, finish_reason="stop")
    return ChatCompletion(id="chatcmpl-mock", model=model, choices=[choice], usage=Usage())


def _events(completion: ChatCompletion) -> Iterator[bytes]:
    for choice in completion.choices:
        message = choice.message.to_dict()
        text = message.pop("content", None) or ""
        yield _event(completion, choice.index, {"role": message.pop("role", "assistant")})
        for word in re.findall(r"\s*\S+|\s+$", text):
            yield _event(completion, choice.index, {"content": word})
        for index, call in enumerate(message.get("tool_calls") or ()):
            call["index"] = index
        yield _event(completion, choice.index, message, choice.finish_reason or "stop")
    if completion.usage is not None:
        yield _sse({**_heading(completion), "choices": [], "usage": completion.usage.to_dict()})
    yield b"data: [DONE]\n\n"


def _event(
    completion: ChatCompletion, index: int, delta: dict[str, Any], finish_reason: str | None = None
) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return _sse({**_heading(completion), "choices": [choice]})


def _heading(completion: ChatCompletion) -> dict[str, Any]:
    return {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
    }


def _sse(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
