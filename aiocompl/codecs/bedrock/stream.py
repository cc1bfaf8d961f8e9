"""Streams: the events of ConverseStream made into chunks.

Text and reasoning blocks have no start event, tool calls have; the finish reason comes with ``messageStop``, the usage
with ``metadata`` behind it, and only then is the stream whole. What OpenAI's deltas have no place for (signed thinking,
citations, tools that the provider ran itself) comes whole with the finish reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.answer_tool import ANSWER_TOOL
from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event
from aiocompl.codecs.bedrock.errors import converse_error
from aiocompl.codecs.bedrock.messages import SERVER_TOOL
from aiocompl.codecs.bedrock.response import finish_reason, message_extra, usage_of
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.completion import Usage
from aiocompl.types.pieces import Chunks, call_more, call_start

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

OK: Final = 200
_PADDING: Final = "p"
"""Random text that hides how long an event is."""


@attrs.define(eq=False)
class _Block:
    """A block in the making."""

    kind: str
    start: JSON = attrs.field(factory=dict)
    pieces: list[str] = attrs.field(factory=list)
    fields: JSON = attrs.field(factory=dict)
    """What came in its deltas besides text."""
    citations: list[JSON] = attrs.field(factory=list)
    call: int | None = None
    """The index of its tool call; None where the caller has none to answer."""

    def native(self) -> JSON:
        """The block as the blocking answer would have it."""
        text = "".join(self.pieces)
        if self.kind == "text":
            if not self.citations:
                return {"text": text}
            return {"citationsContent": {"content": [{"text": text}], "citations": self.citations}}
        if self.kind == "reasoningContent":
            redacted = "redactedContent" in self.fields
            return {self.kind: self.fields if redacted else {"reasoningText": {"text": text, **self.fields}}}
        if self.kind == "toolUse":
            return {self.kind: {**self.start, "input": _arguments(text)}}
        return {self.kind: {**self.start, **self.fields}}


class ConverseStreamDecoder:
    """The events of one stream; see `StreamDecoder`.

    Args:
        endpoint: Where the request went.
        model: The model that was asked.
        schema_tool: Whether a call of `ANSWER_TOOL` is the answer's text.
    """

    __slots__ = (
        "_blocks",
        "_calls",
        "_chunks",
        "_counted",
        "_endpoint",
        "_model",
        "_open",
        "_schema_tool",
        "_stopped",
        "finished",
    )

    def __init__(self, endpoint: Endpoint, model: str, *, schema_tool: bool) -> None:
        self._endpoint = endpoint
        self._model = model
        self._schema_tool = schema_tool
        self._chunks = Chunks(model)
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._calls = 0
        self._stopped = False  # the finish reason has come
        self._counted = False  # the usage has come
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for name, data in events:
            if self.finished:
                return
            if name.startswith(("exception:", "error:")):
                raise converse_error(
                    data,
                    exception=name.partition(":")[2],
                    status=None,
                    headers={},
                    endpoint=self._endpoint,
                    model=self._model,
                )
            try:
                self._take(name, data, into)
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._model, status=OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before its usage: what was received is no whole answer"
                if self._stopped
                else "the stream ended before its finish reason: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )

    def _take(self, name: str, data: bytes, into: list[ChatCompletionChunk]) -> None:
        body = orjson.loads(data)
        if name == "contentBlockDelta":
            delta, index = body["delta"], body["contentBlockIndex"]
            text = delta.get("text")
            if text is None:
                self._take_delta(index, delta, into)
            elif text:
                self._block(index, "text").pieces.append(text)
                into.append(self._chunks.piece(text))
        elif name == "contentBlockStart":
            self._take_start(body, into)
        elif name == "contentBlockStop":
            self._take_stop(body, into)
        elif name == "messageStart":
            into.append(self._chunks.piece())
        elif name == "messageStop":
            self._finish(body, into)
        elif name == "metadata":
            self._take_metadata(body, into)
        else:
            into.append(self._chunks.piece(extra=unknown_event({name: body})))

    def _block(self, index: int, kind: str) -> _Block:
        """The open block; a new one where none of its kind was announced, as is usual for text and reasoning."""
        block = self._open.get(index)
        if block is None or block.kind != kind:
            block = self._begin(index, _Block(kind))
        return block

    def _begin(self, index: int, block: _Block) -> _Block:
        self._blocks.append(block)
        self._open[index] = block
        return block

    def _take_start(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        start = body.get("start")
        if not start:  # some models announce text blocks too, by an empty start
            return
        kind, value = next(iter(start.items()))
        block = self._begin(body["contentBlockIndex"], _Block(kind, dict(value)))
        if kind != "toolUse" or value.get("type") == SERVER_TOOL:
            return
        name, call_id = value["name"], value["toolUseId"]
        if self._schema_tool and name == ANSWER_TOOL:
            return
        block.call = self._calls
        self._calls += 1
        into.append(self._chunks.piece(tool_calls=[call_start(block.call, call_id, name)]))

    def _take_delta(self, index: int, delta: JSON, into: list[ChatCompletionChunk]) -> None:
        for kind, value in delta.items():
            if kind == "toolUse":
                block = self._open[index]
                if block.kind != kind:
                    raise ValueError("arguments in a block that is no tool call")
                self._take_arguments(block, value["input"], into)
            elif kind == "reasoningContent":
                self._take_reasoning(index, value, into)
            elif kind == "citation":
                self._block(index, "text").citations.append(value)
            else:
                _merge(self._block(index, kind).fields, value)

    def _take_arguments(self, block: _Block, text: str, into: list[ChatCompletionChunk]) -> None:
        if not text:
            return
        block.pieces.append(text)
        if block.call is not None:
            into.append(self._chunks.piece(tool_calls=[call_more(block.call, text)]))
        elif block.start.get("type") != SERVER_TOOL:
            into.append(self._chunks.piece(text))

    def _take_reasoning(self, index: int, value: JSON, into: list[ChatCompletionChunk]) -> None:
        block = self._block(index, "reasoningContent")
        if text := value.pop("text", None):
            block.pieces.append(text)
            into.append(self._chunks.piece(reasoning=text))
        for key, piece in value.items():  # signature or redactedContent
            block.fields[key] = block.fields.get(key, "") + piece

    def _take_stop(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        """The end of a block; a call without arguments gets those that the blocking answer has."""
        block = self._open.pop(body["contentBlockIndex"], None)
        if block is not None and block.kind == "toolUse" and not block.pieces:
            self._take_arguments(block, "{}", into)

    def _finish(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        native = body.pop("stopReason")
        extra = message_extra([block.native() for block in self._blocks])
        finish = finish_reason(native, called=self._calls > 0)
        chunk = self._chunks.last(finish, native, extra or None)
        chunk.model_extra.update(_without_padding(body))
        into.append(chunk)
        self._stopped = True
        self.finished = self._counted

    def _take_metadata(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        usage, tier = body.pop("usage", None), body.pop("serviceTier", None)
        extra = _without_padding(body)
        if usage is not None or tier or extra:
            chunk = self._chunks.usage(Usage())
            chunk.usage = None if usage is None else usage_of(usage)
            chunk.service_tier = (tier or {}).get("type")
            chunk.model_extra.update(extra)
            into.append(chunk)
        self._counted = True
        self.finished = self._stopped


def _without_padding(body: JSON) -> JSON:
    return {key: value for key, value in body.items() if key != _PADDING}


def _arguments(text: str) -> Any:
    """A call's arguments, or their text where the model wrote no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _merge(fields: JSON, value: Any) -> None:
    """More of a block that the deltas have no text of: the results of a tool come in lists, the rest as fields."""
    if isinstance(value, dict):
        fields.update(value)
    else:
        fields.setdefault("content", []).extend(value)
