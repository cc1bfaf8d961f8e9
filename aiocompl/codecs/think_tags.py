"""Reasoning that a model writes into its content, between ``<think>`` and ``</think>``, told apart from the answer."""

from __future__ import annotations

from typing import Literal


class ThinkTags:
    """The content of one answer, in pieces of any size: where it was cut makes no difference.

    Only a tag at the very start counts, white space aside: one that comes later is the model's talk about tags. White
    space around the reasoning is dropped. A reasoning that no tag ends (the answer was cut short) is reasoning all the
    same.
    """

    __slots__ = ("_close", "_held", "_open", "_state")

    def __init__(self, tag: str) -> None:
        self._open, self._close = f"<{tag}>", f"</{tag}>"
        self._held = ""  # what can be told only once more has come
        self._state: Literal["start", "opened", "thinking", "closed", "text"] = "start"

    def feed(self, piece: str) -> tuple[str, str]:
        """Take a piece, and return what it adds to the reasoning and to the text."""
        if self._state == "text":
            return "", piece
        text, self._held = self._held + piece, ""
        return self._start(text) if self._state == "start" else self._go_on(text)

    def end(self) -> tuple[str, str]:
        """Take the end of the content, and return what was still held back."""
        held, self._held = self._held, ""
        thinking = self._state == "thinking"
        self._state = "text"
        return (held, "") if thinking else ("", held)

    def _start(self, text: str) -> tuple[str, str]:
        """Look for the opening tag; as long as it may still come, nothing is told."""
        begun = text.lstrip()
        if begun.startswith(self._open):
            self._state = "opened"
            return self._go_on(begun[len(self._open) :])
        if self._open.startswith(begun):
            self._held = text
            return "", ""
        self._state = "text"
        return "", text

    def _go_on(self, text: str) -> tuple[str, str]:
        reasoning = ""
        if self._state == "opened":
            text = text.lstrip()
            self._state = "thinking" if text else "opened"
        if self._state == "thinking":
            reasoning, text = self._think(text)
        if self._state == "closed":
            text = text.lstrip()
            self._state = "text" if text else "closed"
        return reasoning, text

    def _think(self, text: str) -> tuple[str, str]:
        """The reasoning in the text, and what follows its end."""
        inner, tag, rest = text.partition(self._close)
        if tag:
            self._state = "closed"
            return inner.rstrip(), rest
        partial = next(
            size for size in range(len(self._close) - 1, -1, -1) if text.endswith(self._close[:size])
        )
        sure = text[: len(text) - partial].rstrip()
        self._held = text[len(sure) :]
        return sure, ""
