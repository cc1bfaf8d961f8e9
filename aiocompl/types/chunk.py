"""OpenAI's chat completion chunk: one event of a stream.

Three objects are made per chunk, so `take` sets the slots directly instead of calling `__init__` with keywords.

Source: https://developers.openai.com/api/docs, the chat completion chunk object (2026-11).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.completion import Audio, ChoiceLogprobs, Usage
from aiocompl.types.model import JSON, Model

_new = object.__new__  # bound once; so are the takers of the parts below


@attrs.define(kw_only=True, repr=False)
class DeltaFunctionCall(Model):
    """A piece of a function call: the name once, the arguments in pieces of JSON text."""

    name: str | None = None
    arguments: str | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        return cls(name=data.pop("name", None), arguments=data.pop("arguments", None), model_extra=data)


@attrs.define(kw_only=True, repr=False)
class DeltaCustomCall(Model):
    """A piece of a custom tool's call: the name once, the input in pieces of text."""

    name: str | None = None
    input: str | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        return cls(name=data.pop("name", None), input=data.pop("input", None), model_extra=data)


@attrs.define(kw_only=True, repr=False)
class DeltaToolCall(Model):
    """A piece of the tool call at `index`: id, type and name come once, arguments in pieces."""

    index: int
    id: str | None = None
    type: str | None = None
    function: DeltaFunctionCall | None = None
    custom: DeltaCustomCall | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        function, custom = pop("function", None), pop("custom", None)
        return cls(
            index=pop("index", None) or 0,
            id=pop("id", None),
            type=pop("type", None),
            function=None if function is None else DeltaFunctionCall.take(function),
            custom=None if custom is None else DeltaCustomCall.take(custom),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class ChoiceDelta(Model):
    """What a chunk adds to a message; what it does not touch is None."""

    role: str | None = None
    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[DeltaToolCall] | None = None
    function_call: DeltaFunctionCall | None = None
    audio: Audio | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        delta = _new(cls)
        delta.content = data.pop("content", None)
        delta.role = delta.refusal = delta.reasoning_content = None
        delta.tool_calls = delta.function_call = delta.audio = delta._extra = None
        if data:  # most chunks hold content and nothing else
            delta._take_rest(data)
        return delta

    def _take_rest(self, data: JSON) -> None:
        pop = data.pop
        self.role = pop("role", None)
        self.refusal = pop("refusal", None)
        self.reasoning_content = pop("reasoning_content", None)
        if calls := pop("tool_calls", None):
            self.tool_calls = [DeltaToolCall.take(item) for item in calls]
        if call := pop("function_call", None):
            self.function_call = DeltaFunctionCall.take(call)
        if (audio := pop("audio", None)) is not None:
            self.audio = Audio.take(audio)
        self._extra = data or None


_take_delta = ChoiceDelta.take


@attrs.define(kw_only=True, repr=False)
class ChunkChoice(Model):
    """A chunk's part of the answer at `index`."""

    WIRE_NULLS: ClassVar[frozenset[str]] = frozenset({"finish_reason"})

    index: int
    delta: ChoiceDelta
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        choice = _new(cls)
        choice.index = pop("index", None) or 0
        choice.delta = _take_delta(pop("delta", None) or {})
        choice.finish_reason = pop("finish_reason", None) or None
        logprobs = pop("logprobs", None)
        choice.logprobs = None if logprobs is None else ChoiceLogprobs.take(logprobs)
        choice._extra = data or None
        return choice


_take_choice = ChunkChoice.take


@attrs.define(kw_only=True, repr=False)
class ChatCompletionChunk(Model):
    """One piece of a streamed answer, in the shape of OpenAI's chat completion chunk.

    For example::

        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt-4o",
         "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    """

    id: str
    object: str = "chat.completion.chunk"
    created: int = 0
    model: str = ""
    choices: list[ChunkChoice]
    usage: Usage | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None

    @property
    def restarted(self) -> bool:
        """Whether all chunks before it are to be discarded: the answer begins anew (``stream_recovery="restart"``)."""
        fields = None if self._extra is None else self._extra.get("provider_specific_fields")
        return isinstance(fields, dict) and fields.get("restarted") is True

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        chunk = _new(cls)
        chunk.id = pop("id", None) or ""
        chunk.object = pop("object", None) or "chat.completion.chunk"
        chunk.created = pop("created", None) or 0
        chunk.model = pop("model", None) or ""
        choices = pop("choices")
        if len(choices) == 1:  # nearly always; a comprehension costs a call of its own
            chunk.choices = [_take_choice(choices[0])]
        else:
            chunk.choices = [_take_choice(item) for item in choices]
        usage = pop("usage", None)
        chunk.usage = None if usage is None else Usage.take(usage)
        chunk.service_tier = pop("service_tier", None)
        chunk.system_fingerprint = pop("system_fingerprint", None)
        chunk._extra = data or None
        return chunk


ModelResponseStream = ChatCompletionChunk
"""LiteLLM's name for `ChatCompletionChunk`."""
