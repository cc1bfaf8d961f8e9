"""What a Claude model can do, read from its name: Anthropic's own, Bedrock's or Vertex's spelling of it.

A name that tells no version is taken for a model that can do everything, and its provider has the last word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

import attrs

FAMILIES: Final = frozenset({"instant", "haiku", "sonnet", "opus", "fable", "mythos"})
ALWAYS_THINKING: Final = frozenset({"fable", "mythos"})
UNKNOWN_MAX_TOKENS: Final = 4096
EARLIER_MAX_TOKENS: Final = 8192
MINOR_PARTS: Final = 2

_SEPARATORS: Final = re.compile(r"[-@:_/.]")
_VERSION_PART: Final = re.compile(r"v?\d{1,2}")

_MAX_OUTPUT: Final = (((3, 5), 4096), ((3, 7), 8192), ((4, 6), 64_000))
"""The longest answer of the models before each version."""

_NEWEST_MAX_OUTPUT: Final = 128_000
_OPUS_4_MAX_OUTPUT: Final = 32_000


@attrs.frozen(kw_only=True)
class Claude:
    """A model's family and version, and what follows from them."""

    family: str
    version: tuple[int, int] | None
    """Major and minor; None where the name does not tell."""
    named: bool = True
    """Whether the name says that it is a Claude at all."""

    @property
    def max_output(self) -> int:
        """Tokens of the longest answer."""
        if self.version is None:
            return UNKNOWN_MAX_TOKENS
        if self.family == "opus" and (4, 0) <= self.version < (4, 5):
            return _OPUS_4_MAX_OUTPUT
        return next((most for before, most in _MAX_OUTPUT if self.version < before), _NEWEST_MAX_OUTPUT)

    @property
    def default_max_tokens(self) -> int:
        """The bound where the caller sets none, for the dialect must have one.

        Models before 4.5 refuse a prompt that leaves no room for the bound, so theirs is not the longest answer.
        """
        return self.max_output if self._from(4, 5) else min(self.max_output, EARLIER_MAX_TOKENS)

    @property
    def text_only(self) -> bool:
        """Whether it neither sees nor calls tools: Claude 2 and Instant, whatever can be said to them besides."""
        return self.version is not None and self.version < (3, 0)

    @property
    def samples(self) -> bool:
        """Whether `temperature`, `top_p` and `top_k` are taken."""
        return self.version is None or self.version < (4, 7)

    @property
    def samples_by_one(self) -> bool:
        """Whether `temperature` and `top_p` are refused together."""
        return self.version in {(4, 1), (4, 5)}

    @property
    def thinking(self) -> Literal["none", "budget", "adaptive"]:
        """How the model is told to think: not at all, by a budget of tokens, or by an effort."""
        if self.version is None:
            return "adaptive" if self.named else "budget"
        if self.version < (3, 7):
            return "none"
        return "budget" if self.version < (4, 6) else "adaptive"

    @property
    def always_thinks(self) -> bool:
        """Whether thinking cannot be switched off."""
        return self.family in ALWAYS_THINKING or (
            self.family in {"opus", "sonnet"} and self.version is not None and self.version >= (5, 5)
        )

    @property
    def can_be_forced(self) -> bool:
        """Whether a tool call can be demanded."""
        return not (self.always_thinks and self.version is not None and self.version > (5, 0))

    @property
    def efforts(self) -> tuple[str, ...]:
        """The efforts that an adaptive model knows."""
        return ("low", "medium", "high", *(("xhigh",) if self._from(4, 7) else ()), "max")

    @property
    def structured(self) -> bool:
        """Whether answers can be held to a JSON Schema without a tool."""
        return self._from(4, 5)

    @property
    def takes_prefill(self) -> bool:
        """Whether the beginning of an answer can be given, to be gone on with."""
        return self.version is None or self.version < (4, 6)

    @property
    def takes_late_system(self) -> bool:
        """Whether system messages may stand amid the conversation."""
        return self.version is not None and self.version >= (4, 8)

    @property
    def needs_user_first(self) -> bool:
        """Whether a conversation must begin with a user's turn."""
        return self.version is not None and self.version < (4, 5)

    def _from(self, major: int, minor: int) -> bool:
        """Whether this version, or one unknown, is at least that one."""
        return self.version is None or self.version >= (major, minor)


@lru_cache(maxsize=256)
def claude_of(model: str) -> Claude:
    """Read a model's name, such as ``claude-sonnet-4-5`` or ``us.anthropic.claude-3-5-haiku-20241022-v1:0``."""
    _, mark, rest = model.lower().rpartition("claude")
    if not mark:
        return Claude(family="", version=None, named=False)
    family, numbers = "", list[int]()
    for part in _SEPARATORS.split(rest):
        if part in FAMILIES:
            family = part
        elif _VERSION_PART.fullmatch(part):
            if len(numbers) == MINOR_PARTS or (numbers and part[0] == "v"):
                break
            numbers.append(int(part.removeprefix("v")))
        elif part.isdigit():
            break  # the date ends the version
    if not numbers:
        return Claude(family=family, version=None)
    minor = numbers[1] if len(numbers) == MINOR_PARTS else 0
    return Claude(family=family, version=(numbers[0], minor))
