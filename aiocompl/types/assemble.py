"""Chunks put together again into the whole answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson

from aiocompl.types.completion import (
    Annotation,
    Audio,
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    ChoiceLogprobs,
    CustomCall,
    FunctionCall,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiocompl.types.chunk import (
        ChatCompletionChunk,
        ChoiceDelta,
        ChunkChoice,
        DeltaFunctionCall,
        DeltaToolCall,
    )
    from aiocompl.types.model import JSON


@attrs.define
class _Pieces:
    """Text that comes in pieces; None as long as no piece has come."""

    parts: list[Any] | None = None

    def add(self, piece: Any) -> None:
        if piece is not None:
            if self.parts is None:
                self.parts = []
            self.parts.append(piece)

    def text(self) -> str | None:
        """The pieces put together; a piece that is no text, against all promises, goes in as JSON."""
        if self.parts is None:
            return None
        try:
            return "".join(self.parts)
        except TypeError:
            return "".join(
                part if isinstance(part, str) else orjson.dumps(part, default=repr).decode()
                for part in self.parts
            )

    def content(self) -> Any:
        """The pieces put together: text, or a list of blocks where some are blocks, in their order."""
        if self.parts is None or all(isinstance(part, str) for part in self.parts):
            return self.text()
        return _blocks(self.parts)


def _blocks(pieces: list[Any]) -> list[Any]:
    """Content in blocks, as a few dialects give it; what is text between them becomes a block too."""
    blocks: list[Any] = []
    text: JSON | None = None
    for piece in pieces:
        if not isinstance(piece, str):
            blocks += piece if isinstance(piece, list) else [piece]
            text = None
        elif text is not None:
            text["text"] += piece
        elif piece:
            text = {"type": "text", "text": piece}
            blocks.append(text)
    return blocks


@attrs.define
class _Call:
    """A tool call, or a legacy function call, in the making."""

    id: str = ""
    type: str = "function"
    name: str = ""
    arguments: _Pieces = attrs.field(factory=_Pieces)
    extra: JSON = attrs.field(factory=dict)
    inner_extra: JSON = attrs.field(factory=dict)
    """Unforeseen fields of the function (or custom call) within."""

    def add(self, delta: DeltaToolCall) -> None:
        self.id = delta.id or self.id
        self.type = delta.type or ("custom" if delta.custom else self.type)
        self.extra |= delta.model_extra
        if delta.function is not None:
            self.add_function(delta.function)
        if delta.custom is not None:
            self.name = delta.custom.name or self.name
            self.arguments.add(delta.custom.input)
            self.inner_extra |= delta.custom.model_extra

    def add_function(self, delta: DeltaFunctionCall) -> None:
        self.name = delta.name or self.name
        self.arguments.add(delta.arguments)
        self.inner_extra |= delta.model_extra

    def function(self) -> FunctionCall:
        return FunctionCall(
            name=self.name, arguments=self.arguments.text() or "", model_extra=self.inner_extra
        )

    def tool_call(self) -> ToolCall:
        if self.type == "custom":
            custom = CustomCall(
                name=self.name, input=self.arguments.text() or "", model_extra=self.inner_extra
            )
            return ToolCall(id=self.id, type=self.type, custom=custom, model_extra=self.extra)
        return ToolCall(id=self.id, type=self.type, function=self.function(), model_extra=self.extra)


@attrs.define
class _Answer:
    """One choice in the making."""

    index: int
    role: str = "assistant"
    content: _Pieces = attrs.field(factory=_Pieces)
    refusal: _Pieces = attrs.field(factory=_Pieces)
    reasoning: _Pieces = attrs.field(factory=_Pieces)
    calls: dict[int, _Call] = attrs.field(factory=dict)
    """The latest at each index."""
    earlier_calls: list[tuple[int, _Call]] = attrs.field(factory=list)
    """Those whose index another one was given too, against all promises."""
    function_call: _Call | None = None
    audio: Audio | None = None
    logprobs: ChoiceLogprobs | None = None
    finish_reason: str | None = None
    extra: JSON = attrs.field(factory=dict)
    message_extra: JSON = attrs.field(factory=dict)

    def add(self, choice: ChunkChoice) -> None:
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.model_extra:
            _merge(self.extra, choice.model_extra)
        if choice.logprobs is not None:
            self._add_logprobs(choice.logprobs)
        self._add_delta(choice.delta)

    def _add_delta(self, delta: ChoiceDelta) -> None:
        self.content.add(delta.content)
        self.refusal.add(delta.refusal)
        self.reasoning.add(delta.reasoning_content)
        self.role = delta.role or self.role
        for call in delta.tool_calls or ():
            self._add_call(call)
        if (function := delta.function_call) is not None:
            self.function_call = self.function_call or _Call()
            self.function_call.add_function(function)
        if delta.audio is not None:
            self.audio = _joined_audio(self.audio, delta.audio)
        if delta.model_extra:
            _merge(self.message_extra, delta.model_extra)

    def _add_call(self, delta: DeltaToolCall) -> None:
        call = self.calls.get(delta.index)
        if call is not None and delta.id and call.id not in ("", delta.id):
            self.earlier_calls.append((delta.index, call))
            call = None
        if call is None:
            call = self.calls[delta.index] = _Call()
        call.add(delta)

    def _add_logprobs(self, more: ChoiceLogprobs) -> None:
        if self.logprobs is None:
            self.logprobs = ChoiceLogprobs(model_extra=dict(more.model_extra))
        if more.content is not None:
            self.logprobs.content = [*(self.logprobs.content or ()), *more.content]
        if more.refusal is not None:
            self.logprobs.refusal = [*(self.logprobs.refusal or ()), *more.refusal]

    def choice(self) -> Choice:
        self.extra.pop("message", None)  # a few vendors write the blocking form's field beside the delta
        calls = sorted([*self.earlier_calls, *self.calls.items()], key=_place)
        annotations: list[JSON] = self.message_extra.pop("annotations", None) or []
        return Choice(
            index=self.index,
            finish_reason=self.finish_reason,
            logprobs=self.logprobs,
            model_extra=self.extra,
            message=ChatCompletionMessage(
                role=self.role,
                content=self._content(),
                refusal=self.refusal.text(),
                reasoning_content=self.reasoning.text(),
                tool_calls=[call.tool_call() for _, call in calls] or None,
                function_call=None if self.function_call is None else self.function_call.function(),
                annotations=[Annotation.model_validate(item) for item in annotations] or None,
                audio=self.audio,
                model_extra=self.message_extra,
            ),
        )

    def _content(self) -> Any:
        """The text, or blocks; null rather than empty beside a call or a refusal, as in OpenAI's blocking answers."""
        text = self.content.content()
        called = self.calls or self.function_call or self.refusal.parts or self.audio
        return None if not text and called else text


