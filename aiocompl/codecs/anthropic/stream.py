"""The dialect's streams, the same for all its hosts: the events' names are not looked at, only their data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs
import orjson

from aiocompl.codecs.anthropic.errors import error_of
from aiocompl.codecs.anthropic.response import (
    THINKING,
    annotations_of,
    call_extra,
    choice_extra,
    finish_reason,
    is_answer,
    raw_blocks,
    refusal_of,
)
from aiocompl.codecs.anthropic.tools import PLAIN_READING
from aiocompl.codecs.anthropic.usage import usage_of
from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event
from aiocompl.codecs.error_shapes import parse_body
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.chunk import (
    ChatCompletionChunk,
    ChoiceDelta,
    ChunkChoice,
    DeltaFunctionCall,
    DeltaToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.anthropic.tools import Reading
    from aiocompl.errors import APIError
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

OK: Final = 200

_FIELD_OF: Final = {"text": "text", "thinking": "thinking"}
"""Which field of a block its pieces make up; of all other blocks it is the input, as JSON."""


@attrs.define(kw_only=True, eq=False)
class _Block:
    """A block in the making."""

    raw: JSON
    pieces: list[str] = attrs.field(factory=list)
    citations: list[JSON] = attrs.field(factory=list)
    tell: Callable[[str], ChoiceDelta] | None = None
    """Makes the delta that tells a piece to the caller; None where the block is none of his business."""


class AnthropicStreamDecoder:
    """The events of one stream; see `StreamDecoder`. It is complete after ``message_stop``."""

    __slots__ = (
        "_answering",
        "_api_key",
        "_blocks",
        "_called",
        "_counts",
        "_id",
        "_length",
        "_model",
        "_open",
        "_provider",
        "_reading",
        "_told",
        "finished",
    )

    def __init__(
        self, provider: str, model: str, api_key: str | None, reading: Reading = PLAIN_READING
    ) -> None:
        self._provider = provider
        self._model = model
        self._api_key = api_key
        self._reading = reading
        self._id: str | None = None
        self._answering = ""  # the model that answers
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._called = 0  # calls for the caller to answer
        self._length = 0  # characters of the content
        self._told: JSON = {}  # what is said of the message as a whole
        self._counts: JSON = {}
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        loads = orjson.loads
        for name, data in events:
            if self.finished:
                return
            try:
                body = loads(data)
                kind = body["type"]
                if kind == "content_block_delta":
                    block, delta = self._open[body["index"]], body["delta"]
                    if delta["type"] == "text_delta":  # nearly always
                        block.pieces.append(delta["text"])
                        into.append(self._chunk(ChoiceDelta(content=delta["text"])))
                    else:
                        self._take_delta(block, delta, into)
                else:
                    self._take(kind, body, into)
            except MALFORMED as error:
                self._raise_malformed(error, name, data)

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before its message_stop: what was received is no whole answer",
                provider=self._provider,
                model=self._model,
            )

    def _take(self, kind: str, body: JSON, into: list[ChatCompletionChunk]) -> None:
        match kind:
            case "message_start":
                self._take_message(body, into)
            case "content_block_start":
                self._take_block(body, into)
            case "content_block_stop":
                self._close(body["index"], into)
            case "message_delta":
                self._take_message_delta(body)
            case "message_stop":
                self._take_message_end(body, into)
            case "error":
                raise self._error(body)
            case "ping":
                pass
            case _:  # what is still to be invented
                into.append(self._chunk(ChoiceDelta(model_extra=unknown_event(body))))

    def _chunk(self, delta: ChoiceDelta) -> ChatCompletionChunk:
        if self._id is None:
            raise ValueError("an event that must follow message_start comes before it")
        return ChatCompletionChunk(
            id=self._id, model=self._answering, choices=[ChunkChoice(index=0, delta=delta)]
        )

    def _take_message(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        if self._id is not None:
            raise ValueError("a second message_start")
        message = body["message"]
        self._id, self._answering = message["id"], message["model"]
        self._note(message, message.get("usage"))
        into.append(self._chunk(ChoiceDelta(role="assistant", content="")))

    def _take_block(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        raw, index = body["content_block"], body["index"]
        if index in self._open:
            self._close(index, into)
        block = _Block(raw=raw)
        self._blocks.append(block)
        self._open[index] = block
        kind = raw["type"]
        if kind == "text" or is_answer(raw, self._reading):
            block.tell = _content
        elif kind == "thinking":
            block.tell = _reasoning
        elif kind == "tool_use":
            into.append(self._chunk(self._start_call(block)))
        for citation in raw.get("citations") or ():
            self._add_citation(block, citation, into)
        if kind in _FIELD_OF:
            self._add_piece(block, raw[kind], into)

    def _start_call(self, block: _Block) -> ChoiceDelta:
        index, raw = self._called, block.raw
        self._called += 1
        block.tell = partial(_call_piece, index)
        function = DeltaFunctionCall(name=raw["name"], arguments="")
        call = DeltaToolCall(
            index=index, id=raw["id"], type="function", function=function, model_extra=call_extra(raw)
        )
        return ChoiceDelta(tool_calls=[call])

    def _take_delta(self, block: _Block, delta: JSON, into: list[ChatCompletionChunk]) -> None:
        match delta["type"]:
            case "input_json_delta":
                self._add_piece(block, delta["partial_json"], into)
            case "thinking_delta":
                self._add_piece(block, delta["thinking"], into)
            case "citations_delta":
                self._add_citation(block, delta["citation"], into)
            case _:  # the signature of thinking, and what is still to be invented
                for name, value in delta.items():
                    if name != "type":
                        old = block.raw.get(name)
                        block.raw[name] = old + value if isinstance(old, str) and old else value

    def _add_piece(self, block: _Block, piece: str, into: list[ChatCompletionChunk]) -> None:
        if piece:
            block.pieces.append(piece)
            if block.tell is not None:
                into.append(self._chunk(block.tell(piece)))

    def _add_citation(self, block: _Block, citation: JSON, into: list[ChatCompletionChunk]) -> None:
        block.citations.append(citation)
        into.append(self._extra_chunk("provider_specific_fields", {"citations": [citation]}))

    def _close(self, index: int, into: list[ChatCompletionChunk]) -> None:
        """Finish a block; also where its end was left out, so that nothing of it is lost."""
        block = self._open.pop(index)
        raw, kind = block.raw, block.raw["type"]
        text = "".join(block.pieces)
        if kind in _FIELD_OF:
            raw[kind] = text
        elif text:
            raw["input"] = _parsed(text)
        elif block.tell is not None:  # a call without arguments, or with all of them at once
            into.append(self._chunk(block.tell(orjson.dumps(raw.get("input") or {}).decode())))
        if block.citations:
            raw["citations"] = block.citations
            if noted := annotations_of(raw, self._length, self._length + len(text)):
                into.append(self._extra_chunk("annotations", noted))
        if block.tell is _content:
            self._length += len(text)
        if kind in THINKING:
            into.append(self._extra_chunk("thinking_blocks", [dict(raw)]))

    def _extra_chunk(self, name: str, value: Any) -> ChatCompletionChunk:
        return self._chunk(ChoiceDelta(model_extra={name: value}))

    def _take_message_delta(self, body: JSON) -> None:
        self._note(body["delta"], body.get("usage"))
        self._note({name: value for name, value in body.items() if name != "delta"}, None)

    def _note(self, told: Mapping[str, Any], counts: Mapping[str, Any] | None) -> None:
        """Keep what is said of the message; later counts go before earlier ones, but null says nothing."""
        self._told.update((name, value) for name, value in told.items() if value is not None)
        self._counts.update((name, value) for name, value in (counts or {}).items() if value is not None)

    def _take_message_end(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        for index in [*self._open]:
            self._close(index, into)
        self._note(body, None)
        native = self._told.get("stop_reason")
        fields = raw_blocks(block.raw for block in self._blocks)
        chunk = self._chunk(
            ChoiceDelta(
                refusal=refusal_of(native, self._told),
                model_extra={"provider_specific_fields": fields} if fields else None,
            )
        )
        choice = chunk.choices[0]
        choice.finish_reason = finish_reason(native, self._reading, called=self._called > 0)
        choice.model_extra.update(choice_extra(native, self._told))
        into.append(chunk)
        if self._counts:
            into.append(self._usage_chunk(chunk))
        self.finished = True

    def _usage_chunk(self, last: ChatCompletionChunk) -> ChatCompletionChunk:
        tier = self._counts.get("service_tier")
        usage = usage_of(self._counts)
        return ChatCompletionChunk(id=last.id, model=last.model, choices=[], usage=usage, service_tier=tier)

    def _error(self, body: Any) -> APIError:
        return error_of(
            body, None, headers={}, provider=self._provider, model=self._model, api_key=self._api_key
        )

    def _raise_malformed(self, cause: Exception, name: str, data: bytes) -> NoReturn:
        if name == "error":  # an error all the same, if not in the dialect's form
            raise self._error(parse_body(data)) from cause
        raise_malformed(cause, provider=self._provider, model=self._model, status=OK, body=data)


def _content(piece: str) -> ChoiceDelta:
    return ChoiceDelta(content=piece)


def _reasoning(piece: str) -> ChoiceDelta:
    return ChoiceDelta(reasoning_content=piece)


def _call_piece(index: int, piece: str) -> ChoiceDelta:
    return ChoiceDelta(tool_calls=[DeltaToolCall(index=index, function=DeltaFunctionCall(arguments=piece))])


def _parsed(text: str) -> Any:
    """A tool's input; the text itself where the answer's bound cut it off."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
