"""The dialect's streams: text, reasoning and calls as they come, everything else from the response object at the end.

Hosts of the dialect leave events out: what an item holds and no piece has told is told when the item is done, or at the
latest with the response that ends the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import attrs
import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event, whole_number
from aiocompl.codecs.error_shapes import parse_body
from aiocompl.codecs.responses.answer import (
    annotations_of,
    call_extra,
    finish_reasons,
    logprobs_of,
    message_extra,
    refusal_of,
    response_extra,
    thoughts_of,
    usage_of,
)
from aiocompl.codecs.responses.errors import failure, has_failed
from aiocompl.codecs.responses.items import CALLS, texts_of
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.chunk import DeltaCustomCall, DeltaFunctionCall, DeltaToolCall
from aiocompl.types.pieces import Chunks, call_more

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

    _Taker = Callable[["ResponsesStreamDecoder", JSON, list[ChatCompletionChunk]], None]

OK: Final = 200
TEXT: Final = "response.output_text.delta"

_SILENT: Final = frozenset({"keepalive", "ping"})
"""Events that only keep the connection open."""


@attrs.define(eq=False)
class _Call:
    """A call in the making."""

    index: int
    custom: bool
    begun: bool = False
    """Whether some of its arguments have been told."""


class ResponsesStreamDecoder:
    """The events of one stream; see `StreamDecoder`. It is complete after ``response.completed`` or ``.incomplete``."""

    __slots__ = (
        "_begun",
        "_calls",
        "_chunks",
        "_count",
        "_endpoint",
        "_items",
        "_model",
        "_thought",
        "_told",
        "finished",
    )

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._chunks = Chunks(model)
        self._begun = False
        self._calls: dict[int, _Call] = {}  # by the position of their items
        self._count = 0  # of calls
        self._items: dict[int, JSON] = {}  # those that are done, by their position
        self._told: set[int] = set()  # positions of the items of which pieces have been told
        self._thought: tuple[Any, ...] | None = None  # the part of the reasoning that was told last
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        loads = orjson.loads
        for name, data in events:
            if self.finished:
                return
            if data == b"[DONE]":
                continue  # some hosts have it, but it says nothing
            try:
                body = loads(data)
                if body.get("type") == TEXT and self._begun:  # nearly always
                    self._take_text(body, into)
                else:
                    self._take(name, body, into)
            except MALFORMED as error:
                self._raise_malformed(error, name, data)

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before its response.completed: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )

    def _take(self, name: str, body: JSON, into: list[ChatCompletionChunk]) -> None:
        kind = body.get("type")
        if name == "error" or kind in {"error", "response.failed"} or (kind is None and body.get("error")):
            raise self._error(body.get("response") or body)
        take = self._TAKE.get(kind or "")
        if take is not None:
            if not self._begun:
                self._begin(body.get("response") or {}, into)
            take(self, body, into)
        elif not kind or not (kind.startswith("response.") or kind in _SILENT):
            into.append(self._chunks.piece(extra=unknown_event(body)))

    def _begin(self, response: JSON, into: list[ChatCompletionChunk]) -> None:
        chunks = self._chunks
        chunks.id = response.get("id") or ""
        chunks.model = response.get("model") or self._model
        chunks.created = whole_number(response.get("created_at") or 0)
        self._begun = True
        into.append(chunks.piece(""))

    def _take_start(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        """All that matters has been taken by `_begin`."""

    def _take_text(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        self._told.add(body["output_index"])
        chunk = self._chunks.piece(_text(body["delta"]))
        if entries := body.get("logprobs"):
            chunk.choices[0].logprobs = logprobs_of(entries)
        into.append(chunk)

    def _take_refusal(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        self._told.add(body["output_index"])
        self._refuse(_text(body["delta"]), into)

    def _refuse(self, text: str, into: list[ChatCompletionChunk]) -> None:
        chunk = self._chunks.piece()
        chunk.choices[0].delta.refusal = text
        into.append(chunk)

    def _take_thought(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        position = body["output_index"]
        self._told.add(position)
        part = (position, body["type"], body.get("summary_index"), body.get("content_index"))
        self._think(_text(body["delta"]), part, into)

    def _think(self, text: str, part: tuple[Any, ...], into: list[ChatCompletionChunk]) -> None:
        """Tell a piece of the reasoning, whose parts a blank line keeps apart."""
        if text:
            parted = self._thought not in {None, part}
            self._thought = part
            into.append(self._chunks.piece(reasoning=f"\n\n{text}" if parted else text))

    def _take_added(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        if body["item"]["type"] in CALLS:
            self._start_call(body["output_index"], body["item"], into)

    def _start_call(self, position: int, item: JSON, into: list[ChatCompletionChunk]) -> _Call:
        custom = item["type"] == "custom_tool_call"
        call = self._calls[position] = _Call(self._count, custom)
        self._count += 1
        name = _text(item["name"])
        delta = DeltaToolCall(
            index=call.index, id=_text(item["call_id"]), type="function", model_extra=call_extra(item)
        )
        if custom:
            delta.type, delta.custom = "custom", DeltaCustomCall(name=name, input="")
        else:
            delta.function = DeltaFunctionCall(name=name, arguments="")
        into.append(self._chunks.piece(tool_calls=[delta]))
        return call

    def _take_arguments(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        self._tell_arguments(self._calls[body["output_index"]], _text(body["delta"]), into)

    def _tell_arguments(self, call: _Call, piece: str, into: list[ChatCompletionChunk]) -> None:
        if not piece:
            return
        call.begun = True
        if call.custom:
            delta = DeltaToolCall(index=call.index, custom=DeltaCustomCall(input=piece))
            into.append(self._chunks.piece(tool_calls=[delta]))
        else:
            into.append(self._chunks.piece(tool_calls=[call_more(call.index, piece)]))

    def _take_done(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        self._finish_item(body["output_index"], body["item"], into)

    def _finish_item(self, position: int, item: JSON, into: list[ChatCompletionChunk]) -> None:
        """Keep an item, and tell what no piece has told of it."""
        self._items[position] = item
        kind = item["type"]
        if kind in CALLS:
            call = self._calls.get(position) or self._start_call(position, item, into)
            if not call.begun:
                self._tell_arguments(call, _text(item[CALLS[kind]]), into)
        elif position not in self._told:
            for number, thought in enumerate(thoughts_of([item])):
                self._think(_text(thought), (position, number), into)
            if text := "".join(texts_of([item])):
                into.append(self._chunks.piece(text))
            if (refusal := refusal_of([item])) is not None:
                self._refuse(refusal, into)

    def _take_end(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        response = body["response"]
        if has_failed(response):
            raise self._error(response)
        given = response.get("output") or ()
        for position, item in enumerate(given):
            if position not in self._items:
                self._finish_item(position, item, into)
        items = given or [item for _, item in sorted(self._items.items())]
        extra = message_extra(items)
        if annotations := annotations_of(items):
            extra["annotations"] = annotations
        finish_reason, native = finish_reasons(response, called=bool(self._calls))
        last = self._chunks.last(finish_reason, native, extra or None)
        last.service_tier = response.get("service_tier")
        last.model_extra.update(response_extra(response))
        into.append(last)
        if (usage := usage_of(response)) is not None:
            into.append(self._chunks.usage(usage))
        self.finished = True

    def _error(self, body: Mapping[str, Any]) -> Exception:
        return failure(body, self._endpoint, self._model)

    def _raise_malformed(self, cause: Exception, name: str, data: bytes) -> NoReturn:
        if name == "error":  # an error all the same, if not in the dialect's form
            raise self._error({"error": parse_body(data)}) from cause
        raise_malformed(cause, provider=self._endpoint.provider, model=self._model, status=OK, body=data)

    _TAKE: ClassVar[dict[str, _Taker]] = {
        "response.created": _take_start,
        "response.in_progress": _take_start,
        "response.output_item.added": _take_added,
        TEXT: _take_text,
        "response.refusal.delta": _take_refusal,
        "response.reasoning_summary_text.delta": _take_thought,
        "response.reasoning_text.delta": _take_thought,
        "response.function_call_arguments.delta": _take_arguments,
        "response.custom_tool_call_input.delta": _take_arguments,
        "response.output_item.done": _take_done,
        "response.completed": _take_end,
        "response.incomplete": _take_end,
    }
    """What is done with which event; all others of the response tell what its items will hold when they are done."""


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"a text is {type(value).__name__}")
    return value
