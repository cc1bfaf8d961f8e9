"""Recovery of broken streams: what a reader has got, and what of another answer is still to be handed out.

Pure: chunks go in and come out. Who asks again, and when, is `runtime.recovering`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import attrs

from aiocompl.errors import BadRequestError
from aiocompl.types.chunk import ChatCompletionChunk, ChoiceDelta, ChunkChoice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Recovery = Literal["raise", "resume", "restart", "buffer"]
"""What is done about a stream that breaks after its first token (see `CallOptions.stream_recovery`).

Before that all of them do the same: another answer is asked for, and the reader never knows.
"""

_RECOVERIES: Final = get_args(Recovery)

_THOUGHTS: Final = ("thinking_blocks", "reasoning_details")
"""Reasoning in fields that OpenAI's schema does not have."""


def recovery_of(options: Mapping[str, Any]) -> Recovery:
    """How a call wants its stream recovered.

    Raises:
        BadRequestError: There is no such way.
    """
    given = options.get("stream_recovery")
    for recovery in _RECOVERIES:
        if given == recovery:
            return recovery  # type: ignore[no-any-return] # one of the literals
    if given is None:
        return "raise"
    ways = ", ".join(_RECOVERIES)
    raise BadRequestError(
        f"stream_recovery must be one of {ways}, not {given!r:.40}", param="stream_recovery"
    )


class TextsDifferError(Exception):
    """The new answer does not begin with what the reader has got. Users never see it."""


@attrs.frozen(kw_only=True)
class Delivered:
    """What the reader of a stream has got of it."""

    id: str
    created: int
    texts: Mapping[int, str]
    """The text of each choice, by its index."""
    over: frozenset[int]
    """The choices that have their finish reason."""
    plain: bool
    """Whether all that was said is text (and the reasoning before it), so that another answer can go on with it."""

    @classmethod
    def of(cls, chunks: Sequence[ChatCompletionChunk]) -> Delivered:
        """What these chunks come to."""
        texts: dict[int, str] = {}
        over: set[int] = set()
        plain = True
        for choice in (choice for chunk in chunks for choice in chunk.choices):
            content = choice.delta.content
            plain = plain and not _has_more_than_text(choice.delta)
            texts[choice.index] = texts.get(choice.index, "") + (content if isinstance(content, str) else "")
            if choice.finish_reason is not None:
                over.add(choice.index)
        first = chunks[0] if chunks else None
        return cls(
            id=first.id if first else "",
            created=first.created if first else 0,
            texts=texts,
            over=frozenset(over),
            plain=plain,
        )

    @property
    def prefill(self) -> str:
        """The text that a model may be given to go on with: none where there are several choices."""
        return self.texts.get(0, "") if self.texts.keys() <= {0} and 0 not in self.over else ""


def _has_more_than_text(delta: ChoiceDelta) -> bool:
    return bool(
        delta.tool_calls
        or delta.function_call
        or delta.refusal
        or delta.audio
        or (delta.content is not None and not isinstance(delta.content, str))
    )


