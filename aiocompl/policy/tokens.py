"""How many tokens a text or a prompt is: counted with a tokenizer that is handed in, or estimated without any.

Source: characters per token as measured over common tokenizers (2026-11): 4 for Latin scripts, 2.5 for Cyrillic,
Greek, Arabic, Hebrew and Indic ones, 1.5 for Chinese, Japanese and Korean. What stands around messages: OpenAI's cookbook.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiocompl.policy.families import family_of
from aiocompl.policy.tool_text import tools_as_text
from aiocompl.types.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiocompl.policy.families import Family
    from aiocompl.types.request import Messages

Count: TypeAlias = Callable[[str], int]
"""A tokenizer: how many tokens a text is."""

_LATIN: Final = 0x0370
_MIDDLE: Final = 0x2E80
_LOOKED_AT: Final = 4000
_PER_MESSAGE: Final = 3
_PER_CALL: Final = 4
_SMALL_IMAGE: Final = 85
_BETWEEN_WORDS: Final = re.compile(r"(?<=[^\W_])(?=[ \n][^\W_])").search
_IMAGES: Final = ("image_url", "input_image", "image")  # a tuple: what is looked up may not be hashable
_SYSTEM_AND_TOOLS: Final = 4
_ROLE_AND_CONTENT: Final = 2
_ANY: Final = family_of(None)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is. Of a long text that is not ASCII some characters only are looked at."""
    size = len(text)
    if text.isascii():
        return -(-size // 4)
    sample = text[:: size // _LOOKED_AT + 1]
    latin = sum(1 for character in sample if ord(character) < _LATIN)
    middle = sum(1 for character in sample if _LATIN <= ord(character) < _MIDDLE)
    tokens = latin / 4 + middle / 2.5 + (len(sample) - latin - middle) / 1.5
    return round(tokens * size / len(sample))


def estimate_prompt_tokens(
    messages: Messages, *, tools: Sequence[Any] | None = None, model: str | None = None
) -> int:
    """About how many tokens a prompt is; images count as one of middle size, other media as nothing."""
    return count_prompt(messages, tools, family_of(model), estimate_tokens)[0]


def rough_prompt_tokens(messages: Messages, *, tools: Sequence[Any] | None = None) -> int:
    """The same as `estimate_prompt_tokens`, in a fraction of the time where there is nothing but plain ASCII text."""
    if tools:
        return estimate_prompt_tokens(messages, tools=tools)
    tokens = 0
    for message in messages:
        if type(message) is not dict or len(message) != _ROLE_AND_CONTENT:
            return estimate_prompt_tokens(messages)
        role, text = message.get("role"), message.get("content")
        if type(text) is not str or type(role) is not str or not text.isascii():
            return estimate_prompt_tokens(messages)
        tokens += _PER_MESSAGE + (len(role) + 3) // 4 + (len(text) + 3) // 4
    return round(tokens * _ANY.factor) + _ANY.primer


def pieces(text: str, size: int) -> Iterator[str]:
    """A long text in pieces of about `size` characters that are the same tokens together as it is whole.

    It is cut before a space or the end of a line that stands between words, where no token goes across; a text without
    such places stays whole.
    """
    begin = 0
    while len(text) - begin > size and (found := _BETWEEN_WORDS(text, begin + size)):
        yield text[begin : found.start()]
        begin = found.start()
    yield text[begin:]


def count_texts(texts: Iterable[str], family: Family, count: Count) -> tuple[int, bool]:
    """How many tokens texts are, and whether that is so exactly where `count` is the family's own tokenizer."""
    return round(sum(map(count, texts)) * family.factor), family.exact


def count_prompt(
    messages: Messages, tools: Sequence[Any] | None, family: Family, count: Count
) -> tuple[int, bool]:
    """How many tokens a prompt is, and whether that is so exactly where `count` is the family's own tokenizer."""
    reader = _Reader(family, count)
    tokens = sum(map(reader.message, messages))
    if tools:
        reader.plain = False
        tokens += count(tools_as_text(tools))
    whole = round(tokens * family.factor) + reader.fixed + family.primer
    if tools:
        whole += family.tools
        if family.exact and any(_get(message, "role") == "system" for message in messages):
            whole -= _SYSTEM_AND_TOOLS
    return whole, family.exact_messages and reader.plain


class _Reader:
    """Counts messages one by one."""

    def __init__(self, family: Family, count: Count) -> None:
        self._family = family
        self._count = count
        self.plain = True
        """Whether there was nothing but text so far."""
        self.fixed = 0
        """Tokens that no tokenizer counts: those of images."""

    def message(self, message: object) -> int:
        tokens = _PER_MESSAGE + self._text(_get(message, "role")) + self._content(_get(message, "content"))
        if name := self._text(_get(message, "name")):
            tokens += 1 + name
        calls = _get(message, "tool_calls") or ()
        if call := _get(message, "function_call"):
            calls = ({"function": call},)
        if isinstance(calls, (list, tuple)):
            tokens += sum(map(self._call, calls))
        return tokens

    def _content(self, content: object) -> int:
        if isinstance(content, (list, tuple)):
            return sum(map(self._part, content))
        return self._text(content)

    def _part(self, part: object) -> int:
        text = _get(part, "text")
        if isinstance(text, str):
            return self._count(text)
        self.plain = False
        if _get(part, "type") in _IMAGES:
            small = _get(_get(part, "image_url"), "detail") == "low"
            self.fixed += _SMALL_IMAGE if small else self._family.image
        return 0

    def _call(self, call: object) -> int:
        self.plain = False
        function = _get(call, "function")
        return _PER_CALL + self._text(_get(function, "name")) + self._text(_get(function, "arguments"))

    def _text(self, text: object) -> int:
        return self._count(text) if isinstance(text, str) else 0


def _get(holder: object, name: str) -> Any:
    """A field of a mapping or of an object out of an answer; None where it is neither."""
    return holder.get(name) if isinstance(holder, (Mapping, Model)) else None
