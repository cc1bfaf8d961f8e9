"""`mock_response`: an answer without asking anyone, for the tests of those who use us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiocompl.errors import BadRequestError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.call import CallInfo
from aiocompl.types.chunk import ChatCompletionChunk, ChoiceDelta, ChunkChoice
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator


def mock_answer(mock: Any, *, model: str, stream: bool) -> ChatCompletion | CompletionStream:
    """Answer with what the caller gave: text, a response as a mapping or object, or an exception to raise.

    Raises:
        BadRequestError: It is none of these.
    """
    if isinstance(mock, Exception):
        raise mock
    completion = _completion(mock, model)
    completion.call = CallInfo(provider="mock", endpoint="", model=model, total=0.0)
    if not stream:
        return completion
    return CompletionStream.of(_chunks(completion), completion.call)


def _completion(mock: Any, model: str) -> ChatCompletion:
    if isinstance(mock, ChatCompletion):
        return ChatCompletion.model_validate(mock.to_dict())
    if isinstance(mock, dict):
        return ChatCompletion.model_validate(mock)
    if not isinstance(mock, str):
        raise BadRequestError("mock_response must be text, a response or an exception", param="mock_response")
    message = ChatCompletionMessage(content=mock)
    return ChatCompletion(
        id="chatcmpl-mock",
        model=model,
        choices=[Choice(index=0, message=message, finish_reason="stop")],
        usage=Usage(),
    )


def _chunks(completion: ChatCompletion) -> Iterator[ChatCompletionChunk]:
    for choice in completion.choices:
        message = choice.message
        yield _chunk(completion, choice, ChoiceDelta(role=message.role))
        for word in re.findall(r"\s*\S+|\s+$", message.content or ""):
            yield _chunk(completion, choice, ChoiceDelta(content=word))
        rest = message.to_dict()
        del rest["content"]
        for index, call in enumerate(rest.get("tool_calls") or ()):
            call["index"] = index
        yield _chunk(completion, choice, ChoiceDelta.take(rest), choice.finish_reason)
    yield ChatCompletionChunk(
        id=completion.id, created=completion.created, model=completion.model, choices=[], usage=completion.usage
    )


def _chunk(
    completion: ChatCompletion, choice: Choice, delta: ChoiceDelta, finish_reason: str | None = None
) -> ChatCompletionChunk:
    return ChatCompletionChunk(
        id=completion.id,
        created=completion.created,
        model=completion.model,
        choices=[ChunkChoice(index=choice.index, delta=delta, finish_reason=finish_reason)],
    )
