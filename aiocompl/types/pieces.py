"""Chunks made piece by piece, by the stream decoders of dialects that are not OpenAI's.

Like `take`, these set the slots directly: they run once per event of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.types.chunk import (
    ChatCompletionChunk,
    ChoiceDelta,
    ChunkChoice,
    DeltaFunctionCall,
    DeltaToolCall,
)

if TYPE_CHECKING:
    from aiocompl.types.completion import ChoiceLogprobs, Usage
    from aiocompl.types.model import JSON

_new = object.__new__


class Chunks:
    """Makes the chunks of one stream: all share its `id`, `model` and `created`, and the first has the role.

    Args:
        model: The model's name, until the stream says better.
    """

    __slots__ = ("_first", "created", "id", "model")

    def __init__(self, model: str) -> None:
        self.id = ""
        self.model = model
        self.created = 0
        self._first = True

    def piece(
        self,
        content: str | None = None,
        reasoning: str | None = None,
        tool_calls: list[DeltaToolCall] | None = None,
        extra: JSON | None = None,
    ) -> ChatCompletionChunk:
        """A chunk that adds to the message.

        Args:
            content: More of the text.
            reasoning: More of the reasoning text.
            tool_calls: Tool calls, or more of their arguments.
            extra: Fields that OpenAI's schema does not have.
        """
        delta = _new(ChoiceDelta)
        delta.content = content
        delta.reasoning_content = reasoning
        delta.tool_calls = tool_calls
        delta.role = delta.refusal = delta.function_call = delta.audio = None
        delta._extra = extra
        if self._first:
            self._first = False
            delta.role = "assistant"
        choice = _new(ChunkChoice)
        choice.index = 0
        choice.delta = delta
        choice.finish_reason = choice.logprobs = choice._extra = None
        return self._chunk([choice])

    def with_logprobs(
        self, chunk: ChatCompletionChunk, logprobs: ChoiceLogprobs | None
    ) -> ChatCompletionChunk:
        """The chunk, with the log probabilities of its text."""
        chunk.choices[0].logprobs = logprobs
        return chunk

    def last(
        self, finish_reason: str | None, native: str | None, extra: JSON | None = None
    ) -> ChatCompletionChunk:
        """The chunk with the finish reason.

        Args:
            finish_reason: OpenAI's word.
            native: The provider's own word, kept beside it where there is one.
            extra: Fields of the message that OpenAI's schema does not have and that are known only now.
        """
        chunk = self.piece(extra=extra)
        choice = chunk.choices[0]
        choice.finish_reason = finish_reason
        if native is not None:
            choice.model_extra["native_finish_reason"] = native
        return chunk

    def usage(self, usage: Usage) -> ChatCompletionChunk:
        """The chunk with the usage, which has no choices."""
        chunk = self._chunk([])
        chunk.usage = usage
        return chunk

    def _chunk(self, choices: list[ChunkChoice]) -> ChatCompletionChunk:
        chunk = _new(ChatCompletionChunk)
        chunk.id = self.id
        chunk.object = "chat.completion.chunk"
        chunk.created = self.created
        chunk.model = self.model
        chunk.choices = choices
        chunk.usage = chunk.service_tier = chunk.system_fingerprint = chunk._extra = None
        return chunk


def call_start(index: int, call_id: str, name: str, arguments: str = "") -> DeltaToolCall:
    """The first piece of a function call."""
    function = DeltaFunctionCall(name=name, arguments=arguments)
    return DeltaToolCall(index=index, id=call_id, type="function", function=function)


def call_more(index: int, arguments: str) -> DeltaToolCall:
    """More of a function call's arguments."""
    return DeltaToolCall(index=index, function=DeltaFunctionCall(arguments=arguments))
