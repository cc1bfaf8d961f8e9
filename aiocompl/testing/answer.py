"""What a simulated model says, in no provider's terms; a dialect turns it into bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]

_WORD: Final = re.compile(r"\s*\S+|\s+\Z")


def _as_json_text(value: str | Mapping[str, Any]) -> str:
    return value if isinstance(value, str) else orjson.dumps(dict(value)).decode()


def _as_calls(value: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(value)


def _as_sizes(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


@attrs.frozen(kw_only=True)
class ToolCall:
    """A call of one of the caller's functions."""

    name: str
    """The function's name."""

    arguments: str = attrs.field(default="{}", converter=_as_json_text)
    """Its arguments: a mapping, or text that is sent as it stands, so that it may be broken JSON."""

    id: str | None = None
    """The call's id; None makes one from the request's number."""


@attrs.frozen(kw_only=True)
class Usage:
    """Token counts; the details are included in the totals."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@attrs.frozen(kw_only=True)
class Answer:
    """One answer of the model; what is left out is not said."""

    text: str | None = None
    """What it says."""

    tool_calls: tuple[ToolCall, ...] = attrs.field(default=(), converter=_as_calls)
    """The functions it calls."""

    refusal: str | None = None
    """What it says instead of an answer."""

    reasoning: str | None = None
    """What it thinks before, sent where the dialect has a place for it."""

    logprobs: tuple[float, ...] | None = None
    """One for each token of `text`, sent where the request asks for them; None makes some up."""

    finish_reason: FinishReason | None = None
    """Why it ends; None for what fits: ``"tool_calls"`` after tool calls, else ``"stop"``."""

    usage: Usage | None = None
    """What is counted; None counts the tokens that are sent and estimates the prompt's."""

    token_chars: tuple[int, ...] = attrs.field(default=(), converter=_as_sizes)
    """How it is cut into tokens, one streamed event each: sizes in characters, taken in turn, the last one for all
    that is left. Empty cuts before the white space between words, so one long word stays one event."""

    def cut(self, text: str | None) -> list[str]:
        """The text as the tokens in which it is streamed; joined they give the text."""
        if not text:
            return []
        if not self.token_chars:
            return _WORD.findall(text)
        tokens = []
        start = 0
        for size in self.token_chars[:-1]:
            tokens.append(text[start : start + size])
            start += size
        last = self.token_chars[-1]
        tokens += [text[at : at + last] for at in range(start, len(text), last)]
        return [token for token in tokens if token]

    def completion_tokens(self) -> int:
        """How many tokens it is, reasoning and arguments included."""
        spoken = (self.reasoning, self.refusal, self.text, *(call.arguments for call in self.tool_calls))
        return sum(len(self.cut(part)) for part in spoken) or 1

    @property
    def ending(self) -> FinishReason:
        """`finish_reason`, or the one that fits."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")
