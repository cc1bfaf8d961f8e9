"""The answers of Ollama's native chat, whole and streamed: a stream is one JSON object a line, the last one ``done``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event, whole_number
from aiocompl.codecs.error_shapes import decode_stream_error
from aiocompl.codecs.instants import epoch_seconds
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.completion import (
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    ChoiceLogprobs,
    FunctionCall,
    TokenLogprob,
    ToolCall,
    Usage,
)
from aiocompl.types.pieces import Chunks, call_start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

FINISH_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "length": "length",
    "load": "stop",
    "unload": "stop",
}
"""Ollama's ``done_reason`` as OpenAI's finish reason; others pass as they are. (Old servers give none.)"""

OK: Final = 200

_COUNTS: Final = frozenset({"prompt_eval_count", "eval_count"})
_TIMINGS: Final = frozenset({"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"})
_PLACED: Final = (
    _COUNTS | _TIMINGS | {"model", "created_at", "message", "done", "done_reason", "logprobs", "error"}
)
_PLACED_IN_MESSAGE: Final = frozenset({"role", "content", "thinking", "tool_calls"})


def completion_of(data: JSON, model: str) -> ChatCompletion:
    """A whole answer; `model` stands in where it does not say which."""
    message = data["message"]
    time = data.get("created_at") or ""
    calls = [
        _tool_call(*_call(item, time, index)) for index, item in enumerate(message.get("tool_calls") or ())
    ]
    content: str = message.get("content") or ""
    extra = _kept(message, _PLACED_IN_MESSAGE) | _kept(data, _PLACED)
    choice = Choice(
        index=0,
        message=ChatCompletionMessage(
            content=content or (None if calls else ""),
            reasoning_content=message.get("thinking") or None,
            tool_calls=calls or None,
            model_extra={"provider_specific_fields": extra} if extra else None,
        ),
        finish_reason=_finish_reason(data, called=bool(calls)),
        logprobs=_logprobs(data["logprobs"]) if data.get("logprobs") else None,
        model_extra={"native_finish_reason": data.get("done_reason")},
    )
    return ChatCompletion(
        id=_answer_id(time),
        created=epoch_seconds(time) or 0,
        model=data.get("model") or model,
        choices=[choice],
        usage=_usage(data),
    )


class OllamaStreamDecoder:
    """The lines of one stream; see `StreamDecoder`. A stream is complete after the line that says ``done``."""

    __slots__ = ("_begun", "_chunks", "_count", "_endpoint", "_model", "finished")

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._chunks = Chunks(model)
        self._begun = False
        self._count = 0  # of tool calls
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take lines in order; see `StreamDecoder`."""
        for _, data in events:
            if self.finished:
                return
            try:
                body = orjson.loads(data)
                if "error" in body:
                    self._raise_error(body)
                if "message" not in body and not body.get("done"):
                    into.append(self._chunks.piece(extra=unknown_event(body)))
                    continue
                if not self._begun:
                    self._begin(body, into)
                self._take(body, body.get("message") or {}, into)
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._model, status=OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before a line said done: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )

    def _begin(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        time, chunks = body.get("created_at") or "", self._chunks
        chunks.id, chunks.created = _answer_id(time), epoch_seconds(time) or 0
        chunks.model = body.get("model") or self._model
        self._begun = True
        into.append(chunks.piece(""))

    def _take(self, body: JSON, message: JSON, into: list[ChatCompletionChunk]) -> None:
        content, thinking = message.get("content") or None, None
        if len(message) > 2 or "content" not in message:  # noqa: PLR2004 - other than role and content
            thinking = message.get("thinking") or None
            self._take_calls(message.get("tool_calls") or (), body, into)
            if extra := _kept(message, _PLACED_IN_MESSAGE):
                into.append(self._chunks.piece(extra={"provider_specific_fields": extra}))
        if content is not None or thinking is not None:
            _check_text(content, thinking)
            chunk = self._chunks.piece(content, thinking)
            if logprobs := body.get("logprobs"):
                self._chunks.with_logprobs(chunk, _logprobs(logprobs))
            into.append(chunk)
        if body.get("done"):
            self._end(body, into)

    def _take_calls(self, calls: Sequence[JSON], body: JSON, into: list[ChatCompletionChunk]) -> None:
        """Calls come whole."""
        for given in calls:
            call = _call(given, body.get("created_at") or "", self._count)
            into.append(self._chunks.piece(tool_calls=[call_start(self._count, *call)]))
            self._count += 1

    def _end(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        extra = _kept(body, _PLACED)
        into.append(
            self._chunks.last(
                _finish_reason(body, called=self._count > 0),
                body.get("done_reason"),
                {"provider_specific_fields": extra} if extra else None,
            )
        )
        if (usage := _usage(body)) is not None:
            into.append(self._chunks.usage(usage))
        self.finished = True

    def _raise_error(self, body: JSON) -> None:
        endpoint = self._endpoint
        raise decode_stream_error(
            body, headers={}, provider=endpoint.provider, model=self._model, api_key=endpoint.api_key
        )


def _finish_reason(body: JSON, *, called: bool) -> str:
    """OpenAI's word; Ollama says ``stop`` whether tools were called or not."""
    native = body.get("done_reason") or "stop"
    reason = FINISH_REASONS.get(native, native)
    return "tool_calls" if called and reason == "stop" else reason


def _usage(body: JSON) -> Usage | None:
    """The counts, with the timings (nanoseconds) beside them; a prompt that was cached may have no count."""
    if body.keys().isdisjoint(_COUNTS | _TIMINGS):
        return None
    prompt = whole_number(body.get("prompt_eval_count") or 0)
    completion = whole_number(body.get("eval_count") or 0)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        model_extra={name: body[name] for name in sorted(_TIMINGS) if name in body},
    )


def _call(call: JSON, time: str, index: int) -> tuple[str, str, str]:
    """Id, name and arguments; where the server gives no id, one that no other answer's calls will have."""
    function = call["function"]
    arguments: Any = function.get("arguments") or {}
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return call.get("id") or f"call_{_digits(time)}_{index}", function["name"], text


def _tool_call(call_id: str, name: str, arguments: str) -> ToolCall:
    return ToolCall(id=call_id, function=FunctionCall(name=name, arguments=arguments))


def _logprobs(items: list[JSON]) -> ChoiceLogprobs:
    return ChoiceLogprobs(content=[TokenLogprob.take(item) for item in items])


def _kept(data: JSON, placed: frozenset[str]) -> JSON:
    """What OpenAI's shape has no place for."""
    return {key: value for key, value in data.items() if key not in placed and value is not None}


def _answer_id(time: str) -> str:
    """An id for an answer that has none, made of its time; the same for the same answer."""
    return f"ollama-{_digits(time)}" if time else ""


def _digits(time: str) -> str:
    """The digits of a time, to the microsecond."""
    return "".join(filter(str.isdigit, time))[:20]


def _check_text(*texts: object) -> None:
    for text in texts:
        if text is not None and type(text) is not str:
            raise TypeError(f"a text is {type(text).__name__}")
