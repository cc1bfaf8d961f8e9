"""`mock_response`: an answer without asking anyone, for the tests of those who use us.

It goes the way of real answers from the decoder on: a mocked stream is decoded from the bytes of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiocompl.codecs.base import MALFORMED
from aiocompl.errors import BadRequestError
from aiocompl.runtime.replay import StreamForm, replayed
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, Usage
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.structured import AnswerType


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
        shown = ChatRequest(model, [], {"stream_options": stream_options}).shows_usage
        return replayed(completion, call, StreamForm(shows_usage=shown, answer_type=answer_type))
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
