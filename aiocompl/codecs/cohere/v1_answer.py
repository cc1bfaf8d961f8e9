"""The answers of Cohere's v1 chat, whole and streamed: a stream's last event repeats the whole answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event
from aiocompl.codecs.cohere.common import FAILURES, FINISH_REASONS, check_answer, failure, usage_of
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, FunctionCall, ToolCall
from aiocompl.types.pieces import Chunks, call_more, call_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import Usage
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

OK: Final = 200

_PLACED: Final = frozenset({"text", "finish_reason", "tool_calls", "generation_id", "meta"})
"""Fields of an answer that OpenAI's shape has a place for."""

_SILENT: Final = frozenset({"citation-generation", "search-queries-generation", "search-results"})
"""Events of a stream whose contents the whole answer at its end has too."""

_COUNTS: Final = ("tokens", "billed_units", "cached_tokens")
"""Fields of an answer's ``meta`` that the usage holds."""


def completion_of(data: JSON, model: str) -> ChatCompletion:
    """A whole answer."""
    native = data.get("finish_reason")
    answer = data.get("generation_id") or ""
    calls = [
        ToolCall(
            id=_call_id(answer, index), function=FunctionCall(name=call["name"], arguments=_arguments(call))
        )
        for index, call in enumerate(data.get("tool_calls") or ())
    ]
    text: str = data["text"]
    message = ChatCompletionMessage(
        content=text or (None if calls else ""), tool_calls=calls or None, model_extra=_extra(data)
    )
    choice = Choice(
        index=0,
        message=message,
        finish_reason=_finish_reason(native, called=bool(calls)),
        model_extra={"native_finish_reason": native},
    )
    return ChatCompletion(id=answer, model=model, choices=[choice], usage=_usage(data))


class CohereV1StreamDecoder:
    """The events of one v1 stream; see `StreamDecoder`. A stream is complete after ``stream-end``."""

    __slots__ = ("_calls", "_chunks", "_count", "_endpoint", "_model", "_told", "finished")

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._chunks = Chunks(model)
        self._calls: dict[int, tuple[int, str]] = {}  # the events' index of a tool call -> ours, and its name
        self._count = 0  # of tool calls
        self._told = False  # some text has come
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for _, data in events:
            if self.finished:
                return
            try:
                body = orjson.loads(data)
                self._take(body, into)
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._model, status=OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before stream-end: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )

    def _take(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        kind = body.get("event_type")
        if kind == "text-generation":  # nearly all of them
            self._take_text(body["text"], into)
        elif kind == "stream-start":
            self._chunks.id = body.get("generation_id") or ""
            into.append(self._chunks.piece(""))
        elif kind == "tool-calls-chunk":
            self._take_call(body, into)
        elif kind == "tool-calls-generation":
            self._take_missing(body.get("text") or "", body.get("tool_calls") or (), into)
        elif kind == "stream-end":
            self._end(body, into)
        elif kind not in _SILENT:
            if kind is None:
                check_answer(body, {}, self._endpoint, self._model)
            into.append(self._chunks.piece(extra=unknown_event(body)))

    def _take_text(self, text: str, into: list[ChatCompletionChunk]) -> None:
        if type(text) is not str:
            raise TypeError(f"text is {type(text).__name__}")
        self._told = self._told or bool(text)
        into.append(self._chunks.piece(text))

    def _take_call(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        delta = body.get("tool_call_delta") or {}
        if text := body.get("text") or delta.get("text"):  # the plan comes in the same events
            self._take_text(text, into)
        pieces: str = delta.get("parameters") or ""
        place = delta.get("index")
        if place is None:
            return
        index, name = self._calls.get(place, (None, ""))
        if index is not None and delta.get("name") in {None, "", name}:
            into.append(self._chunks.piece(tool_calls=[call_more(index, pieces)]))
        else:
            self._calls[place] = self._count, delta["name"]
            self._begin_call(delta["name"], pieces, into)

    def _begin_call(self, name: str, arguments: str, into: list[ChatCompletionChunk]) -> None:
        call = call_start(self._count, _call_id(self._chunks.id, self._count), name, arguments)
        self._count += 1
        into.append(self._chunks.piece(tool_calls=[call]))

    def _take_missing(self, text: str, calls: Sequence[JSON], into: list[ChatCompletionChunk]) -> None:
        """What the whole answer has that no piece has brought."""
        if text and not self._told:
            self._take_text(text, into)
        for call in calls[self._count :]:
            self._begin_call(call["name"], _arguments(call), into)

    def _end(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        native: str | None = body.get("finish_reason")
        response = body.get("response") or {}
        if native is not None and native in FAILURES:
            raise failure(body, native, self._endpoint, self._model)
        self._take_missing(response.get("text") or "", response.get("tool_calls") or (), into)
        reason = _finish_reason(native, called=self._count > 0)
        into.append(self._chunks.last(reason, native, _extra(response)))
        if (usage := _usage(response)) is not None:
            into.append(self._chunks.usage(usage))
        self.finished = True


def _finish_reason(native: str | None, *, called: bool) -> str | None:
    """OpenAI's word; v1 says ``COMPLETE`` whether tools were called or not."""
    reason = FINISH_REASONS.get(native or "", native)
    return "tool_calls" if called and reason == "stop" else reason


def _call_id(answer: str, index: int) -> str:
    """An id for a call that has none: the same each time, and not used again in the next answer."""
    return f"call_{answer[:8]}_{index}"


def _arguments(call: JSON) -> str:
    return orjson.dumps(call.get("parameters") or {}).decode()


def _usage(data: JSON) -> Usage | None:
    meta = data.get("meta") or {}
    return usage_of({name: meta[name] for name in _COUNTS if name in meta})


def _extra(data: JSON) -> dict[str, Any] | None:
    """What OpenAI's shape has no place for."""
    kept = {key: value for key, value in data.items() if key not in _PLACED and value}
    if meta := {key: value for key, value in (data.get("meta") or {}).items() if key not in _COUNTS}:
        kept["meta"] = meta
    return {"provider_specific_fields": kept} if kept else None