class Continuation:
    """Another answer after a reader has got the beginning of the first: hands out only what is new.

    All chunks have the first answer's `id` and `created`; `model` says who wrote each. The new answer's role is left out,
    and so is its reasoning: that belongs before the text.

    Args:
        delivered: What the reader has got; it is plain.
        prefilled: The part of the text that the new answer goes on from, or None where it begins anew.
        may_echo: Whether an answer that goes on may repeat first what it was given.
    """

    def __init__(self, delivered: Delivered, *, prefilled: str | None = None, may_echo: bool = False) -> None:
        self._delivered = delivered
        self._seams: dict[int, _Seam] = {}
        for index, text in delivered.texts.items():
            if index in delivered.over:
                continue
            if prefilled is None:
                self._seams[index] = _Seam(must=text)
            else:
                self._seams[index] = _Seam(
                    may=text.removeprefix(prefilled), echo=prefilled if may_echo else ""
                )

    def take(self, chunks: Iterable[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """Take chunks of the new answer, which are changed, and return those that are to be read.

        Raises:
            TextsDifferError: The new answer is another one.
        """
        shown = []
        for chunk in chunks:
            if not chunk.choices or self._take_choices(chunk):
                chunk.id, chunk.created = self._delivered.id, self._delivered.created
                shown.append(chunk)
        return shown

    def end(self) -> None:
        """The new answer is at its end.

        Raises:
            TextsDifferError: It is shorter than what the reader has got, or has no end.
        """
        if any(seam.pending for seam in self._seams.values()):
            raise TextsDifferError

    def _take_choices(self, chunk: ChatCompletionChunk) -> bool:
        """Leave what is new of a chunk's choices; whether there is any."""
        fresh = [choice for choice in chunk.choices if self._take_choice(choice)]
        if not fresh and chunk.usage is not None:
            fresh = [_empty_choice(chunk.choices[0].index)]
        chunk.choices = fresh
        return bool(fresh)

    def _take_choice(self, choice: ChunkChoice) -> bool:
        index, delta = choice.index, choice.delta
        if index in self._delivered.over:
            return False
        if index not in self._delivered.texts:  # the reader has got nothing of it
            return True
        _leave_out_thoughts(delta)
        if (seam := self._seams.get(index)) is not None and not self._join(seam, choice):
            return False
        return (
            bool(delta.content)
            or _has_more_than_text(delta)
            or choice.finish_reason is not None
            or bool(delta.model_extra)
        )

    def _join(self, seam: _Seam, choice: ChunkChoice) -> bool:
        """Take off what the reader has got; whether anything may be new."""
        delta, over = choice.delta, choice.finish_reason is not None
        if isinstance(delta.content, str):
            text = seam.take(delta.content)
            if text != delta.content:
                delta.content, choice.logprobs = text or None, None
        if over and (held := seam.release()):
            delta.content = held + (delta.content or "")
        if not seam.must:
            return True
        if over or _has_more_than_text(delta):
            raise TextsDifferError
        return False


class _Seam:
    """Where the new text of a choice joins the old one.

    Args:
        must: What it begins with.
        may: What it may begin with, or with a part of that.
        echo: What it may begin with as a whole.
    """

    __slots__ = ("_echo", "_held", "_may", "must")

    def __init__(self, *, must: str = "", may: str = "", echo: str = "") -> None:
        self.must = must
        self._may = may
        self._echo = echo
        self._held = ""  # of what may be an echo

    def take(self, text: str) -> str:
        """What is new of a piece of the new text.

        Raises:
            TextsDifferError: It does not begin as it must.
        """
        if self._echo:
            text = self._take_echo(text)
        if text and self.must:
            length = min(len(text), len(self.must))
            if text[:length] != self.must[:length]:
                raise TextsDifferError
            self.must, text = self.must[length:], text[length:]
        while text and self._may:
            if text[0] != self._may[0]:
                self._may = ""
                break
            text, self._may = text[1:], self._may[1:]
        return text

    @property
    def pending(self) -> bool:
        """Whether the new text has not gone beyond the old one."""
        return bool(self.must or self._held)

    def release(self) -> str:
        """At the end: what was held back as an echo, and was none."""
        held, self._held, self._echo = self._held, "", ""
        return self.take(held) if held else ""

    def _take_echo(self, text: str) -> str:
        held = self._held + text
        if len(held) < len(self._echo) and self._echo.startswith(held):
            self._held = held
            return ""
        text = held.removeprefix(self._echo)
        self._held = self._echo = ""
        return text


def _leave_out_thoughts(delta: ChoiceDelta) -> None:
    delta.role = delta.reasoning_content = None
    for name in _THOUGHTS:
        delta.model_extra.pop(name, None)


def _empty_choice(index: int) -> ChunkChoice:
    return ChunkChoice(index=index, delta=ChoiceDelta())


def restart_chunk(first: ChatCompletionChunk) -> ChatCompletionChunk:
    """The chunk that has a reader discard what it has got; it has the heading of the answer that follows.

    It is `restarted`, and has a choice like any other chunk, which adds nothing.

    Args:
        first: The first chunk of that answer.
    """
    return ChatCompletionChunk(
        id=first.id,
        created=first.created,
        model=first.model,
        choices=[_empty_choice(0)],
        model_extra={"provider_specific_fields": {"restarted": True}},
    )
