"""The streams of Cohere's v2 chat: server-sent events, each named after the ``type`` in its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed, unknown_event
from aiocompl.codecs.cohere.common import FAILURES, FINISH_REASONS, check_answer, failure, usage_of
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.completion import ChoiceLogprobs, TokenLogprob
from aiocompl.types.pieces import Chunks, call_more, call_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.wire.messages import Event

OK: Final = 200


class CohereStreamDecoder:
    """The events of one v2 stream; see `StreamDecoder`.

    A stream is complete after ``message-end``; ``[DONE]``, which some models' streams have, says that no more comes.
    """

    __slots__ = (
        "_calls",
        "_chunks",
        "_count",
        "_empty",
        "_ended",
        "_endpoint",
        "_model",
        "_plan",
        "finished",
    )

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._chunks = Chunks(model)
        self._calls: dict[int, int] = {}  # the events' index of a tool call -> ours
        self._count = 0  # of tool calls
        self._empty: set[int] = set()  # tool calls that have no arguments yet, by our index
        self._plan: list[str] = []
        self._ended = False
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for _, data in events:
            if self.finished:
                return
            if data == b"[DONE]":
                self.end(into)
                return
            try:
                body = orjson.loads(data)
                if body.get("type") == "content-delta":  # nearly all of them
                    self._take_text(body, into)
                else:
                    self._take(body, into)
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._model, status=OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self._ended:
            raise IncompleteStreamError(
                "the stream ended before message-end: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )
        self.finished = True

    def _take_text(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        block = body["delta"]["message"]["content"]
        text = block.get("text")
        if type(text) is str:
            chunk = self._chunks.piece(text)
        elif type(thinking := block.get("thinking")) is str:
            chunk = self._chunks.piece(None, thinking)
        else:  # more of a block that OpenAI's shape has no place for
            chunk = self._chunks.piece(extra=_kept("content", [block]))
        if logprobs := body.get("logprobs"):
            self._chunks.with_logprobs(chunk, logprobs_of([logprobs]))
        into.append(chunk)

    def _take(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        kind = body.get("type")
        if kind is None:
            check_answer(body, {}, self._endpoint, self._model)
        take = _TAKERS.get(kind)
        if take is not None:
            take(self, body, into)
        elif kind not in _SILENT:
            into.append(self._chunks.piece(extra=unknown_event(body)))

    def _start(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        self._chunks.id = body.get("id") or ""
        into.append(self._chunks.piece())

    def _start_block(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        block = body["delta"]["message"]["content"]
        if block["type"] in {"text", "thinking"}:
            into.append(self._chunks.piece(block.get("text"), block.get("thinking") or None))
        else:
            into.append(self._chunks.piece(extra=_kept("content", [block])))

    def _add_plan(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        plan = body["delta"]["message"]["tool_plan"]
        self._plan.append(plan)
        into.append(self._chunks.piece(reasoning=plan))

    def _start_call(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        call = body["delta"]["message"]["tool_calls"]
        function = call["function"]
        index = self._calls[body["index"]] = self._count
        self._count += 1
        arguments = function.get("arguments") or ""
        if not arguments:
            self._empty.add(index)
        into.append(
            self._chunks.piece(tool_calls=[call_start(index, call["id"], function["name"], arguments)])
        )

    def _add_arguments(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        index = self._calls[body["index"]]
        if arguments := body["delta"]["message"]["tool_calls"]["function"]["arguments"]:
            self._empty.discard(index)
            into.append(self._chunks.piece(tool_calls=[call_more(index, arguments)]))

    def _end_call(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        index = self._calls[body["index"]]
        if (
            index in self._empty
        ):  # a call without arguments: the blocking answer writes them as an empty object
            self._empty.discard(index)
            into.append(self._chunks.piece(tool_calls=[call_more(index, "{}")]))

    def _add_citation(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        citations = body["delta"]["message"]["citations"]
        listed = citations if isinstance(citations, list) else [citations]
        into.append(self._chunks.piece(extra=_kept("citations", listed)))

    def _end(self, body: JSON, into: list[ChatCompletionChunk]) -> None:
        delta = body["delta"]
        native = delta["finish_reason"]
        if native in FAILURES or delta.get("error"):
            raise failure(delta, native, self._endpoint, self._model)
        plan = "".join(self._plan)
        extra = _kept("tool_plan", plan) if plan else None
        into.append(self._chunks.last(FINISH_REASONS.get(native, native), native, extra))
        if (usage := usage_of(delta.get("usage") or {})) is not None:
            into.append(self._chunks.usage(usage))
        self._ended = True


_TAKERS: Final[Mapping[object, Callable[[CohereStreamDecoder, JSON, list[ChatCompletionChunk]], None]]] = {
    "message-start": CohereStreamDecoder._start,  # noqa: SLF001 - the table is the class's own
    "content-start": CohereStreamDecoder._start_block,  # noqa: SLF001
    "tool-plan-delta": CohereStreamDecoder._add_plan,  # noqa: SLF001
    "tool-call-start": CohereStreamDecoder._start_call,  # noqa: SLF001
    "tool-call-delta": CohereStreamDecoder._add_arguments,  # noqa: SLF001
    "tool-call-end": CohereStreamDecoder._end_call,  # noqa: SLF001
    "citation-start": CohereStreamDecoder._add_citation,  # noqa: SLF001
    "message-end": CohereStreamDecoder._end,  # noqa: SLF001
}
"""What is done with each type of event."""

_SILENT: Final = frozenset({"content-end", "citation-end", "debug"})
"""Types of events that say nothing of the answer; ``debug`` repeats the prompt."""


def logprobs_of(items: Iterable[Mapping[str, Any]]) -> ChoiceLogprobs:
    """Cohere's log probabilities; a stretch of several tokens is one entry, its log probability their sum."""
    return ChoiceLogprobs(
        content=[
            TokenLogprob(
                token=item.get("text") or "",
                logprob=sum(item.get("logprobs") or ()),
                bytes=list((item.get("text") or "").encode()),
                model_extra={"token_ids": item.get("token_ids"), "logprobs": item.get("logprobs")},
            )
            for item in items
        ]
    )


def _kept(name: str, value: object) -> JSON:
    return {"provider_specific_fields": {name: value}}