def stream_chunk_builder(chunks: Iterable[ChatCompletionChunk]) -> ChatCompletion:
    """Put the chunks of one stream together into the response that the blocking call would have given.

    Args:
        chunks: All chunks of the stream, in order. What came before one that is `restarted` is left out.

    Raises:
        ValueError: There are no chunks.
    """
    answers: dict[int, _Answer] = {}
    whole: ChatCompletion | None = None
    for chunk in chunks:
        if chunk.restarted:
            answers, whole = {}, None
            continue
        if whole is None:
            whole = ChatCompletion(id="", choices=[])
        _add_heading(whole, chunk)
        for choice in chunk.choices:
            answer = answers.get(choice.index)
            if answer is None:
                answer = answers[choice.index] = _Answer(choice.index)
            answer.add(choice)
    if whole is None:
        raise ValueError("there are no chunks to put together")
    whole.choices = [answer.choice() for _, answer in sorted(answers.items(), key=_place)]
    return whole


def _place(item: tuple[Any, object]) -> tuple[bool, Any]:
    """Where something stands; indices that are no numbers, against all promises, come last."""
    index = item[0]
    return (False, index) if isinstance(index, int | float) else (True, str(index))


def _add_heading(whole: ChatCompletion, chunk: ChatCompletionChunk) -> None:
    whole.id = whole.id or chunk.id
    whole.created = whole.created or chunk.created
    whole.model = whole.model or chunk.model
    whole.usage = chunk.usage or whole.usage
    whole.service_tier = chunk.service_tier or whole.service_tier
    whole.system_fingerprint = chunk.system_fingerprint or whole.system_fingerprint
    if chunk.model_extra:
        _merge(whole.model_extra, chunk.model_extra, joins=False)


_PADDING = frozenset({"obfuscation", "p"})
"""Random padding that providers add against the measuring of lengths."""


def _merge(into: JSON, more: JSON, *, joins: bool = True) -> None:
    """Fields nobody foresaw: later ones replace earlier ones; within choices, lists and texts continue them."""
    for key, value in more.items():
        if key in _PADDING:
            continue
        if key == "provider_specific_fields" and isinstance(value, dict):
            into[key] = kept = into[key] if isinstance(into.get(key), dict) else {}
            _merge(kept, value)
            continue
        if key == "reasoning_details" and isinstance(value, list):
            before = into.get(key)
            into[key] = _joined_details([*before, *value] if isinstance(before, list) else value)
            continue
        old: Any = into.get(key)
        in_pieces = isinstance(value, list) or (isinstance(value, str) and key not in _WHOLE)
        if joins and in_pieces and type(old) is type(value):
            into[key] = old + value
        elif value is not None or key not in into:
            into[key] = value


_WHOLE = frozenset({"channel", "id", "native_finish_reason", "object", "provider", "role", "type"})
"""Text fields that come whole each time."""


def _joined_details(details: list[Any]) -> list[Any]:
    """OpenRouter's reasoning details, each of which comes in pieces of one type and index, one after the other."""
    joined: list[Any] = []
    for detail in details:
        last = joined[-1] if joined else None
        if not isinstance(detail, dict):  # against all promises
            joined.append(detail)
            continue
        if not isinstance(last, dict) or any(last.get(key) != detail.get(key) for key in ("type", "index")):
            joined.append(dict(detail))
            continue
        for key, value in detail.items():
            if key in _DETAIL_TEXTS and isinstance(last.get(key), str) and isinstance(value, str):
                last[key] += value
            elif value is not None or key not in last:
                last[key] = value
    return joined


_DETAIL_TEXTS = frozenset({"data", "summary", "text"})


def _joined_audio(old: Audio | None, more: Audio) -> Audio:
    if old is None:
        return attrs.evolve(more, model_extra=dict(more.model_extra))
    return Audio(
        id=more.id or old.id,
        data=_joined(old.data, more.data),
        expires_at=more.expires_at or old.expires_at,
        transcript=_joined(old.transcript, more.transcript),
        model_extra=old.model_extra | more.model_extra,
    )


def _joined(old: str | None, more: str | None) -> str | None:
    return more if old is None else old + (more or "")
